package send_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/functions/send"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/sii"
	"timbre/shared/store"
)

func (r *rig) plan(n int64) *dispatch.Plan {
	r.t.Helper()
	c := dispatch.Chain{Company: r.company(), Channel: store.DTE}
	p, err := dispatch.Load(r.t.Context(), r.state, c.Envelope(n))
	if err != nil {
		r.t.Fatal(err)
	}
	return &p
}

func TestSend(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var all []store.DocumentID
	for folio := int64(1); folio <= 3; folio++ {
		all = append(all, r.sign(dte.Factura, folio))
	}
	for range 2 { // every message comes twice
		for _, id := range all {
			r.push(id)
		}
	}
	if n := r.sii.count(); n != 1 {
		t.Fatalf("%d uploads, want 1", n)
	}
	if diff := cmp.Diff([]string{"33/1", "33/2", "33/3"}, r.sii.uploads[0].documents); diff != "" {
		t.Errorf("documents in the envelope (-want +got):\n%s", diff)
	}
	for _, id := range all {
		r.want(id, event.StatusSent, "0000000001")
	}
	if left := r.names(store.OutboxRoot); len(left) != 0 {
		t.Errorf("left in the outbox: %v", left)
	}
	if due := r.dueFor(dispatch.PollStatus); len(due) != 1 {
		t.Errorf("due: %v, want one look of poll-status", due)
	}
	if sent := r.events.Take(event.DTESent); len(sent) != 1 {
		t.Errorf("%d messages dte-sent, want 1", len(sent))
	}
	p := r.plan(1)
	if p.State != dispatch.Received || len(p.Attempts) != 1 || p.Attempts[0].Result != dispatch.ResultReceived {
		t.Errorf("plan is %s with attempts %+v", p.State, p.Attempts)
	}
	r.wantEvidence(all[0], "upload 0")
}

// wantEvidence checks kind and code of each piece of evidence; two who help at once may note one twice.
func (r *rig) wantEvidence(id store.DocumentID, want ...string) {
	r.t.Helper()
	kept, err := dispatch.Kept(r.t.Context(), r.archive, id)
	if err != nil {
		r.t.Fatal(err)
	}
	var got []string
	for _, e := range kept {
		if text := strings.TrimSpace(e.Kind + " " + e.Code); !slices.Contains(got, text) {
			got = append(got, text)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("evidence of %s (-want +got):\n%s", id, diff)
	}
}

// TestEntryWithoutDocument: generate-sign writes the entry first; send must leave it alone.
func TestEntryWithoutDocument(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.id(dte.Factura, 9)
	if _, err := r.state.Create(t.Context(), store.Outbox(store.DTE, id), nil, nil); err != nil {
		t.Fatal(err)
	}
	r.tick()
	if left := r.names(store.OutboxRoot); len(left) != 1 || r.sii.count() != 0 {
		t.Errorf("outbox %v after %d uploads, want the entry and none", left, r.sii.count())
	}
}

func TestCompanyRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		mend   func(r *rig)
	}{
		"no permission, flushed": {sii.StatusSender, func(r *rig) {
			if w := post(r.handler, "/v1/outbox:flush", `{"company":"`+r.world.company.RUT+`"}`); w.Code != http.StatusOK ||
				!strings.Contains(w.Body.String(), `"released":1,"waiting":0`) {
				r.t.Errorf("flush answered %d %s", w.Code, w.Body)
			}
		}},
		"company, flushed without body": {sii.StatusCompany, func(r *rig) { post(r.handler, "/v1/outbox:flush", "") }},
		"resolution changed": {sii.StatusSender, func(r *rig) {
			r.configure("2025-05-05")
			r.advance(time.Minute)
			r.tick()
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *send.Config) { c.EnvelopeMax = 3 })
			r.sii.script = first(says(test.status, "no"))
			var all []store.DocumentID
			for folio := int64(1); folio <= 4; folio++ {
				all = append(all, r.sign(dte.Factura, folio))
			}
			for range 3 {
				r.tick()
				r.advance(time.Hour)
			}
			if n := r.sii.count(); n != 1 {
				t.Fatalf("%d uploads of a blocked company, want 1", n)
			}
			for _, id := range all { // also the fourth, which was in no envelope
				r.want(id, event.StatusBlocked, "")
			}
			if said := r.record(all[0]).SII; said == nil || said.EnvelopeState != fmt.Sprint(test.status) || said.Details[0].Cure == "" {
				t.Errorf("the document says %+v", said)
			}
			test.mend(r)
			for _, id := range all {
				if got := r.record(id).Status; got != event.StatusSent {
					t.Errorf("%s is %s after it was mended", id, got)
				}
			}
			if doubled := r.sii.doubled(); doubled != nil {
				t.Errorf("sent in two envelopes: %v", doubled)
			}
		})
	}
}

