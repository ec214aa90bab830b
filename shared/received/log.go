package received

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/dte"
	"timbre/shared/journal"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// The logs of a company.
const (
	LogReceived   = "received"
	LogQuarantine = "quarantine"
	LogFiles      = "files"
)

// Register reads and writes the logs.
type Register struct {
	state                        *store.Bucket
	documents, quarantine, files *journal.Journal
}

// New opens the register in the state bucket.
func New(state *store.Bucket) *Register {
	return &Register{
		state: state, documents: journal.New(state, LogReceived), quarantine: journal.New(state, LogQuarantine),
		files: journal.New(state, LogFiles),
	}
}

// arrival is an entry of LogReceived.
type arrival struct {
	Issuer rut.RUT   `json:"issuer"`
	Type   dte.Type  `json:"type"`
	Folio  int64     `json:"folio"`
	At     time.Time `json:"at"`
}

// Log makes sure that documents, whose records stand, are in the log, each once.
func (g *Register) Log(ctx context.Context, c store.Company, records ...*Record) error {
	events := make([]journal.Event, len(records))
	for i, r := range records {
		body, err := json.Marshal(arrival{r.Issuer, r.Type, r.Folio, r.ReceivedAt})
		if err != nil {
			return fmt.Errorf("log %s: %w", r.ReceivedID, err)
		}
		events[i] = journal.Event{ID: store.ReceivedEvent(r.ReceivedID), Body: body}
	}
	_, err := g.documents.Append(ctx, c, events...)
	return err
}

// Numbered is a record with its number in the log.
type Numbered struct {
	Number int64
	Record
}

// parallel bounds the records that are read at a time.
const parallel = 16

// List gives the documents after a number, at most limit, in the order of the log and as they are now. Who
// goes on from the last number he got misses none and sees none twice, whatever comes in meanwhile.
func (g *Register) List(ctx context.Context, c store.Company, after int64, limit int) ([]Numbered, error) {
	entries, err := g.documents.Read(ctx, c, after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]Numbered, len(entries))
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(parallel)
	for i, e := range entries {
		tasks.Go(func() error {
			a, err := arrivalOf(e)
			if err != nil {
				return err
			}
			all[i].Number = e.Number
			all[i].Record, err = Load(ctx, g.state, store.ReceivedID{Company: c, Issuer: a.Issuer, Type: a.Type, Folio: a.Folio})
			return err
		})
	}
	return all, tasks.Wait()
}

func arrivalOf(e journal.Entry) (arrival, error) {
	var a arrival
	if err := json.Unmarshal(e.Body, &a); err != nil {
		return a, fmt.Errorf("decode entry %d of the received: %w", e.Number, err)
	}
	return a, nil
}

// slack is how far the log may be from the order of arrival: batches of several processes overtake each other.
const slack = time.Hour

// Before is a number of the log before which nothing arrived at or after a time.
func (g *Register) Before(ctx context.Context, c store.Company, at time.Time) (int64, error) {
	top := int64(1)
	for {
		early, err := g.early(ctx, c, top, at)
		if err != nil {
			return 0, err
		}
		if !early {
			break
		}
		top *= 2
	}
	var failed error
	n := sort.Search(int(top-1), func(i int) bool {
		early, err := g.early(ctx, c, int64(i)+1, at)
		failed = errors.Join(failed, err)
		return !early
	})
	return int64(n), failed
}

// early tells whether the n-th entry is there and arrived well before a time.
func (g *Register) early(ctx context.Context, c store.Company, n int64, at time.Time) (bool, error) {
	e, err := g.documents.Get(ctx, c, n)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	a, err := arrivalOf(e)
	return a.At.Add(slack).Before(at), err
}
