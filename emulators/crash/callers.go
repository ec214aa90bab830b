package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"timbre/emulators/audit"
)

// patience is how long a caller repeats a request that is not answered.
const patience = 5 * time.Minute

// callers are many ERPs at work.
type callers struct {
	cluster *cluster
	journal *audit.Journal
	client  *http.Client

	orders    atomic.Int64 // all that were made
	heard     sync.Map     // keys that were answered 2xx
	accepted  atomic.Int64 // how many they are
	repeats   atomic.Int64 // further answers 2xx
	refused   atomic.Int64
	abandoned atomic.Int64
	rows      atomic.Int64 // of batches
	unheard   atomic.Int64 // tries that brought no answer, or a 5xx
	gaveUp    atomic.Int64
}

// run issues until ctx ends; each caller then sees its last request through.
func (c *callers) run(ctx context.Context, clients int) error {
	var all sync.WaitGroup
	failed := make(chan error, clients)
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := c.act(context.WithoutCancel(ctx)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// act does one of the things that ERPs do.
func (c *callers) act(ctx context.Context) error {
	d := c.cluster.dice
	switch n := d.below(100); {
	case n < 4:
		return c.refuse(ctx)
	case n < 7:
		return c.abandon(ctx)
	case n < 20:
		return c.together(ctx, c.next(), 2+d.below(3))
	case n < 25:
		return c.batch(ctx, 5+d.below(15))
	case n < 40:
		return c.repeat(ctx, c.next(), 1+d.below(3))
	case n < 50:
		return c.withNote(ctx)
	}
	_, err := c.issue(ctx, c.next())
	return err
}

// next is a new order.
func (c *callers) next() order {
	n := int(c.orders.Add(1))
	kind := 33
	switch {
	case n%7 == 0:
		kind = 34
	case n%5 == 0:
		kind = 39
	case n%11 == 0:
		kind = 41
	}
	return invoice(fmt.Sprintf("pedido-%06d", n), c.company(n), kind, n)
}

func (c *callers) company(n int) string {
	return c.cluster.companies[n%len(c.cluster.companies)].RUT
}

// withNote issues an invoice and the note that annuls it.
func (c *callers) withNote(ctx context.Context) error {
	o := c.next()
	text, err := c.issue(ctx, o)
	if err != nil || text == nil {
		return err
	}
	var answered shown
	if err := json.Unmarshal(text, &answered); err != nil {
		return err
	}
	if answered.Type == 39 || answered.Type == 41 { // no note here refers to a boleta
		return nil
	}
	_, err = c.issue(ctx, annulment(o, answered))
	return err
}

// repeat asks again after the answer, as an ERP does that lost it.
func (c *callers) repeat(ctx context.Context, o order, times int) error {
	for range times + 1 {
		if _, err := c.issue(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// together asks the same thing several times at once, on different instances.
func (c *callers) together(ctx context.Context, o order, times int) error {
	failed := make([]error, times)
	var all sync.WaitGroup
	for n := range times {
		all.Go(func() { _, failed[n] = c.issue(ctx, o) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// abandon asks once and goes away before the answer.
func (c *callers) abandon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cluster.dice.upTo(400*time.Millisecond))
	defer cancel()
	o := c.next()
	c.abandoned.Add(1)
	status, text, err := c.post(ctx, "/v1/documents", o.body(), o.key)
	if err != nil || status/100 != 2 {
		return nil //nolint:nilerr // nobody is there
	}
	return c.note(o, status, text)
}

// refuse orders what must be refused.
func (c *callers) refuse(ctx context.Context) error {
	n := int(c.orders.Add(1))
	_, err := c.issue(ctx, faulty(fmt.Sprintf("malo-%06d", n), c.company(n), n))
	return err
}

func (o order) body() object {
	return object{"company": o.company, "reference": o.key, "document": o.document}
}

// issue asks until there is an answer that counts, and notes it. No text: it was refused, or nobody answered.
func (c *callers) issue(ctx context.Context, o order) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		status, text, err := c.post(ctx, "/v1/documents", o.body(), o.key)
		switch {
		case err == nil && status/100 == 2:
			return text, c.note(o, status, text)
		case err == nil && final(status, text):
			return nil, c.note(o, status, text)
		}
		c.unheard.Add(1)
		if !c.rest(ctx) {
			return nil, nil
		}
	}
}

// final tells whether a refusal stands however often one asks.
func final(status int, text []byte) bool {
	busy := status == http.StatusConflict && bytes.Contains(text, []byte("request-in-progress"))
	return status/100 == 4 && status != http.StatusTooManyRequests && !busy
}

// rest waits before the next try; false when patience is over.
func (c *callers) rest(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		c.gaveUp.Add(1)
		return false
	case <-time.After(50*time.Millisecond + c.cluster.dice.upTo(250*time.Millisecond)):
		return true
	}
}

// note writes an answer into the journal.
func (c *callers) note(o order, status int, text []byte) error {
	e := audit.Entry{Key: o.key, Environment: "certificacion", Company: o.company, Status: status}
	if status/100 != 2 {
		c.refused.Add(1)
		e.Refusal = string(text[:min(len(text), 300)])
		return c.journal.Add(e)
	}
	var answered shown
	if err := json.Unmarshal(text, &answered); err != nil {
		return fmt.Errorf("answer to %s: %w", o.key, err)
	}
	if _, again := c.heard.LoadOrStore(o.key, true); again {
		c.repeats.Add(1)
	} else {
		c.accepted.Add(1)
	}
	e.ID, e.Total, e.Answer = answered.ID, o.total, audit.Hash(text)
	return c.journal.Add(e)
}

// post calls generate-sign.
func (c *callers) post(ctx context.Context, path string, body object, key string) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cluster.fleets["generate-sign"].url+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+c.cluster.key)
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	got, err := io.ReadAll(answer.Body)
	return answer.StatusCode, got, err
}
