package send_test

import (
	"fmt"
	"testing"
	"time"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/sii"
)

// TestRefusedAfterALostAnswer: the answer to the first upload was lost, and the SII refuses the same bytes. If
// it has the document by the first upload, the document is not rejected; else the refusal must come twice.
func TestRefusedAfterALostAnswer(t *testing.T) {
	t.Parallel()
	for received, want := range map[bool]event.Status{true: event.StatusSent, false: event.StatusRejected} {
		t.Run(fmt.Sprintf("received %t", received), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			refused := says(sii.StatusSchema, "SCH-00001")
			r.sii.script = first(loses(received), refused, refused, refused)
			id := r.sign(dte.Factura, 1)
			r.push(id)
			for range 2 {
				r.advance(time.Minute)
				r.tick()
				r.want(id, event.StatusSending, "")
			}
			for range 10 {
				r.advance(time.Minute)
				r.tick()
			}
			r.want(id, want, "")
			if due := r.dueFor(dispatch.Send); len(due) != 0 {
				t.Errorf("due entries left: %v", due)
			}
		})
	}
}

// TestDecidedAfterItsPlan: a document gets its verdict by its earlier envelope when the next one is planned. The
// plan does not go out, and the chain goes on with the other document.
func TestDecidedAfterItsPlan(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		both    bool
		version int
	}{"alone": {false, 1}, "with another": {true, 1}, "replaced meanwhile": {true, 2}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			decided, other := r.sign(dte.Factura, 1), r.sign(dte.Factura, 2)
			p := dispatch.Plan{
				EnvelopeID: dispatch.ChainFor(other).Envelope(1), State: dispatch.Open, SignedAt: noon,
				Documents:  []dispatch.Item{{Type: dte.Factura, Folio: 1, Version: 1}},
				Resolution: dispatch.Resolution{Date: "2024-01-02"},
			}
			if test.both {
				p.Documents = append(p.Documents, dispatch.Item{Type: dte.Factura, Folio: 2, Version: 1})
			}
			if err := dispatch.Create(t.Context(), r.state, &p); err != nil {
				t.Fatal(err)
			}
			for _, s := range []event.Status{event.StatusSending, event.StatusAccepted} {
				_, err := document.Update(t.Context(), r.state, decided, func(d *document.Record) error {
					d.Version = test.version
					return d.Become(s, noon, "")
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			r.push(other)
			r.want(decided, event.StatusAccepted, "")
			r.want(other, event.StatusSent, r.plan(2).Track())
			if n := r.sii.count(); n != 1 {
				t.Errorf("%d uploads, want 1", n)
			}
		})
	}
}
