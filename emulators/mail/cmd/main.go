// Command mail runs the mail emulator until it is told to stop.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/sethvargo/go-envconfig"

	"timbre/emulators/mail"
)

type config struct {
	StateDir    string `env:"STATE_DIR, required"`
	SMTPAddr    string `env:"SMTP_ADDR, default=127.0.0.1:2525"`
	IMAPAddr    string `env:"IMAP_ADDR, default=127.0.0.1:1143"`
	ControlAddr string `env:"LISTEN_ADDR, default=127.0.0.1:8025"`
	Mailboxes   string `env:"MAILBOXES"`     // address:user:password,…
	File        string `env:"MAIL_CONFIG"`   // JSON file of address, user, password
	CatchAll    string `env:"CATCH_ALL"`     // address; empty: unknown recipients are refused
	TLS         string `env:"TLS"`           // off, starttls, implicit
	MaxBytes    int64  `env:"MAX_MAIL_SIZE"` // bytes
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("mail stopped", "error", err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var c config
	if err := envconfig.Process(ctx, &c); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	boxes, err := c.mailboxes()
	if err != nil {
		return err
	}
	srv, err := mail.Start(mail.Options{
		Dir: c.StateDir, SMTPAddr: c.SMTPAddr, IMAPAddr: c.IMAPAddr, ControlAddr: c.ControlAddr,
		Mailboxes: boxes, CatchAll: c.CatchAll, TLS: mail.TLS(c.TLS), MaxBytes: c.MaxBytes,
	})
	if err != nil {
		return err
	}
	slog.Info("mail emulator listens", "smtp", srv.SMTPAddr(), "imap", srv.IMAPAddr(), "control", srv.ControlURL(), "state_dir", c.StateDir)
	<-ctx.Done()
	return srv.Close()
}

// mailboxes are those of the variable and of the file.
func (c config) mailboxes() ([]mail.Mailbox, error) {
	boxes, err := mail.ParseMailboxes(c.Mailboxes)
	if err != nil || c.File == "" {
		return boxes, err
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return nil, fmt.Errorf("MAIL_CONFIG: %w", err)
	}
	var more []mail.Mailbox
	if err := json.Unmarshal(text, &more); err != nil {
		return nil, fmt.Errorf("MAIL_CONFIG: %w", err)
	}
	return append(boxes, more...), nil
}
