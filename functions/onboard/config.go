package onboard

import (
	"time"

	"timbre/shared/settings"
)

// Config is what the function is told by its environment.
type Config struct {
	settings.Common
	// SIIBaseURL stands in for the SII: {base}/{real host}{real path}. Empty: the real hosts.
	SIIBaseURL string `env:"SII_BASE_URL"`
	// AllowPrivateHosts lets mail servers stand on private addresses, and webhooks be plain http, for runs on
	// one machine.
	AllowPrivateHosts bool `env:"ALLOW_PRIVATE_HOSTS"`
	// LookEvery is how often each company is looked at for what ends: certificates, CAFs, folios.
	LookEvery time.Duration `env:"LOOK_EVERY,default=6h"`
}
