package send_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"timbre/functions/send"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/sii"
	"timbre/shared/store"
	"timbre/shared/store/storetest"
)

// TestChaos: three instances at once that die anywhere, doubled messages, time that jumps and an SII that
// loses answers, blocks, refuses the company and chokes on some documents. Then calm. Every document must
// have been sent in one file only, or be the culprit.
func TestChaos(t *testing.T) {
	t.Parallel()
	rounds := 6
	if os.Getenv("WITNESS") != "" {
		rounds = 400
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := &chaos{rig: newRig(t, small), random: rand.New(rand.NewPCG(uint64(seed), 7))}
			c.sii.script = c.moody
			for range 25 {
				c.step()
			}
			c.sii.script = c.calm
			for range 12 {
				c.advance(5 * time.Minute)
				c.tick()
				post(c.handler, "/v1/outbox:flush", "")
			}
			c.check()
		})
	}
}

func small(c *send.Config) { c.EnvelopeMax = 3 }

type chaos struct {
	*rig
	mu     sync.Mutex
	random *rand.Rand
	signed []store.DocumentID
}

func (c *chaos) chance(percent int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(100) < percent
}

func (c *chaos) number(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// culprit tells whether the SII chokes on a document: every fifth one.
func culprit(document string) bool {
	var folio int
	_, err := fmt.Sscanf(document, "33/%d", &folio)
	return err == nil && folio%5 == 3
}

// calm refuses the culprits only.
func (c *chaos) calm(_ int, u upload) *answer {
	if slices.ContainsFunc(u.documents, culprit) {
		return says(sii.StatusSchema, "LSX-00213")
	}
	return nil
}

// moody does the worst that the SII may do.
func (c *chaos) moody(n int, u upload) *answer {
	refused := c.calm(n, u)
	switch p := c.number(100); {
	case p < 25:
		return loses(refused == nil)
	case p < 40:
		return loses(false)
	case p < 50:
		return says(9, "bloqueado")
	case p < 55:
		return says(sii.StatusToken, "")
	case p < 60:
		return says(sii.StatusSender, "sin permiso")
	case p < 65:
		return &answer{err: errDown}
	}
	return refused
}

// step lets something happen: documents, time, and up to three instances at once, some of them doomed.
func (c *chaos) step() {
	for range c.number(3) {
		if n := int64(len(c.signed) + 1); n <= 30 {
			c.signed = append(c.signed, c.sign(dte.Factura, n))
		}
	}
	c.advance(time.Duration(c.number(200)) * time.Second)
	var running sync.WaitGroup
	for range 1 + c.number(3) {
		running.Go(c.instanceAtWork)
	}
	running.Wait()
	if c.chance(10) {
		post(c.handler, "/v1/outbox:flush", "")
	}
}

func (c *chaos) instanceAtWork() {
	h, life := c.handler, storetest.NewLife(1<<40, false)
	if c.chance(50) {
		life = storetest.NewLife(c.number(25), c.chance(50))
		h = c.instance(mortalDrivers(c.drivers, life), small)
	}
	life.Run(func() {
		if len(c.signed) > 0 && c.chance(50) {
			c.pushTo(h, c.signed[c.number(len(c.signed))])
			return
		}
		post(h, "/_tick", "")
	})
}

func (c *chaos) check() {
	c.t.Helper()
	for _, id := range c.signed {
		got := c.record(id)
		want := event.StatusSent
		if culprit(fmt.Sprintf("33/%d", id.Folio)) {
			want = event.StatusRejected
		}
		if got.Status != want {
			c.t.Errorf("%s is %s in envelope %d, want %s: %+v", id, got.Status, got.Envelope, want, c.plan(got.Envelope))
		}
		if want == event.StatusSent && got.Track() != c.plan(got.Envelope).Track() {
			c.t.Errorf("%s has track %q, its envelope %q", id, got.Track(), c.plan(got.Envelope).Track())
		}
	}
	if doubled := c.sii.doubled(); doubled != nil {
		c.t.Errorf("received in two files: %v", doubled)
	}
	if left := c.names(store.OutboxRoot); len(left) != 0 {
		c.t.Errorf("left in the outbox: %v", left)
	}
	c.checkFollowed("at the end")
	if w := post(c.handler, "/_tick", ""); w.Code != http.StatusNoContent {
		c.t.Errorf("an idle tick answered %d", w.Code)
	}
}
