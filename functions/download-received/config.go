package downloadreceived

import (
	"errors"
	"time"

	"timbre/shared/settings"
	"timbre/shared/store"
)

// Config is the function's configuration.
type Config struct {
	settings.Common
	// SIIBaseURL stands in for the SII: {base}/{real host}{real path}; empty is the SII.
	SIIBaseURL string `env:"SII_BASE_URL"`
	// AllowPrivateHosts lets mailboxes be on this machine, for local runs.
	AllowPrivateHosts bool `env:"ALLOW_PRIVATE_HOSTS"`
	// TokenWait is how long another instance that logs in at the SII is waited for before this one does.
	TokenWait time.Duration `env:"TOKEN_WAIT,default=1m"`
	// ClaimTokens is of which environment the tokens are that the SII's register of claims of certificacion wants.
	ClaimTokens string `env:"CLAIM_TOKENS,default=certificacion"`
	// RCVConnector reads the SII's register of purchases each day by the backend of its web application, which has no
	// official description: best effort. Without it the register's books are uploaded.
	RCVConnector bool `env:"RCV_CONNECTOR,default=false"`
	// IntakeEvery is how often each company's mailbox is read; companies are spread over the time.
	IntakeEvery time.Duration `env:"INTAKE_EVERY,default=1h"`
	// IntakePast is how old a mail may be when a mailbox is read for the first time.
	IntakePast time.Duration `env:"INTAKE_PAST,default=720h"`
}

// Validate tells what is missing or cannot be.
func (c Config) Validate() error { return errors.Join(c.Common.Validate(), c.check()) }

func (c Config) check() error {
	if c.IntakeEvery < time.Minute || c.IntakePast <= 0 {
		return errors.New("download-received: INTAKE_EVERY is below a minute, or INTAKE_PAST not positive")
	}
	if c.ClaimTokens != "" && !store.Environment(c.ClaimTokens).Valid() {
		return errors.New("download-received: CLAIM_TOKENS is no environment")
	}
	return nil
}
