// Command onboard serves the function onboard.
package main

import (
	"context"
	"log/slog"
	"time"

	"timbre/functions/onboard"
	"timbre/shared/access"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dial"
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
	_ company.Secrets  = (*secret.Manager)(nil)
	_ onboard.Inquirer = (*sii.Session)(nil)
	_ event.Publisher  = (*bus.Bus)(nil)
)

func main() { serve.Main(run) }

func run(ctx context.Context, logger *slog.Logger) error {
	cfg, err := settings.Load[onboard.Config](ctx)
	if err != nil {
		return err
	}
	siiKeys, err := company.ReadSIIKeys(cfg.SIICAFKeys)
	if err != nil {
		return err
	}
	secrets, err := secret.New(ctx, cfg.Project, cfg.SecretManagerEmulator)
	if err != nil {
		return err
	}
	storage, err := gcsstore.NewClient(ctx)
	if err != nil {
		return err
	}
	state := store.NewBucket(storage.Bucket(cfg.StateBucket))
	archive := store.NewBucket(storage.Bucket(cfg.ArchiveBucket))
	events, err := bus.New(ctx, cfg.Project)
	if err != nil {
		return err
	}
	keys := access.NewKeys(state, time.Now)
	guard, err := access.New(ctx, cfg.Access, keys, logger)
	if err != nil {
		return err
	}
	client := sii.New(state, time.Now, sii.Options{BaseURL: cfg.SIIBaseURL})
	handler, err := onboard.New(cfg, onboard.Deps{
		State: state, Archive: archive, Secrets: secrets, SIIKeys: siiKeys, Keys: keys, Guard: guard, Events: events, Logger: logger, Now: time.Now,
		SII:     func(e store.Environment, id *cert.Identity) onboard.Inquirer { return client.As(e, sii.PersonOf(id)) },
		SIIDate: client.Date, Dial: dial.New(dial.Options{AllowPrivate: cfg.AllowPrivateHosts}).DialContext,
	})
	if err != nil {
		return err
	}
	server, err := serve.New(serve.Options{Handler: handler, Logger: logger, Checks: handler.Checks()})
	if err != nil {
		return err
	}
	return serve.Run(ctx, cfg.Host, cfg.Port, server)
}