func TestPoisonIsIsolated(t *testing.T) {
	t.Parallel()
	for _, folio := range []int64{1, 7, 20} {
		t.Run(fmt.Sprint(folio), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.sii.script = poison(fmt.Sprintf("33/%d", folio))
			for f := int64(1); f <= 20; f++ {
				r.sign(dte.Factura, f)
			}
			r.tick()
			for f := int64(1); f <= 20; f++ {
				got := r.record(r.id(dte.Factura, f))
				if f == folio && (got.Status != event.StatusRejected || !strings.Contains(got.SII.Details[0].Text, "LSX-00213")) {
					t.Errorf("the culprit is %s: %+v", got.Status, got.SII)
				}
				if f != folio && got.Status != event.StatusSent {
					t.Errorf("%s is %s, want sent", got.DocumentID, got.Status)
				}
			}
			if n := r.sii.count(); n > 11 { // 20 → 10 → 5 → 3 → 2 → 1, each with its sibling
				t.Errorf("%d uploads", n)
			}
			if left := r.names(store.OutboxRoot); len(left) != 0 {
				t.Errorf("left in the outbox: %v", left)
			}
		})
	}
}

// TestFreshBetweenHalves: a poison envelope does not hold up what comes after it.
func TestFreshBetweenHalves(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sii.script = func(n int, u upload) *answer {
		if n == 0 {
			r.sign(dte.Factura, 100)
		}
		return poison("33/1")(n, u)
	}
	for f := int64(1); f <= 4; f++ {
		r.sign(dte.Factura, f)
	}
	r.tick()
	at := slices.IndexFunc(r.sii.uploads, func(u upload) bool { return slices.Contains(u.documents, "33/100") })
	if at < 1 || at > 2 || len(r.sii.uploads[at].documents) != 1 {
		t.Errorf("the fresh document went out as upload %d of %+v", at, r.sii.uploads)
	}
}

// TestLostAnswer: the same bytes go out again, and the right track id comes home.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, received := range []bool{true, false} {
		t.Run(fmt.Sprintf("received %t", received), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.sii.script = first(loses(received))
			id := r.sign(dte.Factura, 1)
			r.push(id)
			r.want(id, event.StatusSending, "")
			next := r.sign(dte.Factura, 2)
			r.push(next) // the SII just failed to answer: it is left alone for a while
			r.tick()
			if n := r.sii.count(); n != 1 {
				t.Fatalf("%d uploads, want 1", n)
			}
			r.advance(61 * time.Second)
			r.tick()
			r.tick()
			r.want(id, event.StatusSent, r.plan(1).Track())
			r.want(next, event.StatusSent, r.plan(2).Track())
			if r.plan(1).Track() == "" || r.sii.uploads[0].sum != r.sii.uploads[1].sum && r.sii.uploads[0].sum != r.sii.uploads[2].sum {
				t.Errorf("other bytes were sent: %+v", r.sii.uploads)
			}
			if doubled := r.sii.doubled(); doubled != nil {
				t.Errorf("sent in two envelopes: %v", doubled)
			}
			if due := r.dueFor(dispatch.Send); len(due) != 0 {
				t.Errorf("due entries left: %v", due)
			}
			if received {
				r.wantEvidence(id, "document-state DOK", "upload", "upload 99")
			}
		})
	}
}

