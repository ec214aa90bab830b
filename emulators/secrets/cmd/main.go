// Command secrets runs the Secret Manager emulator until it is told to stop.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/sethvargo/go-envconfig"

	"timbre/emulators/secrets"
)

type config struct {
	ListenAddr string `env:"LISTEN_ADDR, default=127.0.0.1:8086"` // gRPC
	AdminAddr  string `env:"ADMIN_ADDR, default=127.0.0.1:8087"`  // HTTP: /health
	StateDir   string `env:"STATE_DIR"`                           // empty: memory
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("secrets stopped", "error", err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var c config
	if err := envconfig.Process(ctx, &c); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	srv, err := secrets.Start(secrets.Options{Addr: c.ListenAddr, AdminAddr: c.AdminAddr, Dir: c.StateDir})
	if err != nil {
		return err
	}
	slog.Info("secrets emulator listens", "addr", srv.Addr(), "admin_url", srv.AdminURL(), "state_dir", c.StateDir)
	<-ctx.Done()
	return srv.Close()
}
