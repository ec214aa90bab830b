package local

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// Options are the environment of the stack.
type Options struct {
	// World is a folder of companies, certificates and CAFs; empty: a throw-away one under StateDir's parent.
	World string `env:"WORLD"`
	// StateDir keeps buckets, secrets, queues and the fake SII's memory between runs.
	StateDir string `env:"STATE_DIR, default=.local/state"`
	// GatewayAddr is where every public path is served.
	GatewayAddr string `env:"GATEWAY_ADDR, default=127.0.0.1:8080"`
	// ControlAddr is where the supervisor itself is told to restart functions.
	ControlAddr string `env:"LOCAL_CONTROL_ADDR, default=127.0.0.1:0"`
	// SIISpeed divides the fake SII's times: at 1 an envelope takes a minute.
	SIISpeed string `env:"SII_SPEED, default=60"`
	// BinDir holds the binaries that `make build` makes.
	BinDir string `env:"BIN_DIR, default=.local/bin"`
	// KeyFile receives the API key.
	KeyFile string `env:"KEY_FILE, default=.local/key"`
	// TickEvery is how often each function's tick comes; in the cloud once a minute.
	TickEvery string `env:"TICK_EVERY, default=1s"`
}

// FromEnvironment reads Options from the process's environment.
func FromEnvironment(ctx context.Context) (Options, error) {
	var o Options
	if err := envconfig.Process(ctx, &o); err != nil {
		return o, fmt.Errorf("read the environment: %w", err)
	}
	return o, nil
}

// throwAwayWorld is where a world is made when none is named.
func (o Options) throwAwayWorld() string {
	return filepath.Join(filepath.Dir(filepath.Clean(o.StateDir)), "world")
}

// Parts is the environment of the commands that do one part of the stack's work each, for containers.
type Parts struct {
	// World is the folder of the world; the API key is left there, too.
	World string `env:"WORLD, default=/world"`
	// ConfigDir receives what the emulators and functions are told: whom to call, the SII's CAF keys.
	ConfigDir string `env:"CONFIG_DIR, default=/config"`
	// GatewayAddr is where the gateway listens, GatewayURL where it is found.
	GatewayAddr string `env:"GATEWAY_ADDR, default=:8080"`
	GatewayURL  string `env:"GATEWAY_URL, default=http://127.0.0.1:8080"`
	// ControlAddr is where the gateway is told that another process takes over; see Turn.
	ControlAddr string `env:"GATEWAY_CONTROL_ADDR, default=127.0.0.1:8081"`
	// FunctionURL is where a function is found; {function} stands for its name.
	FunctionURL string `env:"FUNCTION_URL, default=http://{function}:8080"`
	// BootstrapKey is the operator's first key.
	BootstrapKey string `env:"BOOTSTRAP_KEY"`
	// MailIMAP is the mail emulator's host:port of IMAP; empty: the companies have no mailboxes.
	MailIMAP string `env:"MAIL_IMAP_ADDR"`
	// MailSMTP is its host:port of SMTP.
	MailSMTP string `env:"MAIL_SMTP_ADDR, default=mail:2525"`
}

// PartsFromEnvironment reads Parts from the process's environment.
func PartsFromEnvironment(ctx context.Context) (Parts, error) {
	var p Parts
	if err := envconfig.Process(ctx, &p); err != nil {
		return p, fmt.Errorf("read the environment: %w", err)
	}
	return p, nil
}

func (p Parts) urlOf(function string) string {
	return strings.ReplaceAll(p.FunctionURL, "{function}", function)
}

func (p Parts) keyFile() string { return filepath.Join(p.World, "key") }
