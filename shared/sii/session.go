package sii

import (
	"context"
	"crypto/sha256"
	"errors"

	"timbre/shared/cert"
	"timbre/shared/rut"
	"timbre/shared/store"
	"timbre/shared/xmldsig"
)

// PersonOf is the owner of a certificate.
func PersonOf(id *cert.Identity) Person {
	return Person{
		RUT:         id.RUT,
		Certificate: sha256.Sum256(id.Certificate.Raw),
		SignSeed:    func(seed string) ([]byte, error) { return xmldsig.SignSeed(id, seed) },
	}
}

// Session asks in the name of a person in one environment. On each sign that the token is dead it is
// renewed once and the call repeated once.
type Session struct {
	client  *Client
	env     store.Environment
	person  Person
	service service
}

// As opens a session; nothing is asked yet.
func (c *Client) As(env store.Environment, p Person) *Session {
	return &Session{client: c, env: env, person: p, service: documents{c, env}}
}

// AsBoletas opens a session at the service of the boletas, which is another world: neither knows what was
// sent to the other.
func (c *Client) AsBoletas(env store.Environment, p Person) *Session {
	return &Session{client: c, env: env, person: p, service: boletas{c, env}}
}

// Ready makes sure that there is a token and that the host that takes uploads is not left alone, so that
// an upload that follows fails for neither. After an outage it waits for the upload's turn.
func (s *Session) Ready(ctx context.Context) error {
	circuit := s.client.circuits.of(s.service.uploadHost())
	if err := circuit.ready(); err != nil {
		return err
	}
	if _, err := s.token(ctx, ""); err != nil {
		return err
	}
	return circuit.turn(ctx)
}

// Upload posts an envelope for a company. Without an error the answer is definite, whatever its STATUS.
func (s *Session) Upload(ctx context.Context, company rut.RUT, name string, data []byte) (UploadResult, error) {
	token, err := s.token(ctx, "")
	if err != nil {
		return UploadResult{Status: statusNone}, err
	}
	f := file{sender: s.person.RUT, company: company, name: name, data: data}
	result, err := s.service.upload(ctx, token, f)
	if err != nil || result.Status != StatusToken {
		return result, err
	}
	token, err = s.token(ctx, token)
	if err != nil {
		return result, nil //nolint:nilerr // the definite answer stands: not received for want of a token
	}
	return s.service.upload(ctx, token, f)
}

// EnvelopeState asks for an upload of a company (QueryEstUp).
func (s *Session) EnvelopeState(ctx context.Context, company rut.RUT, track string) (EnvelopeState, error) {
	return ask(ctx, s, func(token string) (EnvelopeState, error) {
		return s.service.envelopeState(ctx, token, company, track)
	})
}

// DocumentState asks for one document (QueryEstDte).
func (s *Session) DocumentState(ctx context.Context, q Question) (DocumentState, error) {
	return ask(ctx, s, func(token string) (DocumentState, error) {
		return s.service.documentState(ctx, token, s.person.RUT, q)
	})
}

func ask[T any](ctx context.Context, s *Session, call func(token string) (T, error)) (T, error) {
	token, err := s.token(ctx, "")
	if err != nil {
		var none T
		return none, err
	}
	result, err := call(token)
	if !errors.Is(err, ErrTokenDead) {
		return result, err
	}
	renewed, renewErr := s.token(ctx, token)
	if renewErr != nil {
		return result, renewErr
	}
	return call(renewed)
}

func (s *Session) token(ctx context.Context, refused string) (string, error) {
	name := store.Token(s.env, s.service.channel(), s.person.Certificate)
	return s.client.tokens.get(ctx, name, refused, func(ctx context.Context) (string, error) {
		return s.service.login(ctx, s.person)
	})
}
