package gcp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"
	_ "time/tzdata" // the image has no zones; documents are dated in America/Santiago

	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/gcp/bus"
	"timbre/shared/gcp/gcsstore"
	"timbre/shared/gcp/secret"
	"timbre/shared/settings"
	"timbre/shared/store"
)

var (
	_ company.Secrets = (*secret.Manager)(nil)
	_ event.Publisher = (*bus.Bus)(nil)
)

// Cloud is what every function stands on.
type Cloud struct {
	State, Archive *store.Bucket
	Secrets        *secret.Manager
	Events         *bus.Bus
	Keys           *access.Keys
	Guard          *access.Guard
	SIIKeys        caf.Keys
	Companies      *company.Directory
	Vault          *company.Vault
	Logger         *slog.Logger
	Now            func() time.Time

	closers []io.Closer
}

// Open connects to everything that the configuration names. Nothing is asked so far: what is not there
// shows in /health/ready. Who is done calls Close.
func Open(ctx context.Context, cfg settings.Common, logger *slog.Logger) (*Cloud, error) {
	c := &Cloud{Logger: logger, Now: time.Now}
	if err := c.connect(ctx, cfg); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	siiKeys, err := company.ReadSIIKeys(cfg.SIICAFKeys)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.SIIKeys = siiKeys
	c.Keys = access.NewKeys(c.State, c.Now)
	if c.Guard, err = access.New(ctx, cfg.Access, c.Keys, logger); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.Companies = company.NewDirectory(c.State, c.Now)
	c.Vault = company.NewVault(c.Secrets, c.SIIKeys)
	return c, nil
}

func (c *Cloud) connect(ctx context.Context, cfg settings.Common) error {
	storage, err := gcsstore.NewClient(ctx)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, storage)
	c.State, c.Archive = store.NewBucket(storage.Bucket(cfg.StateBucket)), store.NewBucket(storage.Bucket(cfg.ArchiveBucket))
	if c.Secrets, err = secret.New(ctx, cfg.Project, cfg.SecretManagerEmulator); err != nil {
		return err
	}
	c.closers = append(c.closers, c.Secrets)
	if c.Events, err = bus.New(ctx, cfg.Project); err != nil {
		return err
	}
	c.closers = append(c.closers, c.Events)
	return nil
}

// Close sends what waits and gives the connections back.
func (c *Cloud) Close() error {
	var failed error
	for _, closer := range slices.Backward(c.closers) {
		failed = errors.Join(failed, closer.Close())
	}
	return failed
}
