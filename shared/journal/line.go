package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/store"
)

const (
	// maxBatch and maxBytes bound what the head holds.
	maxBatch = 200
	maxBytes = 512 << 10
	// maxTries bounds how often others may be first.
	maxTries = 30
)

// errBusy says that other processes were first each time.
var errBusy = errors.New("journal: others append all the time")

// line is a log of one company. Those who append while a batch is under way make the next one together.
type line struct {
	bucket  *store.Bucket
	company store.Company
	log     string

	queue   sync.Mutex
	waiting []*request

	turn  sync.Mutex // whose it is commits what waits
	head  head
	known bool // head is as it was read or written last, all its marks stand
}

// request is what one caller appends.
type request struct {
	events  []Event
	entries []Entry
	err     error
	done    bool
}

// append gives the entries of events, in the same order; those that were logged before without body.
func (l *line) append(ctx context.Context, events []Event) ([]Entry, error) {
	r := &request{events: events}
	l.queue.Lock()
	l.waiting = append(l.waiting, r)
	l.queue.Unlock()

	l.turn.Lock()
	defer l.turn.Unlock()
	if !r.done {
		l.commitWaiting(ctx)
	}
	return r.entries, r.err
}

// commitWaiting appends what all callers brought who wait now.
func (l *line) commitWaiting(ctx context.Context) {
	l.queue.Lock()
	requests := l.waiting
	l.waiting = nil
	l.queue.Unlock()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	var events []Event
	for _, r := range requests {
		events = append(events, r.events...)
	}
	entries, err := l.commit(ctx, unique(events))
	for _, r := range requests {
		r.done, r.err = true, err
		for _, e := range r.events {
			r.entries = append(r.entries, entries[e.ID])
		}
	}
}

func unique(events []Event) []Event {
	seen := make(map[store.EventID]bool, len(events))
	var once []Event
	for _, e := range events {
		if !seen[e.ID] {
			seen[e.ID] = true
			once = append(once, e)
		}
	}
	return once
}

// commit appends batch by batch until each event has its entry.
func (l *line) commit(ctx context.Context, events []Event) (map[store.EventID]Entry, error) {
	entries := make(map[store.EventID]Entry, len(events))
	for lost := 0; lost < maxTries; {
		if err := l.settle(ctx); err != nil {
			return nil, err
		}
		fresh, err := l.unlogged(ctx, events, entries)
		if err != nil || len(fresh) == 0 {
			return entries, err
		}
		err = l.extend(ctx, fresh, entries)
		if errors.Is(err, store.ErrChanged) {
			lost++
			err = pause(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errBusy
}

// settle makes sure that the head is known and its batch written out.
func (l *line) settle(ctx context.Context) error {
	if l.known {
		return nil
	}
	h, err := l.readHead(ctx)
	if err != nil {
		return err
	}
	if err := l.writeOut(ctx, &h, true); err != nil {
		return fmt.Errorf("finish a batch: %w", err)
	}
	l.head, l.known = h, true
	return nil
}

// unlogged are the events that have no mark; what the log has of the others is noted.
func (l *line) unlogged(ctx context.Context, events []Event, entries map[store.EventID]Entry) ([]Event, error) {
	var open []Event
	for _, e := range events {
		if _, known := entries[e.ID]; !known {
			open = append(open, e)
		}
	}
	numbers := make([]int64, len(open))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, e := range open {
		g.Go(func() error {
			var err error
			numbers[i], err = l.number(ctx, e.ID)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var fresh []Event
	for i, e := range open {
		if numbers[i] == 0 {
			fresh = append(fresh, e)
			continue
		}
		entries[e.ID] = Entry{Number: numbers[i]}
	}
	return fresh, nil
}

// number is that of a logged event, 0 if it has no mark.
func (l *line) number(ctx context.Context, id store.EventID) (int64, error) {
	var n int64
	_, err := l.bucket.ReadJSON(ctx, store.Logged(l.company, l.log, id), &n)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// extend makes events the next batch, as many as the head may hold, and writes it out.
func (l *line) extend(ctx context.Context, events []Event, entries map[store.EventID]Entry) error {
	l.known = false
	h, err := l.writeHead(ctx, l.head, fitting(events))
	if err != nil {
		return err
	}
	if err := l.writeOut(ctx, &h, false); err != nil {
		return err
	}
	l.head, l.known = h, true
	for i, e := range h.Events {
		entries[e.ID] = Entry{Number: h.First + int64(i), Body: e.Body}
	}
	return nil
}

func fitting(events []Event) []Event {
	size := 0
	for i, e := range events {
		size += len(e.Body)
		if i == maxBatch || i > 0 && size > maxBytes {
			return events[:i]
		}
	}
	return events
}

// pause lets others finish their batch.
func pause(ctx context.Context) error {
	timer := time.NewTimer(5*time.Millisecond + rand.N(50*time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
