package generatesign_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"timbre/shared/dte"
	"timbre/shared/store"
)

// mortal is a process's connection that ends for good at the n-th write: an even n before it, an odd
// one after it.
type mortal struct {
	store.Driver
	left *atomic.Int64
	die  context.CancelCauseFunc
}

var errDead = errors.New("the process is dead")

func (m mortal) step() error {
	if m.left.Add(-1) < 0 {
		m.die(errDead)
		return errDead
	}
	return nil
}

func (m mortal) Create(ctx context.Context, o store.Object) (int64, error) {
	if err := m.step(); err != nil {
		return 0, err
	}
	generation, err := m.Driver.Create(ctx, o)
	if dead := m.step(); dead != nil {
		return 0, dead
	}
	return generation, err
}

// TestDeathAtEachWrite kills the process before and after each of its writes. Whoever goes on, the
// caller with the same request or the sweeper alone, ends with one document on folio 1.
func TestDeathAtEachWrite(t *testing.T) {
	t.Parallel()
	for _, sweeperOnly := range []bool{false, true} {
		deaths := 0
		for n := int64(0); ; n++ {
			c := newCloud(t, dte.Factura)
			// An entry is due in the minute it was written in at the earliest.
			c.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
			ctx, die := context.WithCancelCause(t.Context())
			left := &atomic.Int64{}
			left.Store(n)
			dying := c.process(t, func(d store.Driver) store.Driver { return mortal{d, left, die} })
			c.now = time.Now
			answer := post(ctx, dying, "/v1/documents", "k", c.order())
			if answer.Code == http.StatusCreated {
				if deaths < 10 {
					t.Errorf("only %d deaths before the first success", deaths)
				}
				break
			}
			deaths++
			if answer.Code != http.StatusServiceUnavailable {
				t.Errorf("death at write %d is told as %d %s", n, answer.Code, answer.Body)
			}
			c.now = func() time.Time { return time.Now().Add(time.Hour) }
			finishElsewhere(t, c, n, sweeperOnly)
		}
	}
}

func finishElsewhere(t *testing.T, c *cloud, n int64, sweeperOnly bool) {
	t.Helper()
	fresh := c.process(t, nil)
	if sweeperOnly {
		if err := fresh.(sweeper).Sweep(t.Context()); err != nil {
			t.Errorf("sweep after death at write %d: %v", n, err)
		}
	}
	claimed := len(names(t, c.state, "claims/")) > 0
	if sweeperOnly && !claimed { // it died before it took a folio; the caller was told to repeat
		return
	}
	answer := post(t.Context(), fresh, "/v1/documents", "k", c.order())
	folio := folioOf(t, answer)
	if sweeperOnly && folio != 1 {
		t.Errorf("after death at write %d: folio %d", n, folio)
	}
	// A repeat that found no request took the next folio; the sweeper frees the first claim.
	if err := fresh.(sweeper).Sweep(t.Context()); err != nil {
		t.Errorf("sweep after death at write %d: %v", n, err)
	}
	freed := len(names(t, c.state, "freed/"))
	if int64(freed) != folio-1 {
		t.Errorf("after death at write %d: folio %d and %d free ones", n, folio, freed)
	}
	for prefix, want := range map[string]int{"claims/": 1 + freed, "req/": 1, "doc/": 1, "outbox/": 1} {
		if got := names(t, c.state, prefix); len(got) != want {
			t.Errorf("after death at write %d there are %v", n, got)
		}
	}
	if got := names(t, c.archive, "dte/"); len(got) != 1 || !strings.HasSuffix(got[0], fmt.Sprintf("/%010d/1.xml", folio)) {
		t.Errorf("after death at write %d there are %v", n, got)
	}
}

func names(t *testing.T, d store.Driver, prefix string) []string {
	t.Helper()
	page, err := d.List(t.Context(), store.Query{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, o := range page.Objects {
		all = append(all, o.Name)
	}
	return all
}

type sweeper interface{ Sweep(context.Context) error }

// interruptedBeforeSigning is an archive that never answers a write.
type interruptedBeforeSigning struct{ *store.Memory }

func (interruptedBeforeSigning) Create(context.Context, store.Object) (int64, error) {
	return 0, store.ErrRetained // a definite answer, so that nothing waits
}

// TestLostState deletes the state bucket, so that folios are given anew. The archive still holds the
// documents: another order must not be told, stamped or sent as one of them.
func TestLostState(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	if first := post(t.Context(), c.process(t, nil), "/v1/documents", "k", c.order()); first.Code != http.StatusCreated {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	lost := c.withoutState(t)
	other := post(t.Context(), lost.process(t, nil), "/v1/documents", "other", c.order("6000", "999000"))
	if other.Code != http.StatusConflict || answered(t, other)["type"] != "urn:dte:problem:folio-foreign" {
		t.Errorf("another order on the folio: %d %s", other.Code, other.Body)
	}
	for _, prefix := range []string{"doc/", "outbox/"} {
		if left := names(t, lost.state, prefix); len(left) != 0 {
			t.Errorf("it left %v", left)
		}
	}
	// The same order is the document's own: a repeat finds it again.
	again := c.withoutState(t)
	if same := post(t.Context(), again.process(t, nil), "/v1/documents", "k", c.order()); same.Code != http.StatusCreated || folioOf(t, same) != 1 {
		t.Errorf("the same order: %d %s", same.Code, same.Body)
	}
}

// withoutState is the cloud after its state bucket was lost and the company onboarded again.
func (c *cloud) withoutState(t *testing.T) *cloud {
	t.Helper()
	lost := *c
	lost.state = store.NewMemory()
	for _, name := range names(t, c.state, store.CompanyPrefix) {
		config, err := c.state.Read(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lost.state.Create(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	return &lost
}
