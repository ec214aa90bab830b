// Command poll-status serves the function poll-status.
package main

import (
	"context"
	"log/slog"
	"time"
	_ "time/tzdata" // the image has no zones; histories are shown in America/Santiago

	pollstatus "timbre/functions/poll-status"
	"timbre/shared/access"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/event"
	"timbre/shared/gcp/bus"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/gcp/secret"
	"timbre/shared/mailbox"
	"timbre/shared/serve"
	"timbre/shared/settings"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	_ pollstatus.Inquirer   = (*sii.Session)(nil)
	_ pollstatus.Companies  = (*company.Directory)(nil)
	_ pollstatus.Identities = (*company.Vault)(nil)
	_ pollstatus.Passwords  = (*company.Vault)(nil)
	_ pollstatus.Mailboxes  = (*mailbox.Reader)(nil)
	_ event.Publisher       = (*bus.Bus)(nil)
)

func main() { serve.Main(run) }

func run(ctx context.Context, logger *slog.Logger) error {
	cfg, err := settings.Load[pollstatus.Config](ctx)
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
	vault := company.NewVault(secrets, nil)
	boxes := mailbox.NewReader(dial.New(dial.Options{AllowPrivate: cfg.AllowPrivateHosts}).DialContext, mailbox.Options{
		Timeout: 10 * time.Second, Retries: -1,
	})
	client := sii.New(state, time.Now, sii.Options{BaseURL: cfg.SIIBaseURL, TokenWait: cfg.TokenWait})
	handler, err := pollstatus.New(cfg, pollstatus.Deps{
		State: state, Archive: archive, Events: events, Guard: guard, Logger: logger, Now: time.Now,
		Companies: company.NewDirectory(state, time.Now), Identities: vault, Mail: boxes, Passwords: vault,
		SII: func(env store.Environment, id *cert.Identity) pollstatus.Inquirer {
			return client.As(env, sii.PersonOf(id))
		},
		Boletas: func(env store.Environment, id *cert.Identity) pollstatus.Inquirer {
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
