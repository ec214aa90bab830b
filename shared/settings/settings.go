package settings

import (
	"context"
	"errors"
	"fmt"

	"github.com/sethvargo/go-envconfig"

	"timbre/shared/access"
)

// Common is what every function is told by its environment. STORAGE_EMULATOR_HOST and
// PUBSUB_EMULATOR_HOST are read by the official clients themselves.
type Common struct {
	// Port and Host are where to listen; an empty host is every interface.
	Port string `env:"PORT,default=8080"`
	Host string `env:"HOST"`
	// Project is the Google Cloud project of topics and secrets.
	Project string `env:"GOOGLE_CLOUD_PROJECT"`
	// StateBucket and ArchiveBucket are the names of the two buckets.
	StateBucket   string `env:"STATE_BUCKET"`
	ArchiveBucket string `env:"ARCHIVE_BUCKET"`
	// SecretManagerEmulator is the address of an emulator of Secret Manager, empty for the real one.
	SecretManagerEmulator string `env:"SECRET_MANAGER_EMULATOR_HOST"`
	// SIICAFKeys is a folder with 100.pub and 300.pub in the place of the SII's own keys, for CAFs that
	// a simulator's authority signed.
	SIICAFKeys string `env:"SII_CAF_KEYS"`
	// Access says whom to believe.
	Access access.Config
}

// Base is the shared part of a configuration that embeds it.
func (c Common) Base() Common { return c }

// Validate tells what is missing.
func (c Common) Validate() error {
	required := []struct{ name, value string }{
		{"GOOGLE_CLOUD_PROJECT", c.Project}, {"STATE_BUCKET", c.StateBucket}, {"ARCHIVE_BUCKET", c.ArchiveBucket},
	}
	var missing error
	for _, r := range required {
		if r.value == "" {
			missing = errors.Join(missing, fmt.Errorf("settings: %s is not set", r.name))
		}
	}
	return missing
}

// Load fills a function's configuration from the process's environment and validates it.
func Load[T interface{ Validate() error }](ctx context.Context) (T, error) {
	return From[T](ctx, envconfig.OsLookuper())
}

// From is Load from any lookuper.
func From[T interface{ Validate() error }](ctx context.Context, l envconfig.Lookuper) (T, error) {
	var c T
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &c, Lookuper: l}); err != nil {
		return c, fmt.Errorf("read the configuration: %w", err)
	}
	return c, c.Validate()
}
