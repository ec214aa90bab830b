package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/store"
)

// ErrEvent says that an event has no id that can be a name, or no JSON body.
var ErrEvent = errors.New("journal: not an event")

// metaNumber is the number in the metadata of a mark, for listings.
const metaNumber = "number"

// Event is what is to be logged once.
type Event struct {
	ID   store.EventID   `json:"id"`
	Body json.RawMessage `json:"body"`
}

// Entry is an event in the log. Body is as it was logged first.
type Entry struct {
	Number int64
	Body   json.RawMessage
}

// Journal is a log by its name, one of each company.
type Journal struct {
	bucket *store.Bucket
	log    string

	mu    sync.Mutex
	lines map[store.Company]*line
}

// New opens a log in the state bucket.
func New(state *store.Bucket, log string) *Journal {
	return &Journal{bucket: state, log: log, lines: map[store.Company]*line{}}
}

// Append logs events, those that are not in the log yet, and gives their entries in the same order.
func (j *Journal) Append(ctx context.Context, c store.Company, events ...Event) ([]Entry, error) {
	for _, e := range events {
		if !e.ID.Valid() || !json.Valid(e.Body) {
			return nil, fmt.Errorf("%w: %.100q", ErrEvent, e.ID)
		}
	}
	entries, err := j.line(c).append(ctx, events)
	if err != nil {
		return nil, fmt.Errorf("append to log %s of %s: %w", j.log, c.RUT, err)
	}
	for i, e := range entries {
		if e.Body == nil {
			if entries[i], err = j.Get(ctx, c, e.Number); err != nil {
				return nil, err
			}
		}
	}
	return entries, nil
}

func (j *Journal) line(c store.Company) *line {
	j.mu.Lock()
	defer j.mu.Unlock()
	l, found := j.lines[c]
	if !found {
		l = &line{bucket: j.bucket, company: c, log: j.log}
		j.lines[c] = l
	}
	return l
}

// Get reads one entry; store.ErrNotFound if the log does not reach so far.
func (j *Journal) Get(ctx context.Context, c store.Company, n int64) (Entry, error) {
	o, err := j.bucket.Read(ctx, store.Log(c, j.log, n))
	return Entry{Number: n, Body: o.Data}, err
}

// Read gives the entries after a number, at most limit of them, as far as there is no gap.
func (j *Journal) Read(ctx context.Context, c store.Company, after int64, limit int) ([]Entry, error) {
	last, following := after, int64(0)
	q := store.Query{Prefix: store.LogPrefix(c, j.log), Start: store.Log(c, j.log, after+1).String(), Limit: min(limit, 1000)}
	for o, err := range j.bucket.List(ctx, q) {
		if err != nil {
			return nil, err
		}
		n, err := store.ParseNumber(o.Name)
		if err != nil {
			return nil, err
		}
		if n != last+1 || n > after+int64(limit) {
			following = n
			break
		}
		last = n
	}
	if last == after && following != 0 {
		return j.readFromFloor(ctx, c, after, limit)
	}
	entries := make([]Entry, last-after)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range entries {
		g.Go(func() error {
			var err error
			entries[i], err = j.Get(ctx, c, after+1+int64(i))
			return err
		})
	}
	return entries, g.Wait()
}

// readFromFloor is Read where the next number is missing: it is of a batch that is being written, or the
// log was begun above it.
func (j *Journal) readFromFloor(ctx context.Context, c store.Company, after int64, limit int) ([]Entry, error) {
	h, err := j.line(c).readHead(ctx)
	if err != nil || after+1 >= h.Floor {
		return []Entry{}, err
	}
	return j.Read(ctx, c, h.Floor-1, limit)
}

// Begin starts a log that has no entries at a number above every one that it ever gave out, so that
// whoever reads on from an old number misses nothing. A log that has begun stays as it is.
func (j *Journal) Begin(ctx context.Context, c store.Company, first int64) error {
	text, err := json.Marshal(head{First: first, Floor: first})
	if err != nil {
		return fmt.Errorf("encode the head of a log: %w", err)
	}
	_, err = j.bucket.Create(ctx, store.LogHead(c, j.log), text, nil)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// Numbers gives the numbers of the logged events whose ids begin with prefix.
func (j *Journal) Numbers(ctx context.Context, c store.Company, prefix string) (map[store.EventID]int64, error) {
	found := map[store.EventID]int64{}
	under := store.LoggedPrefix(c, j.log)
	for o, err := range j.bucket.List(ctx, store.Query{Prefix: under + prefix}) {
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(o.Meta[metaNumber], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read mark %s: %w", o.Name, err)
		}
		found[store.EventID(strings.TrimPrefix(o.Name, under))] = n
	}
	return found, nil
}

// appendTimeout bounds a batch, which goes on when the caller whose turn it was has gone away.
const appendTimeout = time.Minute
