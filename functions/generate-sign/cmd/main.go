// Command generate-sign serves the function generate-sign.
package main

import (
	"context"
	"log/slog"
	"time"

	generatesign "timbre/functions/generate-sign"
	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/gcp/bus"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/gcp/secret"
	"timbre/shared/serve"
	"timbre/shared/settings"
	"timbre/shared/store"
)

var (
	_ company.Secrets = (*secret.Manager)(nil)
	_ event.Publisher = (*bus.Bus)(nil)
)

func main() { serve.Main(run) }

func run(ctx context.Context, logger *slog.Logger) error {
	cfg, err := settings.Load[generatesign.Config](ctx)
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
	events, err := bus.New(ctx, cfg.Project)
	if err != nil {
		return err
	}
	storage, err := gcsstore.NewClient(ctx)
	if err != nil {
		return err
	}
	state := store.NewBucket(storage.Bucket(cfg.StateBucket))
	guard, err := access.New(ctx, cfg.Access, access.NewKeys(state, time.Now), logger)
	if err != nil {
		return err
	}
	handler, err := generatesign.New(cfg, generatesign.Deps{
		State: state, Archive: store.NewBucket(storage.Bucket(cfg.ArchiveBucket)),
		Companies: company.NewDirectory(state, time.Now), Vault: company.NewVault(secrets, siiKeys),
		Events: events, Guard: guard, Logger: logger, Now: time.Now,
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
