// Command sii runs the SII simulator until it is told to stop.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"timbre/emulators/sii"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sii:", err)
		os.Exit(1)
	}
}

func run() error {
	speed, err := strconv.ParseFloat(env("SII_SPEED", "1"), 64)
	if err != nil {
		return fmt.Errorf("SII_SPEED: %w", err)
	}
	inPlace, err := strconv.ParseBool(env("SII_IN_PLACE", "false"))
	if err != nil {
		return fmt.Errorf("SII_IN_PLACE: %w", err)
	}
	o := sii.Options{Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	flag.StringVar(&o.Addr, "listen", env("LISTEN_ADDR", "127.0.0.1:9090"), "address of the services (LISTEN_ADDR)")
	flag.StringVar(&o.ControlAddr, "control", env("CONTROL_ADDR", "127.0.0.1:9091"), "address of the control API (CONTROL_ADDR)")
	flag.StringVar(&o.World, "world", os.Getenv("WORLD"), "folder of the world (WORLD)")
	flag.StringVar(&o.StateDir, "state", os.Getenv("STATE_DIR"), "folder of the journal; empty: nothing is kept (STATE_DIR)")
	flag.Float64Var(&o.Speed, "speed", speed, "speed of the SII's timeline (SII_SPEED)")
	flag.BoolVar(&o.InPlace, "in-place", inPlace, "demand that DTE signatures verify inside the envelope too (SII_IN_PLACE)")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := sii.Start(o)
	if err != nil {
		return err
	}
	o.Log.Info("ready", slog.String("url", server.URL), slog.String("control_url", server.ControlURL))
	<-ctx.Done()
	return server.Close()
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
