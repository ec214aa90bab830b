package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"

	"timbre/shared/store"
)

// parallel bounds the storage calls of a batch at a time.
const parallel = 16

// head is the last batch of a log; the zero value is that of an empty log.
type head struct {
	First  int64   `json:"first"` // number of Events[0]
	Events []Event `json:"events"`
	// Floor is the number of the log's first entry, if it was begun above 1.
	Floor int64 `json:"floor,omitempty"`

	generation int64 // 0: there is no object
}

// next is the number of the event after the batch.
func (h *head) next() int64 { return max(h.First, 1) + int64(len(h.Events)) }

func (l *line) readHead(ctx context.Context) (head, error) {
	var h head
	generation, err := l.bucket.ReadJSON(ctx, store.LogHead(l.company, l.log), &h)
	if errors.Is(err, store.ErrNotFound) {
		return head{}, nil
	}
	h.generation = generation
	return h, err
}

// writeHead puts the next batch in the place of h; store.ErrChanged if somebody else was first.
func (l *line) writeHead(ctx context.Context, h head, events []Event) (head, error) {
	text, err := json.Marshal(head{First: h.next(), Events: events, Floor: h.Floor})
	if err != nil {
		return head{}, fmt.Errorf("encode the head of a log: %w", err)
	}
	var next head // as everybody else will read it: the bytes of its events are those of the entries
	if err := json.Unmarshal(text, &next); err != nil {
		return head{}, fmt.Errorf("decode the head of a log: %w", err)
	}
	name := store.LogHead(l.company, l.log)
	if h.generation == 0 {
		next.generation, err = l.bucket.Create(ctx, name, text, nil)
	} else {
		next.generation, err = l.bucket.Replace(ctx, name, h.generation, text, nil)
	}
	if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: %w", store.ErrChanged, err)
	}
	return next, err
}

// writeOut makes the entries and the marks of a batch. check looks first which marks stand.
func (l *line) writeOut(ctx context.Context, h *head, check bool) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, e := range h.Events {
		g.Go(func() error {
			mark := store.Logged(l.company, l.log, e.ID)
			if check {
				if stands, err := l.bucket.Exists(ctx, mark); stands || err != nil {
					return err
				}
			}
			n := h.First + int64(i)
			if _, err := l.bucket.Create(ctx, store.Log(l.company, l.log, n), e.Body, nil); err != nil {
				return err
			}
			number := strconv.FormatInt(n, 10)
			_, err := l.bucket.Create(ctx, mark, []byte(number), map[string]string{metaNumber: number})
			return err
		})
	}
	return g.Wait()
}