// TestLostForLong: the pauses grow, the bytes stay, the folio stays.
func TestLostForLong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sii.script = first(loses(true), loses(false), loses(true), loses(false), loses(false))
	id := r.sign(dte.Factura, 1)
	r.push(id)
	other := r.sign(dte.Factura, 2)
	r.advance(time.Minute)
	r.tick() // fails again, and the chain rests
	r.advance(time.Minute)
	r.tick()
	if carried := r.record(other).Envelope; carried != 2 {
		t.Errorf("the other document is in envelope %d, want 2: a parked one holds up nobody", carried)
	}
	for range 120 { // two hours
		r.advance(time.Minute)
		r.tick()
	}
	if n := r.sii.count(); n != 7 {
		t.Errorf("%d uploads, want 7: five in vain, one for each envelope", n)
	}
	r.want(id, event.StatusSent, "0000000001")
	if len(r.plan(1).Tracks) != 1 {
		t.Errorf("tracks %v", r.plan(1).Tracks)
	}
}

// TestFolioOfAnother: DNK means that other data stand under the folio; a person must look.
func TestFolioOfAnother(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sii.script = first(loses(false))
	r.sii.state = func(sii.Question) (sii.DocumentState, error) { return sii.DocumentState{State: "DNK"}, nil }
	id := r.sign(dte.Factura, 1)
	r.push(id)
	for range 20 {
		r.advance(time.Minute)
		r.tick()
	}
	r.want(id, event.StatusBlocked, "")
	if n := r.sii.count(); n != 1 {
		t.Errorf("%d uploads, want 1", n)
	}
	r.sii.state = nil
	for range 40 {
		r.advance(time.Minute)
		r.tick()
	}
	r.want(id, event.StatusSent, "0000000001")
}

func TestDuplicateWithoutTrack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sii.script = first(says(sii.StatusDuplicate, "repetido"))
	id := r.sign(dte.Factura, 1)
	r.push(id)
	r.want(id, event.StatusSending, "")
	if p := r.plan(1); p.State != dispatch.Parked {
		t.Errorf("plan is %s, want parked", p.State)
	}
	r.advance(2 * time.Minute)
	r.tick()
	r.want(id, event.StatusSent, "0000000001")
}

// TestPasses: what passes is tried again, at growing distance and without losing the order of the chain.
func TestPasses(t *testing.T) {
	t.Parallel()
	unsent := &answer{err: errDown}
	tests := map[string]struct {
		answers []*answer
		uploads int
		end     event.Status
	}{
		"blocked a while": {[]*answer{says(9, ""), says(9, ""), says(9, "")}, 4, event.StatusSent},
		"internal error":  {[]*answer{says(77, "")}, 2, event.StatusSent},
		"truncated once":  {[]*answer{says(3, "")}, 2, event.StatusSent},
		"truncated twice": {[]*answer{says(3, ""), says(3, "")}, 2, event.StatusBlocked},
		"token refused":   {[]*answer{says(5, "")}, 2, event.StatusSent},
		"token refused for long": {
			[]*answer{says(5, ""), says(5, ""), says(5, ""), says(5, ""), says(5, ""), says(5, "")}, 6, event.StatusBlocked,
		},
		"never sent": {[]*answer{unsent, unsent}, 3, event.StatusSent},
		"parameters": {[]*answer{says(4, "")}, 1, event.StatusBlocked},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.sii.script = first(test.answers...)
			id := r.sign(dte.Factura, 1)
			r.push(id)
			r.tick() // at once: too early
			for range 40 {
				r.advance(time.Minute)
				r.tick()
			}
			if n := r.sii.count(); n != test.uploads {
				t.Errorf("%d uploads, want %d", n, test.uploads)
			}
			if got := r.record(id).Status; got != test.end {
				t.Errorf("the document is %s, want %s", got, test.end)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sii.ready = errDown
	id := r.sign(dte.Factura, 1)
	r.push(id)
	r.want(id, event.StatusSending, "")
	r.sii.ready = errLogin
	for range 3 {
		r.advance(5 * time.Minute)
		r.tick()
	}
	r.want(id, event.StatusBlocked, "")
	if said := r.record(id).SII; said.EnvelopeState != dispatch.CodeLogin {
		t.Errorf("the document says %+v", said)
	}
	r.sii.ready = nil
	post(r.handler, "/v1/outbox:flush", "")
	r.want(id, event.StatusSent, "0000000001")
}

// TestNoteWaits: a note goes out once the SII has the document that it refers to.
func TestNoteWaits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		verdict event.Status
		end     event.Status
	}{
		"accepted":     {event.StatusAccepted, event.StatusSent},
		"with remarks": {event.StatusAcceptedRemarks, event.StatusSent},
		"rejected":     {event.StatusRejected, event.StatusBlocked},
		"no verdict":   {event.StatusSent, event.StatusSigned},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			invoice := r.sign(dte.Factura, 1)
			note := r.sign(dte.NotaCredito, 1, invoice)
			r.tick()
			r.want(invoice, event.StatusSent, "0000000001")
			r.want(note, event.StatusSigned, "")
			_, err := document.Update(t.Context(), r.state, invoice, func(d *document.Record) error {
				return d.Become(test.verdict, noon, "")
			})
			if err != nil {
				t.Fatal(err)
			}
			r.tick()
			if got := r.record(note).Status; got != test.end {
				t.Errorf("the note is %s, want %s", got, test.end)
			}
		})
	}
}

