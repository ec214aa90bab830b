// Command gcs runs the Cloud Storage emulator until it is told to stop.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sethvargo/go-envconfig"

	"timbre/emulators/gcs"
)

type config struct {
	ListenAddr      string        `env:"LISTEN_ADDR, default=127.0.0.1:4443"`
	StateDir        string        `env:"STATE_DIR"`                                                      // empty: memory
	Buckets         string        `env:"BUCKETS, default=timbre-archive:retention=2190d\\,timbre-state"` // name[:retention=2190d],…
	Latency         time.Duration `env:"LATENCY"`                                                        // of each call
	WritesPerSecond float64       `env:"WRITES_PER_SECOND"`                                              // to one object; Cloud Storage: 1
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("gcs stopped", "error", err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var c config
	if err := envconfig.Process(ctx, &c); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	buckets, err := gcs.ParseBuckets(c.Buckets)
	if err != nil {
		return fmt.Errorf("BUCKETS: %w", err)
	}
	srv, err := gcs.Start(gcs.Options{
		Addr: c.ListenAddr, Dir: c.StateDir, Buckets: buckets,
		Dials: gcs.Dials{Latency: gcs.Duration(c.Latency), WritesPerSecond: c.WritesPerSecond},
	})
	if err != nil {
		return err
	}
	slog.Info("gcs emulator listens", "url", srv.URL(), "state_dir", c.StateDir)
	<-ctx.Done()
	return srv.Close()
}
