package onboard

import "timbre/shared/settings"

// Config is what the function is told by its environment.
type Config struct {
	settings.Common
}
