// Command cmd runs the Pub/Sub emulator as a process.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/sethvargo/go-envconfig"

	"timbre/emulators/oidc"
	"timbre/emulators/pubsub"
)

// Config is the environment.
type Config struct {
	ListenAddr string `env:"LISTEN_ADDR, default=127.0.0.1:8085"` // of gRPC
	AdminAddr  string `env:"ADMIN_ADDR, default=127.0.0.1:8086"`  // of health, state, certificates
	StateDir   string `env:"STATE_DIR, required"`                 // folder of the journal
	KeyDir     string `env:"OIDC_DIR"`                            // folder of the token key; empty: STATE_DIR
	Path       string `env:"PUBSUB_CONFIG"`                       // JSON file of topics and subscriptions
	Speed      int    `env:"PUBSUB_SPEED, default=1"`             // divides ack deadlines and backoffs
}

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := run(log); err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var config Config
	if err := envconfig.Process(ctx, &config); err != nil {
		return err
	}
	options, err := config.options(log)
	if err != nil {
		return err
	}
	server, err := pubsub.Start(options)
	if err != nil {
		return err
	}
	log.Info("listening", "grpc", server.Addr(), "admin", server.AdminURL())
	<-ctx.Done()
	return server.Close()
}

func (c Config) options(log *slog.Logger) (pubsub.Options, error) {
	options := pubsub.Options{Dir: c.StateDir, Addr: c.ListenAddr, AdminAddr: c.AdminAddr, Speed: c.Speed, Logger: log}
	if c.Path != "" {
		config, err := pubsub.LoadConfig(c.Path)
		if err != nil {
			return options, err
		}
		options.Config = config
	}
	if c.KeyDir != "" {
		issuer, err := oidc.Open(c.KeyDir)
		if err != nil {
			return options, fmt.Errorf("open %s: %w", c.KeyDir, err)
		}
		options.Issuer = issuer
	}
	return options, nil
}
