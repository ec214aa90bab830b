package pollstatus_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dispatch"
	"timbre/shared/event"
	"timbre/shared/sii"
)

// TestForeignDocument: another software used our folio for the same date, amount and receiver, so that QueryEstDte
// says DOK. What the SII holds is not ours: it is never accepted, and rejected only if the counts reject.
func TestForeignDocument(t *testing.T) {
	t.Parallel()
	rejects := []sii.Count{{Type: 33, Informed: 2, Accepted: 1, Rejected: 1}}
	tests := map[string]struct {
		state  string
		counts []sii.Count
		tracks []string
		want   event.Status
	}{
		"rejected in its envelope":  {"EPR", rejects, []string{"7"}, rejected},
		"not counted":               {"EPR", nil, []string{"7"}, sent},
		"repeated content":          {"RPT", nil, []string{"7"}, sent},
		"repeated content, counted": {"RPT", []sii.Count{{Type: 33, Informed: 2, Accepted: 2}}, []string{"7"}, sent},
		"no track id":               {"", nil, nil, sent},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			documents := parse(t, []string{"33/1", "33/2"})
			r.envelope(1, test.tracks, documents...)
			r.sii.set("7", test.state, test.counts...)
			r.sii.documents = map[string]string{"33/1": "DOK", "33/2": "TMC"}
			r.sii.foreign = map[string]bool{"33/1": true}
			for range 60 {
				r.advance(time.Hour)
				r.tick()
				if got := r.record(documents[0]).Status; got != test.want && got != sent {
					t.Fatalf("foreign document is %s", got)
				}
			}
			if diff := cmp.Diff([]event.Status{test.want, accepted}, r.statuses(documents)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if test.want == rejected {
				r.checkTold(documents[0].String(), r.record(documents[0]).SII.DocumentState)
			}
		})
	}
}

// checkTold: the reader learns that the folio holds another document, and both answers are kept.
func (r *rig) checkTold(name, state string) {
	r.t.Helper()
	kept, err := dispatch.Kept(r.t.Context(), r.archive, id(33, 1))
	if err != nil {
		r.t.Fatal(err)
	}
	var codes []string
	for _, e := range kept {
		if e.Kind == dispatch.KindDocumentState {
			codes = append(codes, e.Code)
		}
	}
	if diff := cmp.Diff([]string{"DOK", "DNK"}, codes); diff != "" || state != "DNK" {
		r.t.Errorf("%s is told as %s with answers (-want +got):\n%s", name, state, diff)
	}
}

// TestUnprovenDocument: as long as the SII does not say whose document it holds, there is no verdict.
func TestUnprovenDocument(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	documents := parse(t, []string{"33/1"})
	r.envelope(1, []string{"7"}, documents...)
	r.sii.set("7", "EPR", sii.Count{Type: 33, Informed: 1, Rejected: 1})
	r.sii.documents = map[string]string{"33/1": "DOK"}
	r.sii.unproven = true
	for range 30 {
		r.advance(time.Hour)
		r.tick()
	}
	if diff := cmp.Diff([]event.Status{sent}, r.statuses(documents)); diff != "" {
		t.Errorf("unproven (-want +got):\n%s", diff)
	}
	if told := r.events.Take(event.CompanyAlert); len(told) == 0 {
		t.Error("nobody was told that the verdict is missing")
	}
	r.sii.unproven = false
	r.advance(24 * time.Hour)
	r.tick()
	if diff := cmp.Diff([]event.Status{accepted}, r.statuses(documents)); diff != "" {
		t.Errorf("proven (-want +got):\n%s", diff)
	}
}

// TestForeignBoleta: the boletas' service knows no signatures. A boleta that it received before is ours only if its
// bytes went out more than once; with other data it is another one.
func TestForeignBoleta(t *testing.T) {
	t.Parallel()
	lost := dispatch.Attempt{ID: "lost", At: noon, Ended: noon, Result: dispatch.ResultUnknown}
	refused := dispatch.Attempt{ID: "refused", At: noon, Ended: noon, Result: dispatch.ResultRetry}
	tests := map[string]struct {
		reason string
		before []dispatch.Attempt
		want   event.Status
	}{
		"sent once":                {"DTE-3-100", nil, sent},
		"sent once, refused first": {"DTE-3-100", []dispatch.Attempt{refused}, sent},
		"sent twice":               {"DTE-3-100", []dispatch.Attempt{lost}, accepted},
		"other data":               {"DTE-3-101", nil, rejected},
		"other data, sent twice":   {"DTE-3-101", []dispatch.Attempt{lost}, rejected},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			documents := parse(t, []string{"39/1", "39/2"})
			e := r.envelope(1, []string{"7"}, documents...)
			_, err := dispatch.Update(t.Context(), r.state, e, func(p *dispatch.Plan) error {
				p.Service, p.Attempts = dispatch.Boletas, append(test.before, p.Attempts...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			r.sii.set("7", "EPR", sii.Count{Type: 39, Informed: 2, Accepted: 1, Rejected: 1})
			r.sii.details = []sii.Reviewed{{Type: 39, Folio: 1, State: "RCH", Reasons: []sii.Reason{{Code: test.reason, Level: 3}}}}
			r.sii.documents = map[string]string{"39/1": "DOK"}
			for range 30 {
				r.advance(time.Hour)
				r.tick()
			}
			if diff := cmp.Diff([]event.Status{test.want, accepted}, r.statuses(documents)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
