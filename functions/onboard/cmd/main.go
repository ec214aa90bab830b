// Command onboard serves the function onboard.
package main

import (
	"context"
	"log/slog"
	"time"

	"timbre/functions/onboard"
	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/gcp/secret"
	"timbre/shared/serve"
	"timbre/shared/settings"
	"timbre/shared/store"
)

var _ company.Secrets = (*secret.Manager)(nil)

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
	keys := access.NewKeys(state, time.Now)
	guard, err := access.New(ctx, cfg.Access, keys, logger)
	if err != nil {
		return err
	}
	handler, err := onboard.New(onboard.Deps{
		State: state, Secrets: secrets, SIIKeys: siiKeys, Keys: keys, Guard: guard, Logger: logger, Now: time.Now,
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
