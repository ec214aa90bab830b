package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"timbre/emulators/crash"
	"timbre/shared/golden"
)

// TestBenchBurst prints, for make bench, how a hundred and a thousand documents that come at once are signed,
// sent and decided, by the functions' binaries, in multiples of the SII's own time.
func TestBenchBurst(t *testing.T) {
	if os.Getenv("BENCH") == "" {
		t.Skip("figures are for make bench")
	}
	o, err := crash.FromEnvironment(t.Context())
	check(t, err)
	o.BinDir, o.Latency, o.WritesPerSecond = filepath.Join(golden.Root(), ".local", "bin"), 0, 0
	for _, l := range crash.Loads {
		b, err := crash.RunBurst(t.Context(), o, l)
		check(t, err)
		t.Log(b)
	}
}
