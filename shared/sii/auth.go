package sii

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"timbre/shared/rut"
	"timbre/shared/store"
)

// stateOK is the ESTADO of a seed or token that was given.
const stateOK = "00"

// Person is in whose name the SII is asked: the owner of a certificate.
type Person struct {
	RUT rut.RUT
	// Certificate is the SHA-256 of the certificate; tokens are kept by it.
	Certificate [sha256.Size]byte
	// SignSeed writes the signed getToken document for a seed.
	SignSeed func(seed string) ([]byte, error)
}

// login gets a token: a seed, which lives two minutes, signed and handed back (Autenticación automática
// v1.9). A seed that is not accepted any more (08) is asked for once again.
func (c *Client) login(ctx context.Context, env store.Environment, p Person) (string, error) {
	token, err := c.loginOnce(ctx, env, p)
	var refused *StatusError
	if errors.As(err, &refused) && refused.Op == opToken && refused.Code == "08" {
		return c.loginOnce(ctx, env, p)
	}
	return token, err
}

func (c *Client) loginOnce(ctx context.Context, env store.Environment, p Person) (string, error) {
	doc, err := c.query(ctx, env, pathSeed, opSeed)
	if err != nil {
		return "", err
	}
	seed, err := valueOf(doc, opSeed, "SEMILLA")
	if err != nil {
		return "", err
	}
	signed, err := p.SignSeed(seed)
	if err != nil {
		return "", fmt.Errorf("sign the seed: %w", err)
	}
	doc, err = c.query(ctx, env, pathToken, opToken, param{"pszXml", string(signed)})
	if err != nil {
		return "", err
	}
	return valueOf(doc, opToken, "TOKEN")
}

// valueOf is the value that an answer with ESTADO 00 gives; the state is compared as text.
func valueOf(doc inner, op, name string) (string, error) {
	state, _ := doc.first("ESTADO")
	value, _ := doc.first(name)
	switch {
	case state == "":
		return "", fmt.Errorf("%w: %s without ESTADO", ErrUnavailable, op)
	case state != stateOK:
		glosa, _ := doc.first("GLOSA")
		return "", &StatusError{Op: op, Code: state, Glosa: clip(glosa, 300)}
	case value == "":
		return "", fmt.Errorf("%w: %s without %s", ErrUnavailable, op, name)
	}
	return value, nil
}
