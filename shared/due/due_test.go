package due_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/due"
	"timbre/shared/store"
)

const function = "notify"

var now = time.Date(2026, 11, 24, 15, 0, 7, 0, time.UTC)

func parts(t *testing.T, b *store.Bucket, at time.Time, limit int) [][]string {
	t.Helper()
	entries, err := due.List(t.Context(), b, at, function, limit)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for _, e := range entries {
		all = append(all, e.Parts)
	}
	return all
}

func TestList(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	for _, add := range []struct {
		at       time.Time
		function string
		name     string
	}{
		{now, function, "b"}, {now, function, "b"}, {now.Add(-time.Hour), function, "c"}, {now, "send", "d"}, {now.Add(time.Minute), function, "a"},
	} {
		if err := due.Add(t.Context(), b, add.at, add.function, "x", add.name); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([][]string{{"x", "c"}, {"x", "b"}}, parts(t, b, now, 10)); diff != "" {
		t.Errorf("due now (-want +got):\n%s", diff)
	}
	if got := parts(t, b, now.Add(time.Minute), 2); len(got) != 2 {
		t.Errorf("at most two: %v", got)
	}
}

// TestAnnounce: whoever read an entry before somebody relied on it cannot remove it.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	for range 2 {
		if err := due.Announce(t.Context(), b, now, function, "x"); err != nil {
			t.Fatal(err)
		}
	}
	early, err := due.List(t.Context(), b, now, function, 10)
	if err != nil || len(early) != 1 {
		t.Fatalf("%d entries: %v", len(early), err)
	}
	if err := due.Announce(t.Context(), b, now, function, "x"); err != nil {
		t.Fatal(err)
	}
	if err := due.Done(t.Context(), b, early[0]); !errors.Is(err, store.ErrChanged) {
		t.Errorf("a renewed entry was removed: %v", err)
	}
	entry, _, err := due.Find(t.Context(), b, now, function, "x")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // an entry that is gone is done
		if err := due.Done(t.Context(), b, entry); err != nil {
			t.Error(err)
		}
	}
	if got := parts(t, b, now, 10); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func TestPut(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	if err := due.Put(t.Context(), b, now, []byte("first"), function, "x"); err != nil {
		t.Fatal(err)
	}
	if err := due.Put(t.Context(), b, now, []byte("second"), function, "x"); !errors.Is(err, store.ErrExists) {
		t.Errorf("second content: %v", err)
	}
	entry, content, err := due.Find(t.Context(), b, now, function, "x")
	if err != nil || string(content) != "first" {
		t.Errorf("found %q: %v", content, err)
	}
	if content, err = due.Content(t.Context(), b, entry); err != nil || string(content) != "first" {
		t.Errorf("content %q: %v", content, err)
	}
	if _, _, err := due.Find(t.Context(), b, now.Add(time.Minute), function, "x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another minute: %v", err)
	}
}
