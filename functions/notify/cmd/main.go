// Command notify serves the function notify.
package main

import (
	"context"
	"log/slog"
	"time"
	_ "time/tzdata" // the image has no zones; events are dated in America/Santiago

	"timbre/functions/notify"
	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/gcp/secret"
	"timbre/shared/serve"
	"timbre/shared/settings"
	"timbre/shared/store"
)

var (
	_ notify.Companies = (*company.Directory)(nil)
	_ notify.Secrets   = (*secret.Manager)(nil)
)

func main() { serve.Main(run) }

func run(ctx context.Context, logger *slog.Logger) error {
	cfg, err := settings.Load[notify.Config](ctx)
	if err != nil {
		return err
	}
	storage, err := gcsstore.NewClient(ctx)
	if err != nil {
		return err
	}
	state := store.NewBucket(storage.Bucket(cfg.StateBucket))
	secrets, err := secret.New(ctx, cfg.Project, cfg.SecretManagerEmulator)
	if err != nil {
		return err
	}
	guard, err := access.New(ctx, cfg.Access, access.NewKeys(state, time.Now), logger)
	if err != nil {
		return err
	}
	handler, err := notify.New(cfg, notify.Deps{
		State: state, Companies: company.NewDirectory(state, time.Now), Secrets: secrets,
		Dial:  dial.New(dial.Options{AllowPrivate: cfg.AllowPrivateHosts}).DialContext,
		Guard: guard, Logger: logger, Now: time.Now,
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