// TestManyInstances: whoever comes while another uploads does not upload.
func TestManyInstances(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var all []store.DocumentID
	for folio := int64(1); folio <= 5; folio++ {
		all = append(all, r.sign(dte.Factura, folio))
	}
	var running sync.WaitGroup
	for range 6 {
		instance := r.instance(r.drivers)
		running.Go(func() {
			if status := r.pushTo(instance, all[0]); status != http.StatusNoContent {
				t.Errorf("push answered %d", status)
			}
		})
	}
	running.Wait()
	if doubled := r.sii.doubled(); doubled != nil || r.sii.count() != 1 {
		t.Errorf("%d uploads, in two envelopes: %v", r.sii.count(), doubled)
	}
	r.advance(5 * time.Minute)
	r.tick()
	for _, id := range all {
		r.want(id, event.StatusSent, "0000000001")
	}
}

func TestForeignMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, body := range map[string]string{
		"no message":  `{}`,
		"no document": `{"message":{"data":"e30="}}`,
		"no JSON":     `x`,
	} {
		if w := post(r.handler, "/_push/dte-signed", body); w.Code != http.StatusNoContent {
			t.Errorf("%s: answered %d, want 204: nothing mends it", name, w.Code)
		}
	}
	if w := post(r.handler, "/_push/nothing", `{}`); w.Code != http.StatusNotFound {
		t.Errorf("unknown topic answered %d", w.Code)
	}
	if w := post(r.handler, "/v1/outbox:flush", `{"compañía":1}`); w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusBadRequest {
		t.Errorf("unknown field answered %d", w.Code)
	}
}

// TestNoTimeLeft: an upload that the handler may not live to see answered is not begun.
func TestNoTimeLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.sign(dte.Factura, 1)
	r.events.Take(event.DTESigned)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/_tick", nil))
	if w.Code != http.StatusNoContent || r.sii.count() != 0 {
		t.Errorf("tick answered %d after %d uploads", w.Code, r.sii.count())
	}
	if woken := r.events.Take(event.DTESigned); len(woken) != 1 {
		t.Errorf("%d wake-ups, want 1", len(woken))
	}
	r.push(id)
	r.want(id, event.StatusSent, "0000000001")
}

// TestObstacles: what a person must mend first is told, costs no envelope, and ends by itself.
func TestObstacles(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.advance(366 * 24 * time.Hour) // the certificate has expired
	id := r.sign(dte.Factura, 1)
	r.tick()
	r.tick()
	got := r.record(id)
	if got.Status != event.StatusBlocked || !strings.Contains(got.History[1].Note, "venció") || len(r.names("envelopes/")) != 0 {
		t.Errorf("the document is %s: %+v", got.Status, got.History)
	}
	r.wantEvidence(id, "decision")
	r.advance(-366 * 24 * time.Hour)
	r.tick()
	r.want(id, event.StatusSent, "0000000001")
}

// TestTicksOverlap: a tick that comes while an upload of the chain runs returns at once.
func TestTicksOverlap(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	uploading, answered := make(chan bool), make(chan bool)
	r.sii.script = func(n int, _ upload) *answer {
		if n == 0 {
			close(uploading)
			<-answered
		}
		return nil
	}
	first := r.sign(dte.Factura, 1)
	done := make(chan bool)
	go func() {
		defer close(done)
		r.push(first)
	}()
	<-uploading
	second := r.sign(dte.Factura, 2) // waits for the upload that runs
	r.tick()
	r.tick()
	close(answered)
	<-done
	r.want(first, event.StatusSent, "0000000001")
	r.want(second, event.StatusSent, "0000000002")
}
