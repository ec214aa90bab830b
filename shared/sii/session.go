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
	client *Client
	env    store.Environment
	person Person
}

// As opens a session; nothing is asked yet.
func (c *Client) As(env store.Environment, p Person) *Session {
	return &Session{client: c, env: env, person: p}
}

// Ready makes sure that there is a token, so that an upload that follows fails for no lack of one.
func (s *Session) Ready(ctx context.Context) error {
	_, err := s.token(ctx, "")
	return err
}

// Upload posts an envelope for a company. Without an error the answer is definite, whatever its STATUS.
func (s *Session) Upload(ctx context.Context, company rut.RUT, name string, data []byte) (UploadResult, error) {
	token, err := s.token(ctx, "")
	if err != nil {
		return UploadResult{Status: statusNone}, err
	}
	f := file{sender: s.person.RUT, company: company, name: name, data: data}
	result, err := s.client.upload(ctx, s.env, token, f)
	if err != nil || result.Status != StatusToken {
		return result, err
	}
	token, err = s.token(ctx, token)
	if err != nil {
		return result, nil //nolint:nilerr // the definite answer stands: not received for want of a token
	}
	return s.client.upload(ctx, s.env, token, f)
}

// EnvelopeState asks QueryEstUp for an upload of a company.
func (s *Session) EnvelopeState(ctx context.Context, company rut.RUT, track string) (EnvelopeState, error) {
	return ask(ctx, s, func(token string) (EnvelopeState, error) {
		return s.client.envelopeState(ctx, s.env, token, company, track)
	})
}

// DocumentState asks QueryEstDte for one document.
func (s *Session) DocumentState(ctx context.Context, q Question) (DocumentState, error) {
	return ask(ctx, s, func(token string) (DocumentState, error) {
		return s.client.documentState(ctx, s.env, token, s.person.RUT, q)
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
	name := store.Token(s.env, store.DTE, s.person.Certificate)
	return s.client.tokens.get(ctx, name, refused, func(ctx context.Context) (string, error) {
		return s.client.login(ctx, s.env, s.person)
	})
}
