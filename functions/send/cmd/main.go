// Command send serves the function send.
package main

import (
	"context"
	"log/slog"
	"time"
	_ "time/tzdata" // the image has no zones; envelopes are dated in America/Santiago

	"timbre/functions/send"
	"timbre/shared/access"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/gcp/bus"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/gcp/secret"
	"timbre/shared/serve"
	"timbre/shared/settings"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	_ send.Uploader   = (*sii.Session)(nil)
	_ send.Companies  = (*company.Directory)(nil)
	_ send.Identities = (*company.Vault)(nil)
	_ event.Publisher = (*bus.Bus)(nil)
)

func main() { serve.Main(run) }

func run(ctx context.Context, logger *slog.Logger) error {
	cfg, err := settings.Load[send.Config](ctx)
	if err != nil {
		return err
	}
	storage, err := gcsstore.NewClient(ctx)
	if err != nil {
		return err
	}
	state := store.NewBucket(storage.Bucket(cfg.StateBucket))
	archive := store.NewBucket(storage.Bucket(cfg.ArchiveBucket))
	secrets, err := secret.New(ctx, cfg.Project, cfg.SecretManagerEmulator)
	if err != nil {
		return err
	}
	events, err := bus.New(ctx, cfg.Project)
	if err != nil {
		return err
	}
	guard, err := access.New(ctx, cfg.Access, access.NewKeys(state, time.Now), logger)
	if err != nil {
		return err
	}
	client := sii.New(state, time.Now, sii.Options{BaseURL: cfg.SIIBaseURL, DrainEvery: cfg.DrainEvery, TokenWait: cfg.TokenWait})
	handler, err := send.New(cfg, send.Deps{
		State: state, Archive: archive, Events: events, Guard: guard, Logger: logger, Now: time.Now,
		Companies: company.NewDirectory(state, time.Now), Identities: company.NewVault(secrets, nil),
		SII: func(env store.Environment, id *cert.Identity) send.Uploader { return client.As(env, sii.PersonOf(id)) },
		Boletas: func(env store.Environment, id *cert.Identity) send.Uploader {
			return client.AsBoletas(env, sii.PersonOf(id))
		},
	})
	if err != nil {
		return err
	}
	checks := append(handler.Checks(), serve.Check{Name: "secrets", Probe: secrets.Check})
	server, err := serve.New(serve.Options{Handler: handler, Logger: logger, Checks: checks})
	if err != nil {
		return err
	}
	return serve.Run(ctx, cfg.Host, cfg.Port, server)
}
