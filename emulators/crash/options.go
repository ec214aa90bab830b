package crash

import (
	"context"
	"fmt"
	"time"

	"github.com/sethvargo/go-envconfig"
)

// Options are the environment of a campaign.
type Options struct {
	// BinDir holds the functions' binaries.
	BinDir string `env:"BIN_DIR, default=.local/bin"`
	// Dir keeps state, logs and journal; empty: a temporary folder, removed when nothing was found.
	Dir string `env:"CRASH_DIR"`
	// Documents, Kills and Hits (of each named point) are what the campaign goes on for.
	Documents int `env:"CRASH_DOCUMENTS, default=3000"`
	Kills     int `env:"CRASH_KILLS, default=500"`
	Hits      int `env:"CRASH_HITS, default=3"`
	// Busy is when it stops though it has not reached them, Settle how long it may take to settle.
	Busy   time.Duration `env:"CRASH_BUSY, default=20m"`
	Settle time.Duration `env:"CRASH_SETTLE, default=20m"`
	// Instances of each function, Clients at a time, KillEvery between two kills.
	Instances int           `env:"CRASH_INSTANCES, default=3"`
	Clients   int           `env:"CRASH_CLIENTS, default=24"`
	KillEvery time.Duration `env:"CRASH_KILL_EVERY, default=400ms"`
	// Only, if not empty, are the names of the points that are used; no kill is at random then.
	Only []string `env:"CRASH_POINTS"`
	// Quiet is how long killing goes on after the last order.
	Quiet time.Duration `env:"CRASH_QUIET, default=5s"`
	// Holds is the share of the points where a call is held up for at most HoldMost, in place of a kill: what
	// a process begins now, it may finish when the world has moved on.
	Holds    float64       `env:"CRASH_HOLDS, default=0.15"`
	HoldMost time.Duration `env:"CRASH_HOLD_MOST, default=12s"`
	// Swallow is the share of Pub/Sub's messages that nobody ever gets.
	Swallow float64 `env:"CRASH_SWALLOW, default=0.05"`
	// LostUploads is how many of the first uploads the SII takes without an answer.
	LostUploads int `env:"CRASH_LOST_UPLOADS, default=0"`
	// Profile is how bad a day the SII has, Speed the pace of its timeline.
	Profile string  `env:"SII_FAULTS, default=hell"`
	Speed   float64 `env:"SII_SPEED, default=200"`
	Seed    uint64  `env:"CRASH_SEED, default=1"`
	// Latency of the buckets, and writes a second to one object.
	Latency         time.Duration `env:"CRASH_LATENCY, default=30ms"`
	WritesPerSecond float64       `env:"CRASH_WRITES_PER_SECOND, default=1"`
	// Announced lets claims stay unfinished whose sweep is announced for later.
	Announced bool `env:"CRASH_ANNOUNCED, default=false"`
	// Direct leaves the taps of the storage away, where nobody is to be killed.
	Direct bool
	// AtOnce is how many requests an instance gets at a time; the others wait. 0: as many as come.
	AtOnce int
	// volatile keeps the buckets in memory: the disk of one machine writes some hundred objects a second.
	volatile bool
	// functions are those that run, beside onboard; nil: all.
	functions []string
	// Function are further settings of the functions' processes.
	Function map[string]string `env:"CRASH_FUNCTION_ENV"`
}

// FromEnvironment reads Options from the process's environment.
func FromEnvironment(ctx context.Context) (Options, error) {
	var o Options
	if err := envconfig.Process(ctx, &o); err != nil {
		return o, fmt.Errorf("read the environment: %w", err)
	}
	return o, nil
}
