package generatesign

import (
	"time"

	"timbre/shared/settings"
)

// Config is the environment of the function.
type Config struct {
	settings.Common
	// SweepAfter is how old an unfinished claim must be before the sweeper goes on with it.
	SweepAfter time.Duration `env:"SWEEP_AFTER,default=1m"`
	// SweepEvery is for how long one due entry covers the claims of a process, and SweepGrace what is
	// waited beyond; see folio.Options.
	SweepEvery time.Duration `env:"SWEEP_EVERY,default=5m"`
	SweepGrace time.Duration `env:"SWEEP_GRACE,default=3m"`
	// ReserveFor is how long a reserved folio waits for its document.
	ReserveFor time.Duration `env:"RESERVE_FOR,default=24h"`
}
