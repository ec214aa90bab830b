package send_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
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
	"timbre/shared/store/storetest"
)

// doomed are the buckets of a process that dies, and its life for what else it does.
type doomed struct {
	store.Driver
	*storetest.Life
}

func mortalDrivers(d drivers, l *storetest.Life) drivers {
	return drivers{doomed{l.Bucket(d.state), l}, l.Bucket(d.archive)}
}

// mortalUploader is the SII of a process that dies.
type mortalUploader struct {
	send.Uploader
	*storetest.Life
}

func (m mortalUploader) Upload(ctx context.Context, r rut.RUT, name string, data []byte) (sii.UploadResult, error) {
	var result sii.UploadResult
	var err error
	m.Act(func() { result, err = m.Uploader.Upload(ctx, r, name, data) })
	return result, err
}

// uploader shares the life of the process's driver.
func uploader(d store.Driver, f *fakeSII) send.Uploader {
	if d, ok := d.(doomed); ok {
		return mortalUploader{f, d.Life}
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
	life := storetest.NewLife(k, after)
	dying := r.instance(mortalDrivers(r.drivers, life), small)
	died := life.Run(func() {
		post(dying, "/_tick", "")
		r.advance(2 * time.Minute)
		post(dying, "/_tick", "")
	})
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
	return died
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
