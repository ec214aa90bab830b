// Command cmd runs the Cloud Scheduler emulator as a process.
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

	"timbre/emulators/oidc"
	"timbre/emulators/scheduler"
)

// Config is the environment.
type Config struct {
	AdminAddr string        `env:"ADMIN_ADDR, default=127.0.0.1:8087"` // of health, state, certificates
	KeyDir    string        `env:"OIDC_DIR, required"`                 // folder of the token key, shared with the other emulators
	Path      string        `env:"SCHEDULER_CONFIG, required"`         // JSON file of the jobs
	Interval  time.Duration `env:"SCHEDULER_INTERVAL"`                 // if given, of all jobs that name none
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
	jobs, err := scheduler.LoadConfig(config.Path)
	if err != nil {
		return err
	}
	if config.Interval != 0 {
		jobs.Interval = scheduler.Duration(config.Interval)
	}
	issuer, err := oidc.Open(config.KeyDir)
	if err != nil {
		return fmt.Errorf("open %s: %w", config.KeyDir, err)
	}
	s, err := scheduler.Start(scheduler.Options{Config: jobs, Issuer: issuer, AdminAddr: config.AdminAddr, Logger: log})
	if err != nil {
		return err
	}
	log.Info("ticking", "jobs", len(jobs.Jobs), "admin", s.AdminURL())
	<-ctx.Done()
	return s.Close()
}
