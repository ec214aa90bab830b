package pollstatus_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/sii"
	"timbre/shared/store"
)

const (
	sent     = event.StatusSent
	accepted = event.StatusAccepted
	remarks  = event.StatusAcceptedRemarks
	rejected = event.StatusRejected
)

// verdicts are what the SII says of an envelope of documents, and what becomes of them at once and after
// the grace.
var verdicts = map[string]struct {
	documents []string // as 33/1
	state     string
	counts    []sii.Count
	says      map[string]string // QueryEstDte
	now, late []event.Status    // late nil: as now
	questions int               // at the first look, for documents
}{
	"one accepted": {
		[]string{"33/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Accepted: 1}}, nil, []event.Status{accepted}, nil, 0,
	},
	"one with remarks": {
		[]string{"33/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Remarks: 1}}, nil, []event.Status{remarks}, nil, 0,
	},
	"one rejected": {
		[]string{"33/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Rejected: 1}}, map[string]string{"33/1": "FAU"},
		[]event.Status{rejected}, nil, 1,
	},
	"rejected as received before: the first one counts": {
		[]string{"33/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Rejected: 1}}, map[string]string{"33/1": "DOK"},
		[]event.Status{accepted}, nil, 1,
	},
	"rejected, folio of other data": {
		[]string{"33/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Rejected: 1}}, map[string]string{"33/1": "DNK"},
		[]event.Status{rejected}, nil, 1,
	},
	"EPR alone accepts nothing": {
		[]string{"33/1"}, "EPR", nil, map[string]string{"33/1": "FAU"}, []event.Status{sent}, []event.Status{rejected}, 1,
	},
	"counts of another type": {
		[]string{"33/1"}, "EPR", []sii.Count{{Type: 34, Informed: 1, Accepted: 1}}, map[string]string{"33/1": "FAU"},
		[]event.Status{sent}, []event.Status{rejected}, 1,
	},
	"fewer accepted than sent": {
		[]string{"33/1", "33/2"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Accepted: 1}}, map[string]string{"33/1": "DOK", "33/2": "FAU"},
		[]event.Status{accepted, sent}, []event.Status{accepted, rejected}, 2,
	},
	"one of three rejected": {
		[]string{"33/1", "33/2", "33/3"}, "EPR", []sii.Count{{Type: 33, Informed: 3, Accepted: 2, Rejected: 1}},
		map[string]string{"33/1": "DOK", "33/2": "FAU", "33/3": "TMC"}, []event.Status{accepted, rejected, accepted}, nil, 3,
	},
	"more missing than rejected": {
		[]string{"33/1", "33/2", "33/3"}, "EPR", []sii.Count{{Type: 33, Informed: 3, Accepted: 2, Rejected: 1}},
		map[string]string{"33/1": "FAU", "33/2": "FAU", "33/3": "DOK"},
		[]event.Status{sent, sent, accepted}, nil, 3,
	},
	"some with remarks": {
		[]string{"33/1", "33/2"}, "EPR", []sii.Count{{Type: 33, Informed: 2, Accepted: 1, Remarks: 1}},
		map[string]string{"33/1": "DOK", "33/2": "DOK"}, []event.Status{remarks, remarks}, nil, 2,
	},
	"note not listed, received": {
		[]string{"33/1", "61/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Accepted: 1}}, map[string]string{"61/1": "DOK"},
		[]event.Status{accepted, accepted}, nil, 1,
	},
	"note not listed, missing": {
		[]string{"33/1", "61/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Accepted: 1}}, map[string]string{"61/1": "FAU"},
		[]event.Status{accepted, sent}, []event.Status{accepted, rejected}, 1,
	},
	"query without sense": {
		[]string{"33/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Rejected: 1}}, map[string]string{"33/1": "-3"},
		[]event.Status{sent}, []event.Status{sent}, 1,
	},
	"RPR without counts": {
		[]string{"33/1"}, "RPR", nil, map[string]string{"33/1": "DOK"}, []event.Status{remarks}, nil, 1,
	},
	"RPR without counts, missing": {
		[]string{"33/1"}, "RPR", nil, map[string]string{"33/1": "FAU"}, []event.Status{sent}, nil, 1,
	},
	"none rejected, QueryEstDte lags": {
		[]string{"33/1", "33/2"}, "EPR", []sii.Count{{Type: 33, Informed: 2, Accepted: 1, Remarks: 1}},
		map[string]string{"33/1": "FAU", "33/2": "FAU"}, []event.Status{sent, sent}, nil, 2,
	},
	"none rejected, QueryEstDte has other data": {
		[]string{"33/1", "33/2"}, "EPR", []sii.Count{{Type: 33, Informed: 2, Accepted: 1, Remarks: 1}},
		map[string]string{"33/1": "DOK", "33/2": "DNK"}, []event.Status{remarks, sent}, nil, 2,
	},
	"one rejected, the other query without sense": {
		[]string{"33/1", "33/2"}, "EPR", []sii.Count{{Type: 33, Informed: 2, Accepted: 1, Rejected: 1}},
		map[string]string{"33/1": "FAU", "33/2": "-3"}, []event.Status{sent, sent}, []event.Status{rejected, sent}, 2,
	},
	"repeated, the other envelope in process": {
		[]string{"33/1"}, "RPT", nil, map[string]string{"33/1": "FAU"}, []event.Status{sent}, nil, 1,
	},
	"RCH without counts": {
		[]string{"33/1"}, "RCH", nil, map[string]string{"33/1": "FAU"}, []event.Status{sent}, []event.Status{rejected}, 1,
	},
	"repeated": {
		[]string{"33/1"}, "RPT", []sii.Count{{Type: 33, Informed: 1, Accepted: 1}}, map[string]string{"33/1": "DOK"},
		[]event.Status{accepted}, nil, 1,
	},
	"in process": {[]string{"33/1"}, "PDR", nil, nil, []event.Status{sent}, []event.Status{sent}, 0},
	"not yet":    {[]string{"33/1"}, "-11", nil, nil, []event.Status{sent}, []event.Status{sent}, 0},
	"annulled folio": {
		[]string{"33/1"}, "EPR", []sii.Count{{Type: 33, Informed: 1, Rejected: 1}}, map[string]string{"33/1": "FAN"},
		[]event.Status{rejected}, nil, 1,
	},
}

func parse(t *testing.T, names []string) []store.DocumentID {
	t.Helper()
	var all []store.DocumentID
	for _, name := range names {
		var kind, folio int
		if _, err := fmt.Sscanf(name, "%d/%d", &kind, &folio); err != nil {
			t.Fatal(err)
		}
		all = append(all, id(dte.Type(kind), int64(folio)))
	}
	return all
}

func (r *rig) statuses(documents []store.DocumentID) []event.Status {
	r.t.Helper()
	var all []event.Status
	for _, d := range documents {
		all = append(all, r.record(d).Status)
	}
	return all
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, test := range verdicts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			documents := parse(t, test.documents)
			r.envelope(1, []string{"7"}, documents...)
			r.sii.set("7", test.state, test.counts...)
			r.sii.documents = test.says
			r.advance(time.Minute)
			r.tick()
			if diff := cmp.Diff(test.now, r.statuses(documents)); diff != "" {
				t.Errorf("at once (-want +got):\n%s", diff)
			}
			if got := r.sii.times() - 1; got != test.questions {
				t.Errorf("%d questions for documents, want %d", got, test.questions)
			}
			for range 30 {
				r.advance(time.Minute)
				r.tick()
			}
			want := test.late
			if want == nil {
				want = test.now
			}
			if diff := cmp.Diff(want, r.statuses(documents)); diff != "" {
				t.Errorf("after the grace (-want +got):\n%s", diff)
			}
			r.checkEnd(documents)
		})
	}
}

// checkEnd: decided means no due entry, a plan that is done, evidence and words for every verdict.
func (r *rig) checkEnd(documents []store.DocumentID) {
	r.t.Helper()
	open := false
	for _, d := range documents {
		record := r.record(d)
		if !record.Status.Final() {
			open = true
			continue
		}
		kept, err := dispatch.Kept(r.t.Context(), r.archive, d)
		if err != nil {
			r.t.Fatal(err)
		}
		last := kept[len(kept)-1]
		if last.Kind != dispatch.KindDecision || last.Note != string(record.Status) {
			r.t.Errorf("last evidence of %s is %+v", d, last)
		}
		if record.Status != accepted && len(record.SII.Details) == 0 {
			r.t.Errorf("%s is %s without a reason", d, record.Status)
		}
	}
	if due := r.due(); open != (len(due) == 1) {
		r.t.Errorf("undecided %t with due entries %v", open, due)
	}
	if done := r.plan(1).State == dispatch.Done; done == open {
		r.t.Errorf("undecided %t, but the plan is %s", open, r.plan(1).State)
	}
}

// TestSilenceAboutSome: what the SII says of the others counts at once; a rejection waits until all were
// asked for, since the counts tell only how many there are.
func TestSilenceAboutSome(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	documents := parse(t, []string{"33/1", "33/2", "33/3", "33/4"})
	e := r.envelope(1, []string{"7"}, documents...)
	r.sii.set("7", "EPR", sii.Count{Type: 33, Informed: 4, Accepted: 3, Rejected: 1})
	r.sii.documents = map[string]string{"33/1": "DOK", "33/2": "DOK", "33/3": "FAU", "33/4": "DOK"}
	r.sii.mute = map[string]bool{"33/1": true}
	r.push(e)
	if diff := cmp.Diff([]event.Status{sent, accepted, sent, accepted}, r.statuses(documents)); diff != "" {
		t.Errorf("with one question unanswered (-want +got):\n%s", diff)
	}
	r.sii.mute, r.sii.asked = nil, nil
	r.advance(2 * time.Minute)
	r.tick()
	if diff := cmp.Diff([]event.Status{accepted, accepted, rejected, accepted}, r.statuses(documents)); diff != "" {
		t.Errorf("with all answered (-want +got):\n%s", diff)
	}
	if n := r.sii.times(); n != 3 { // the track and the two that were open
		t.Errorf("%d questions at the second look, want 3", n)
	}
	r.checkEnd(documents)
}

// TestVerdictBringsTheTrack: send died when it had noted the SII's answer, before it marked the documents as
// sent; the verdict comes first, and the track id with it.
func TestVerdictBringsTheTrack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	documents := parse(t, []string{"33/1"})
	e := r.envelope(1, []string{"6", "7"}, documents...)
	_, err := store.Update(t.Context(), r.state, store.Document(documents[0]), func(d *document.Record) error {
		d.Status, d.Tracks = event.StatusSending, nil
		return nil
	}, document.Meta)
	if err != nil {
		t.Fatal(err)
	}
	r.sii.set("6", "VOF")
	r.sii.set("7", "EPR", sii.Count{Type: 33, Informed: 1, Accepted: 1})
	r.push(e)
	got := r.record(documents[0])
	if diff := cmp.Diff([]string{"6", "7"}, got.Tracks); got.Status != accepted || diff != "" {
		t.Errorf("%s with track ids (-want +got):\n%s", got.Status, diff)
	}
}

// TestWholeEnvelopeRefused: the documents go back to send; nothing was received.
func TestWholeEnvelopeRefused(t *testing.T) {
	t.Parallel()
	const signed, blocked = event.StatusSigned, event.StatusBlocked
	tests := map[string]struct {
		state     string
		documents []string
		want      event.Status
		outbox    int
	}{
		"schema, two":    {"RSC", []string{"33/1", "33/2"}, signed, 2},
		"signature, two": {"RFR", []string{"33/1", "33/2"}, signed, 2},
		"schema, one":    {"RSC", []string{"33/1"}, rejected, 0},
		"cover":          {"RCT", []string{"33/1", "33/2"}, blocked, 2},
		"permission":     {"106", []string{"33/1"}, blocked, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			documents := parse(t, test.documents)
			e := r.envelope(1, []string{"7"}, documents...)
			r.sii.set("7", test.state)
			for range 2 {
				r.push(e)
			}
			for _, got := range r.statuses(documents) {
				if got != test.want {
					t.Errorf("a document is %s, want %s", got, test.want)
				}
			}
			if left := r.names(store.OutboxRoot); len(left) != test.outbox {
				t.Errorf("outbox %v, want %d entries", left, test.outbox)
			}
			if p := r.plan(1); p.State != dispatch.Refused || p.Refusal.Code != test.state {
				t.Errorf("plan is %s %+v", p.State, p.Refusal)
			}
			if woken := r.events.Take(event.DTESigned); (len(woken) > 0) != (test.outbox > 0) {
				t.Errorf("send was woken %d times", len(woken))
			}
			if said := r.record(documents[0]).SII; said.EnvelopeState != test.state || said.Details[0].Cure == "" {
				t.Errorf("the document says %+v", said)
			}
			r.advance(time.Minute)
			r.tick()
			if due := r.due(); len(due) != 0 {
				t.Errorf("due entries left: %v", due)
			}
		})
	}
}

func TestFileLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.envelope(1, []string{"7"}, id(dte.Factura, 1))
	r.sii.set("7", "VOF")
	r.push(e)
	if p := r.plan(1); p.State != dispatch.Parked {
		t.Errorf("plan is %s, want parked: send uploads the same bytes again", p.State)
	}
	due := r.due()
	if len(due) != 2 || !strings.Contains(due[0]+due[1], "/send/") {
		t.Errorf("due %v, want one for send beside poll-status's own", due)
	}
}

// TestSeveralTracks: the same bytes were received twice; the envelope stands if either was processed.
func TestSeveralTracks(t *testing.T) {
	t.Parallel()
	one := []sii.Count{{Type: 33, Informed: 1, Accepted: 1}}
	tests := map[string]struct {
		older, newer string
		want         event.Status
	}{
		"newer processed":              {"RSC", "EPR", accepted},
		"older processed, newer fails": {"EPR", "RFR", accepted},
		"one is still in process":      {"PDR", "RSC", sent},
		"older lost":                   {"VOF", "EPR", accepted},
		"both refused":                 {"RSC", "RSC", rejected},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			d := id(dte.Factura, 1)
			e := r.envelope(1, []string{"7", "8"}, d)
			r.sii.set("7", test.older, one...)
			r.sii.set("8", test.newer, one...)
			r.push(e)
			if got := r.record(d).Status; got != test.want {
				t.Errorf("the document is %s, want %s", got, test.want)
			}
		})
	}
}

