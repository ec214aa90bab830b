package send_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/shared/dispatch"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// foreign lets the SII hold another document under a folio; the other folios are as uploads left them.
func foreign(f *fakeSII, folios ...int64) {
	f.state = func(q sii.Question) (sii.DocumentState, error) {
		state := "FAU"
		for _, u := range f.uploads {
			if u.received && strings.Contains(strings.Join(u.documents, " ")+" ", fmt.Sprintf("%d/%d ", q.Type, q.Folio)) {
				state = "DOK"
			}
		}
		for _, folio := range folios {
			if q.Folio == folio {
				state = "DNK"
			}
		}
		return sii.DocumentState{State: state, Glosa: "said"}, nil
	}
}

// TestForeignFolioAmongOthers: the answer to an upload was lost, and the SII has another document under the
// first folio. That one is blocked with its reason; the others go on with the identical bytes.
func TestForeignFolioAmongOthers(t *testing.T) {
	t.Parallel()
	for _, received := range []bool{true, false} {
		t.Run(fmt.Sprintf("received %t", received), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.sii.script = first(loses(received))
			foreign(r.sii, 1)
			mine, other := r.sign(dte.Factura, 1), r.sign(dte.Factura, 2)
			r.push(mine)
			r.want(other, event.StatusSending, "")
			r.advance(2 * time.Minute)
			r.tick()
			for _, id := range []store.DocumentID{mine, other} {
				r.want(id, event.StatusSent, "0000000001")
			}
			blocked := r.record(mine)
			if h := blocked.History; h[len(h)-2].Status != event.StatusBlocked || !strings.Contains(h[len(h)-2].Note, "otro documento") {
				t.Errorf("its history is %+v", h)
			}
			if n := r.sii.count(); n != 2 || r.sii.uploads[0].sum != r.sii.uploads[1].sum {
				t.Errorf("%d uploads, not twice the same bytes", n)
			}
			if due := r.dueFor(dispatch.Send); len(due) != 0 {
				t.Errorf("due entries left: %v", due)
			}
		})
	}
}

// TestForeignFoliosAlone: no document of the envelope tells what became of it. It stays for people, whose lever
// is POST /v1/outbox:flush: the identical bytes once more, so that the SII gives its verdict.
func TestForeignFoliosAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sii.script = first(loses(false))
	foreign(r.sii, 1, 2)
	all := []store.DocumentID{r.sign(dte.Factura, 1), r.sign(dte.Factura, 2)}
	r.push(all[0])
	for range 10 {
		r.advance(20 * time.Minute)
		r.tick()
	}
	for _, id := range all {
		r.want(id, event.StatusBlocked, "")
		if said := r.record(id).SII; said == nil || said.DocumentState != "DNK" || len(said.Details) != 1 || said.Details[0].Cure == "" {
			t.Errorf("%s is told why: %+v", id, said)
		}
	}
	if n := r.sii.count(); n != 1 || r.plan(1).State != dispatch.Parked {
		t.Fatalf("%d uploads, plan %s; it must wait for people", n, r.plan(1).State)
	}
	next := r.sign(dte.Factura, 3) // the chain goes on meanwhile
	r.push(next)
	r.want(next, event.StatusSent, "0000000001")
	answer := post(r.handler, "/v1/outbox:flush", `{"company":"`+r.company().RUT.String()+`"}`)
	if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), `"released":1`) {
		t.Errorf("flush: %d %s", answer.Code, answer.Body)
	}
	for _, id := range all {
		r.want(id, event.StatusSent, "0000000002")
	}
	if doubled := r.sii.doubled(); len(doubled) != 0 || r.sii.uploads[0].sum != r.sii.uploads[2].sum {
		t.Errorf("received in two files: %v", doubled)
	}
	r.advance(time.Hour)
	r.tick()
	if due := r.dueFor(dispatch.Send); len(due) != 0 {
		t.Errorf("due entries left: %v", due)
	}
}

// rotten is an archive whose envelopes cannot be read any more.
type rotten struct{ store.Driver }

func (d rotten) Read(ctx context.Context, name string) (store.Object, error) {
	o, err := d.Driver.Read(ctx, name)
	if strings.HasPrefix(name, "envelopes/") {
		o.Data = bytes.Replace(o.Data, []byte("<MntTotal>"), []byte("<MntTotal>9"), 1)
	}
	return o, err
}

// TestUnfitThoughItMayBeHeld: the bytes of a parked plan do not verify any more. Its documents go into another
// envelope only after the SII has not known one of them for a day.
func TestUnfitThoughItMayBeHeld(t *testing.T) {
	t.Parallel()
	for _, received := range []bool{true, false} {
		t.Run(fmt.Sprintf("received %t", received), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.sii.script = first(loses(received))
			all := []store.DocumentID{r.sign(dte.Factura, 1), r.sign(dte.Factura, 2)}
			r.push(all[0])
			r.handler = r.instance(drivers{r.drivers.state, rotten{r.drivers.archive}})
			for range 23 {
				r.advance(time.Hour)
				r.tick()
			}
			want := map[bool]event.Status{true: event.StatusSent, false: event.StatusSending}[received]
			for _, id := range all {
				r.want(id, want, "")
			}
			if n := r.sii.count(); n != 1 {
				t.Fatalf("%d uploads of a file that may be there", n)
			}
			for range 6 {
				r.advance(time.Hour)
				r.tick()
			}
			if doubled := r.sii.doubled(); len(doubled) != 0 {
				t.Errorf("received in two files: %v", doubled)
			}
			for _, id := range all {
				if got := r.record(id).Status; got != event.StatusSent {
					t.Errorf("%s ends %s", id, got)
				}
			}
		})
	}
}
