package pollstatus

import (
	"errors"
	"time"

	"timbre/shared/settings"
)

// Config is the function's configuration.
type Config struct {
	settings.Common
	// SIIBaseURL stands in for the SII: {base}/{real host}{real path}; empty is the SII.
	SIIBaseURL string `env:"SII_BASE_URL"`
	// AllowPrivateHosts lets mailboxes be on this machine, for local runs.
	AllowPrivateHosts bool `env:"ALLOW_PRIVATE_HOSTS"`
	// PollFirst is the first pause after an upload; see firstLooks. Later looks go by the minute.
	PollFirst time.Duration `env:"POLL_FIRST,default=5s"`
	// TokenWait is how long another instance that logs in at the SII is waited for before this one does.
	TokenWait time.Duration `env:"TOKEN_WAIT,default=1m"`
	// BoletasFirst is for how long the boletas' service is not asked for an upload; the SII wants 10 minutes.
	BoletasFirst time.Duration `env:"BOLETAS_FIRST,default=10m"`
}

// Validate tells what is missing or cannot be.
func (c Config) Validate() error { return errors.Join(c.Common.Validate(), c.check()) }

func (c Config) check() error {
	if c.PollFirst <= 0 {
		return errors.New("poll-status: POLL_FIRST is not positive")
	}
	return nil
}

// grace is how long a document that the SII does not know of, in an envelope that it has processed, may
// still turn up: ten minutes at the usual pace.
func (c Config) grace() time.Duration { return 120 * c.PollFirst }