// TestPushLooksOften: then it leaves the envelope to the tick.
func TestPushLooksOften(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.envelope(1, []string{"7"}, id(dte.Factura, 1))
	r.sii.set("7", "SOK")
	r.push(e)
	if n := r.sii.times(); n != 6 {
		t.Errorf("%d looks, want 6", n)
	}
	r.sii.down = sii.ErrUnavailable
	r.push(e)
	if n := r.sii.times(); n != 6 {
		t.Errorf("%d looks at an SII that is down, want 6", n)
	}
}

// TestSchedule: later and later, never dropped, also while the SII is down.
func TestSchedule(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.envelope(1, []string{"7"}, id(dte.Factura, 1))
	r.sii.set("7", "PDR")
	var looks []string
	for minute := 1; minute <= 26*60; minute++ {
		r.advance(time.Minute)
		if minute == 20 {
			r.sii.down = sii.ErrUnavailable
		}
		r.tick()
		if r.sii.times() > 0 {
			looks = append(looks, fmt.Sprint(minute))
		}
	}
	got := strings.Join(looks, " ")
	if !strings.HasPrefix(got, "1 2 4 6 11 16 26 36 51 66 96 126 ") || !strings.HasSuffix(got, " 1446 1506") {
		t.Errorf("looks at minutes %s", got)
	}
	if due := r.due(); len(due) != 1 {
		t.Errorf("due %v, want one entry", due)
	}
	if told := r.events.Take(event.CompanyAlert); len(told) == 0 || !strings.Contains(string(told[0]), "document.no_verdict.33.1.24") {
		t.Errorf("alerts %s, want one about the missing verdict", told)
	}
}

