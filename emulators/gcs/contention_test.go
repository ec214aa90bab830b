package gcs_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"cloud.google.com/go/storage"

	"timbre/emulators/gcs"
)

// long is the number of rounds of a proof: full under WITNESS=1.
func long(full, short int) int {
	if os.Getenv("WITNESS") == "1" {
		return full
	}
	return short
}

const writers = 50

// TestExactlyOneWriterWins lets 50 writers create one object, and then 50 replace
// the generation they all saw.
func TestExactlyOneWriterWins(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, opt gcs.Options) {
		t.Helper()
		srv := start(t, opt)
		b := client(t, srv.URL()).Bucket(state)
		rounds := long(40, 3)
		for round := range rounds {
			o := b.Object(fmt.Sprintf("claims/%010d.json", round))
			race(t, o, storage.Conditions{DoesNotExist: true})
			seen, err := o.Attrs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			race(t, o, storage.Conditions{GenerationMatch: seen.Generation})
		}
		stats := srv.Stats()
		for name, want := range map[string]int{"created": rounds, "overwritten": rounds, "condition_failed": 2 * rounds * (writers - 1)} {
			if got := stats.Get(state, name); got != int64(want) {
				t.Errorf("%s = %d, want %d", name, got, want)
			}
		}
	})
}

// race has every writer write its own number under one condition and checks that
// one was told yes, all others 412, and that the object holds the winner's.
func race(t *testing.T, o *storage.ObjectHandle, c storage.Conditions) {
	t.Helper()
	var group sync.WaitGroup
	errs := make([]error, writers)
	begin := make(chan struct{})
	for i := range writers {
		group.Go(func() {
			<-begin
			_, errs[i] = put(t.Context(), o.If(c), fmt.Sprint(i))
		})
	}
	close(begin)
	group.Wait()
	winner := -1
	for i, err := range errs {
		switch status(err) {
		case done:
			if winner >= 0 {
				t.Errorf("%s: writers %d and %d both won", o.ObjectName(), winner, i)
			}
			winner = i
		case failed:
		default:
			t.Errorf("%s: writer %d: %v", o.ObjectName(), i, err)
		}
	}
	if got, _, err := get(t.Context(), o); err != nil || got != fmt.Sprint(winner) {
		t.Errorf("%s holds %q, %v; the winner is %d", o.ObjectName(), got, err, winner)
	}
}
