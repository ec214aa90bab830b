// Command audit looks at the buckets, the simulator's registry and the callers' journals, prints counts
// and every broken rule, and exits 1 if there is one.
//
//	STORAGE_EMULATOR_HOST=127.0.0.1:4443 SII_CONTROL_URL=http://127.0.0.1:9091 audit [journal …]
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"timbre/emulators/audit"
)

// config is the environment.
type config struct {
	Storage string `env:"STORAGE_EMULATOR_HOST, default=127.0.0.1:4443"`
	State   string `env:"STATE_BUCKET, default=timbre-state"`
	Archive string `env:"ARCHIVE_BUCKET, default=timbre-archive"`
	// SII is the simulator's control API.
	SII string `env:"SII_CONTROL_URL, default=http://127.0.0.1:9091"`
}

func main() {
	broken, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
	if broken {
		os.Exit(1)
	}
}

func run(ctx context.Context) (bool, error) {
	var c config
	if err := envconfig.Process(ctx, &c); err != nil {
		return false, fmt.Errorf("read the environment: %w", err)
	}
	if !strings.Contains(c.Storage, "://") {
		c.Storage = "http://" + c.Storage
	}
	report, err := audit.Run(ctx, audit.Sources{Storage: c.Storage, State: c.State, Archive: c.Archive, SII: c.SII, Journals: os.Args[1:]})
	if err != nil {
		return false, err
	}
	report.Write(os.Stdout)
	return len(report.Violations) > 0, nil
}
