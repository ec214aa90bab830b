// Package due keeps what a function must look at again at a later minute, as empty objects under
// due/{minute}/{function}/ in the state bucket. An entry carries no truth: looking twice is harmless,
// so it may be written twice and is removed only after the look (and after the next entry stands).
package due

import (
	"context"
	"strings"
	"time"

	"timbre/shared/store"
)

// Entry is one thing to look at.
type Entry struct {
	// Parts name it, as given to Add.
	Parts      []string
	name       store.Name
	generation int64
}

// Add notes that function must look at what parts name, not before the minute of at. Parts are path
// elements of typed values: environments, RUTs, numbers.
func Add(ctx context.Context, b *store.Bucket, at time.Time, function string, parts ...string) error {
	_, err := b.Create(ctx, store.Due(at, function, parts...), nil, nil)
	return err
}

// List returns at most limit entries of a function that are due, the oldest first.
func List(ctx context.Context, b *store.Bucket, now time.Time, function string, limit int) ([]Entry, error) {
	var entries []Entry
	query := store.Query{Prefix: store.DuePrefix, End: store.DueEnd(now)}
	for o, err := range b.List(ctx, query) {
		if err != nil {
			return nil, err
		}
		if e, ok := parse(o, function); ok {
			entries = append(entries, e)
		}
		if len(entries) == limit {
			break
		}
	}
	return entries, nil
}

// Done removes an entry after the look.
func Done(ctx context.Context, b *store.Bucket, e Entry) error {
	return b.Delete(ctx, e.name, e.generation)
}

func parse(o store.Object, function string) (Entry, bool) {
	minute, rest, _ := strings.Cut(strings.TrimPrefix(o.Name, store.DuePrefix), "/")
	owner, rest, found := strings.Cut(rest, "/")
	at, err := time.Parse(store.MinuteForm, minute)
	if err != nil || !found || owner != function {
		return Entry{}, false
	}
	parts := strings.Split(rest, "/")
	return Entry{Parts: parts, name: store.Due(at, function, parts...), generation: o.Generation}, true
}