// TestVerdictWakesSend: a note may wait for the document that was just accepted.
func TestVerdictWakesSend(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.envelope(1, []string{"7"}, id(dte.Factura, 1))
	if _, err := r.state.Create(t.Context(), store.Outbox(store.DTE, id(dte.NotaCredito, 5)), nil, nil); err != nil {
		t.Fatal(err)
	}
	r.sii.set("7", "EPR", sii.Count{Type: 33, Informed: 1, Accepted: 1})
	r.push(e)
	if woken := r.events.Take(event.DTESigned); len(woken) != 1 {
		t.Errorf("send was woken %d times, want once", len(woken))
	}
	if changed := r.events.Take(event.DTEStatus); len(changed) != 2 { // sent by the fixture's desk, accepted
		t.Errorf("%d messages dte-status, want 2", len(changed))
	}
}

func TestForeignMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, body := range map[string]string{
		"no message":       `{}`,
		"no envelope":      `{"message":{"data":"e30="}}`,
		"unknown envelope": `{"message":{"data":"eyJlbnZpcm9ubWVudCI6ImNlcnRpZmljYWNpb24iLCJydXQiOiI3NjE5MjA4My05IiwiY2hhbm5lbCI6ImR0ZSIsIm51bWJlciI6OX0="}}`,
	} {
		if w := call(r.handler, http.MethodPost, "/_push/dte-sent", body); w.Code != http.StatusNoContent {
			t.Errorf("%s: answered %d, want 204: nothing mends it", name, w.Code)
		}
	}
}
