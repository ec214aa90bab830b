package gcp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"timbre/shared/serve"
	"timbre/shared/settings"
)

// Function is what a function's New makes.
type Function interface {
	http.Handler
	// Checks say whether the function can do its work. That Secret Manager answers is checked for all.
	Checks() []serve.Check
}

// Config is a function's configuration, which embeds settings.Common.
type Config interface {
	Validate() error
	Base() settings.Common
}

// Main is a function's process: it reads the configuration, opens the cloud, builds the function and
// serves it until SIGTERM (serve.Main).
func Main[C Config](build func(C, *Cloud) (Function, error)) {
	Job(func(ctx context.Context, cfg C, cloud *Cloud) error {
		function, err := build(cfg, cloud)
		if err != nil {
			return err
		}
		return cloud.serve(ctx, cfg.Base(), function)
	})
}

// Job is the process of a command that serves nothing: it reads the configuration, opens the cloud and
// ends with do.
func Job[C Config](do func(context.Context, C, *Cloud) error) {
	serve.Main(func(ctx context.Context, logger *slog.Logger) error {
		cfg, err := settings.Load[C](ctx)
		if err != nil {
			return err
		}
		cloud, err := Open(ctx, cfg.Base(), logger)
		if err != nil {
			return err
		}
		return errors.Join(do(ctx, cfg, cloud), cloud.Close())
	})
}

func (c *Cloud) serve(ctx context.Context, cfg settings.Common, function Function) error {
	checks := append(function.Checks(), serve.Check{Name: "secrets", Probe: c.Secrets.Check})
	server, err := serve.New(serve.Options{Handler: function, Logger: c.Logger, Checks: checks})
	if err != nil {
		return err
	}
	return serve.Run(ctx, cfg.Host, cfg.Port, server)
}
