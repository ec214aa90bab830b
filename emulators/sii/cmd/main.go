// Command sii runs the SII simulator until it is told to stop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"timbre/emulators/sii"
	"timbre/emulators/sii/faults"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sii:", err)
		os.Exit(1)
	}
}

func run() error {
	o := sii.Options{Speed: 1, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	if err := readEnvironment(&o); err != nil {
		return err
	}
	defineFlags(&o)
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

// readEnvironment reads what is no text.
func readEnvironment(o *sii.Options) error {
	return errors.Join(
		parsed("SII_SPEED", &o.Speed, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }),
		parsed("SII_IN_PLACE", &o.InPlace, strconv.ParseBool),
		parsed("SII_SEED", &o.Seed, func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }),
		parsed("SII_UPLOAD_DELAY", &o.Dials.UploadDelay, duration),
		parsed("SII_VERDICT_DELAY", &o.Dials.VerdictDelay, duration),
		parsed("SII_UPLOAD_SLOTS", &o.UploadSlots, strconv.Atoi),
	)
}

func duration(s string) (faults.Duration, error) {
	d, err := time.ParseDuration(s)
	return faults.Duration(d), err
}

// parsed sets a value where the environment has it.
func parsed[T any](name string, to *T, parse func(string) (T, error)) error {
	text := os.Getenv(name)
	if text == "" {
		return nil
	}
	value, err := parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	*to = value
	return nil
}

func defineFlags(o *sii.Options) {
	flag.StringVar(&o.Addr, "listen", env("LISTEN_ADDR", "127.0.0.1:9090"), "address of the services (LISTEN_ADDR)")
	flag.StringVar(&o.ControlAddr, "control", env("CONTROL_ADDR", "127.0.0.1:9091"), "address of the control API (CONTROL_ADDR)")
	flag.StringVar(&o.World, "world", os.Getenv("WORLD"), "folder of the world (WORLD)")
	flag.StringVar(&o.StateDir, "state", os.Getenv("STATE_DIR"), "folder of the journal; empty: nothing is kept (STATE_DIR)")
	flag.Float64Var(&o.Speed, "speed", o.Speed, "speed of the SII's timeline (SII_SPEED)")
	flag.BoolVar(&o.InPlace, "in-place", o.InPlace, "demand that DTE signatures verify inside the envelope too (SII_IN_PLACE)")
	flag.StringVar(&o.Faults, "faults", env("SII_FAULTS", "calm"), "calm, normal, bad-day or hell (SII_FAULTS)")
	flag.Uint64Var(&o.Seed, "seed", o.Seed, "seed of the faults (SII_SEED)")
	flag.StringVar(&o.SMTPAddr, "smtp", os.Getenv("SII_SMTP_ADDR"), "mail server for result mails; empty: none are sent (SII_SMTP_ADDR)")
	flag.StringVar(&o.MailControl, "mail-control", os.Getenv("SII_MAIL_CONTROL_URL"), "control API of the mail emulator, for suppliers (SII_MAIL_CONTROL_URL)")
	flag.StringVar(&o.MailDomain, "mail-domain", os.Getenv("SII_MAIL_DOMAIN"), "domain of companies without an address (SII_MAIL_DOMAIN)")
	flag.TextVar(&o.Dials.UploadDelay, "upload-delay", o.Dials.UploadDelay, "real time of each upload (SII_UPLOAD_DELAY)")
	flag.TextVar(&o.Dials.VerdictDelay, "verdict-delay", o.Dials.VerdictDelay, "from reception to EPR, whatever the speed (SII_VERDICT_DELAY)")
	flag.IntVar(&o.UploadSlots, "upload-slots", o.UploadSlots, "uploads worked on at once; 0: all (SII_UPLOAD_SLOTS)")
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
