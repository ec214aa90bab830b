package reference_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/golden"
	"timbre/shared/problem/reference"
)

// TestPagesAreFresh: the pages on disk are what the tables say.
func TestPagesAreFresh(t *testing.T) {
	t.Parallel()
	for path, want := range reference.Pages() {
		got, err := os.ReadFile(filepath.Join(golden.Root(), path))
		if err != nil {
			t.Errorf("%v; run make generate", err)
			continue
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is stale; run make generate (-want +got):\n%s", path, diff)
		}
	}
}
