package sii

import (
	"context"

	"timbre/shared/rut"
	"timbre/shared/store"
)

// service is one of the two ways to the SII: the SOAP services with DTEUpload, or that of the boletas.
type service interface {
	channel() store.Channel
	// uploadHost is the machine that takes uploads.
	uploadHost() string
	login(ctx context.Context, p Person) (string, error)
	upload(ctx context.Context, token string, f file) (UploadResult, error)
	envelopeState(ctx context.Context, token string, company rut.RUT, track string) (EnvelopeState, error)
	documentState(ctx context.Context, token string, person rut.RUT, q Question) (DocumentState, error)
}

// documents are the SOAP services with DTEUpload, which take every type in certification.
type documents struct {
	client *Client
	env    store.Environment
}

func (d documents) channel() store.Channel { return store.DTE }

func (d documents) uploadHost() string { return hosts[d.env] }

func (d documents) login(ctx context.Context, p Person) (string, error) {
	return d.client.login(ctx, d.env, p)
}

func (d documents) upload(ctx context.Context, token string, f file) (UploadResult, error) {
	return d.client.upload(ctx, d.env, token, f)
}

func (d documents) envelopeState(ctx context.Context, token string, company rut.RUT, track string) (EnvelopeState, error) {
	return d.client.envelopeState(ctx, d.env, token, company, track)
}

func (d documents) documentState(ctx context.Context, token string, person rut.RUT, q Question) (DocumentState, error) {
	return d.client.documentState(ctx, d.env, token, person, q)
}
