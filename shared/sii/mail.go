package sii

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"timbre/shared/rut"
	"timbre/shared/store"
)

// ErrNoMailYet says that the SII has not finished with an envelope, so that there is no mail about it.
var ErrNoMailYet = errors.New("sii: no result mail yet")

const (
	mailTokenDead   = "104" // token inactive or unknown
	mailNotFinished = "114" // validation not finished
)

// MailAgain has the SII send the result mail of an upload once more, to the address that the company has
// registered there (wsDTECorreo, reenvioCorreo; codes from client tables).
func (s *Session) MailAgain(ctx context.Context, company rut.RUT, track string) error {
	_, err := ask(ctx, s, func(token string) (string, error) {
		return "", s.client.mailAgain(ctx, s.env, token, company, track)
	})
	return err
}

func (c *Client) mailAgain(ctx context.Context, env store.Environment, token string, company rut.RUT, track string) error {
	doc, err := c.query(ctx, env, pathMail, opMail,
		param{"Token", token}, param{"RutEmpresa", strconv.Itoa(company.Number())}, param{"DvEmpresa", company.Digit()},
		param{"TrackId", track})
	if err != nil {
		return err
	}
	state, _ := doc.first("ESTADO")
	switch state {
	case "0":
		return nil
	case "":
		return fmt.Errorf("%w: %s without ESTADO", ErrUnavailable, opMail)
	case mailNotFinished:
		return ErrNoMailYet
	}
	glosa, _ := doc.first("GLOSA")
	return &StatusError{Op: opMail, Code: state, Glosa: clip(glosa, 300)}
}
