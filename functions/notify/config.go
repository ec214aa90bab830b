package notify

import "timbre/shared/settings"

// Config is the function's configuration.
type Config struct {
	settings.Common
	// AllowPrivateHosts lets webhooks be on this machine or its network, and be plain http: local runs only.
	AllowPrivateHosts bool `env:"ALLOW_PRIVATE_HOSTS"`
}
