package send_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/functions/send"
	"timbre/shared/dispatch"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// life is what is left of a process: it dies at its n-th write or upload, before or after that took
// effect. The goroutine that is in it ends there, and so does each that comes after.
type life struct {
	mu    sync.Mutex
	left  int
	after bool // the last act took effect
	dead  bool
}

// act does one thing that the world sees, or dies.
func (l *life) act(do func()) {
	l.mu.Lock()
	if l.dead {
		l.mu.Unlock()
		runtime.Goexit()
	}
	l.left--
	l.dead = l.left < 0
	dies, done := l.dead, !l.dead || l.after
	l.mu.Unlock()
	if done {
		do()
	}
	if dies {
		runtime.Goexit()
	}
}

// alive ends the goroutine of a dead process.
func (l *life) alive() {
	l.mu.Lock()
	dead := l.dead
	l.mu.Unlock()
	if dead {
		runtime.Goexit()
	}
}

// mortal is a driver of a process that dies.
type mortal struct {
	store.Driver
	*life
}

func (m mortal) Read(ctx context.Context, name string) (store.Object, error) {
	m.alive()
	return m.Driver.Read(ctx, name)
}

func (m mortal) List(ctx context.Context, q store.Query) (store.Page, error) {
	m.alive()
	return m.Driver.List(ctx, q)
}

func (m mortal) Create(ctx context.Context, o store.Object) (int64, error) {
	var n int64
	var err error
	m.act(func() { n, err = m.Driver.Create(ctx, o) })
	return n, err
}

func (m mortal) Replace(ctx context.Context, o store.Object) (int64, error) {
	var n int64
	var err error
	m.act(func() { n, err = m.Driver.Replace(ctx, o) })
	return n, err
}

func (m mortal) Delete(ctx context.Context, name string, generation int64) error {
	var err error
	m.act(func() { err = m.Driver.Delete(ctx, name, generation) })
	return err
}

// mortalUploader is the SII of a process that dies.
type mortalUploader struct {
	send.Uploader
	*life
}

func (m mortalUploader) Upload(ctx context.Context, r rut.RUT, name string, data []byte) (sii.UploadResult, error) {
	var result sii.UploadResult
	var err error
	m.act(func() { result, err = m.Uploader.Upload(ctx, r, name, data) })
	return result, err
}

// uploader shares the life of the process's driver.
func uploader(d store.Driver, f *fakeSII) send.Uploader {
	if m, ok := d.(mortal); ok {
		return mortalUploader{f, m.life}
	}
	return f
}

// scenario is what the SII does in a campaign, and how the documents 33/1 to 33/4 end.
type scenario struct {
	script func(r *rig)
	want   map[int64]event.Status
	flush  bool
}

func scenarios() map[string]scenario {
	const sent, rejected = event.StatusSent, event.StatusRejected
	return map[string]scenario{
		"received": {func(*rig) {}, map[int64]event.Status{1: sent, 2: sent, 3: sent, 4: sent}, false},
		"answer lost": {
			func(r *rig) { r.sii.script = first(loses(true)) },
			map[int64]event.Status{1: sent, 2: sent, 3: sent, 4: sent}, false,
		},
		"poison": {
			func(r *rig) { r.sii.script = poison("33/2") },
			map[int64]event.Status{1: sent, 2: rejected, 3: sent, 4: sent}, false,
		},
		"company refused": {
			func(r *rig) { r.sii.script = first(says(sii.StatusSender, "no")) },
			map[int64]event.Status{1: sent, 2: sent, 3: sent, 4: sent}, true,
		},
	}
}

// TestDeathAtEachStep kills the process at each of its writes and uploads, before and after it took
// effect; another one must bring every document to its end, in one envelope and with the same bytes.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	step := 5
	if os.Getenv("WITNESS") != "" {
		step = 1
	}
	for name, s := range scenarios() {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, took effect %t", name, after), func(t *testing.T) {
				t.Parallel()
				kills := 0
				for k := 0; ; k += step {
					if !dieAndRecover(t, s, k, after) {
						break
					}
					kills++
				}
				if kills < 20/step {
					t.Errorf("only %d kills", kills)
				}
			})
		}
	}
}

// dieAndRecover runs a scenario with a process that dies at its k-th act; false if it lived to the end.
func dieAndRecover(t *testing.T, s scenario, k int, after bool) bool {
	t.Helper()
	small := func(c *send.Config) { c.EnvelopeMax = 3 }
	r := newRig(t, small)
	s.script(r)
	for folio := range s.want {
		r.sign(dte.Factura, folio)
	}
	l := &life{left: k, after: after}
	doomed := r.instance(drivers{mortal{r.drivers.state, l}, mortal{r.drivers.archive, l}}, small)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		post(doomed, "/_tick", "")
		r.advance(2 * time.Minute)
		post(doomed, "/_tick", "")
	}()
	<-ended
	for range 15 {
		r.advance(time.Minute)
		r.tick()
	}
	if s.flush {
		if w := post(r.handler, "/v1/outbox:flush", ""); w.Code != http.StatusOK {
			t.Fatalf("flush answered %d", w.Code)
		}
	}
	r.check(s, fmt.Sprintf("death at %d", k))
	return l.dead
}

func (r *rig) check(s scenario, when string) {
	r.t.Helper()
	for folio, want := range s.want {
		got := r.record(r.id(dte.Factura, folio))
		if got.Status != want {
			r.t.Errorf("%s: %s is %s, want %s", when, got.DocumentID, got.Status, want)
		}
		p := r.plan(got.Envelope)
		if want == event.StatusSent && (got.Track() == "" || got.Track() != p.Track()) {
			r.t.Errorf("%s: %s has track %q, its envelope %q", when, got.DocumentID, got.Track(), p.Track())
		}
	}
	if doubled := r.sii.doubled(); doubled != nil {
		r.t.Errorf("%s: sent in two envelopes: %v", when, doubled)
	}
	if left := r.names(store.OutboxRoot); len(left) != 0 {
		r.t.Errorf("%s: left in the outbox: %v", when, left)
	}
	r.checkFollowed(when)
}

// checkFollowed makes sure that poll-status will look at each envelope that the SII has.
func (r *rig) checkFollowed(when string) {
	r.t.Helper()
	c := dispatch.Chain{Company: r.company(), Channel: store.DTE}
	followed := map[int64]bool{}
	for _, name := range r.names(store.DuePrefix) {
		var minute string
		var id int64
		if n, _ := fmt.Sscanf(name, "due/%16s/poll-status/certificacion/"+c.RUT.String()+"/dte/%d", &minute, &id); n == 2 {
			followed[id] = true
		}
	}
	last, err := dispatch.Last(r.t.Context(), r.state, c, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	received := map[int64]bool{}
	for n := int64(1); n <= last; n++ {
		if r.plan(n).State == dispatch.Received {
			received[n] = true
		}
	}
	if diff := cmp.Diff(received, followed); diff != "" {
		r.t.Errorf("%s: envelopes received and followed (-received +followed):\n%s", when, diff)
	}
}
