// Package due keeps what a function must look at again at a later minute, as empty objects under
// due/{minute}/{function}/ in the state bucket. An entry carries no truth: looking twice is harmless,
// so it may be written twice and is removed only after the look (and after the next entry stands).
// Announce and Put are for what the look alone would not find again.
package due

import (
	"context"
	"errors"
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
	if errors.Is(err, store.ErrExists) { // announced
		return nil
	}
	return err
}

// Announce is Add for what is about to be done. An entry that stands is renewed, so that nobody who read
// it before removes it: whoever looks too early finds nothing to do yet, and must not take the entry away
// from one who relies on it.
func Announce(ctx context.Context, b *store.Bucket, at time.Time, function string, parts ...string) error {
	return b.Renew(ctx, store.Due(at, function, parts...))
}

// Put is Add of an entry that holds what the look is about; one with other content stays (store.ErrExists).
func Put(ctx context.Context, b *store.Bucket, at time.Time, content []byte, function string, parts ...string) error {
	_, err := b.Create(ctx, store.Due(at, function, parts...), content, nil)
	return err
}

// Find returns an entry before it is due, with its content; store.ErrNotFound if there is none.
func Find(ctx context.Context, b *store.Bucket, at time.Time, function string, parts ...string) (Entry, []byte, error) {
	name := store.Due(at, function, parts...)
	o, err := b.Read(ctx, name)
	return Entry{Parts: parts, name: name, generation: o.Generation}, o.Data, err
}

// Content reads what Put wrote.
func Content(ctx context.Context, b *store.Bucket, e Entry) ([]byte, error) {
	o, err := b.Read(ctx, e.name)
	return o.Data, err
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

// Done removes an entry after the look; one that was renewed since it was read stays (store.ErrChanged).
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
