package local

import (
	"context"
	"fmt"
	"path/filepath"

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
