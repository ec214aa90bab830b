package pollstatus_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dispatch"
	"timbre/shared/event"
	"timbre/shared/sii"
	"timbre/shared/store"
	"timbre/shared/store/storetest"
)

// TestDeathAtEachStep kills the process at each of its writes; another one must come to the same verdicts.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	const signed, blocked = event.StatusSigned, event.StatusBlocked
	scenarios := map[string]struct {
		state  string
		counts []sii.Count
		want   []event.Status
		outbox int
	}{
		"accepted":        {"EPR", []sii.Count{{Type: 33, Accepted: 3}}, []event.Status{accepted, accepted, accepted}, 0},
		"one is rejected": {"EPR", []sii.Count{{Type: 33, Accepted: 2, Rejected: 1}}, []event.Status{accepted, rejected, accepted}, 0},
		"schema":          {"RSC", nil, []event.Status{signed, signed, signed}, 3},
		"cover":           {"RCT", nil, []event.Status{blocked, blocked, blocked}, 3},
	}
	documents := []store.DocumentID{id(33, 1), id(33, 2), id(33, 3)}
	for name, s := range scenarios {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, took effect %t", name, after), func(t *testing.T) {
				t.Parallel()
				k := 0
				for died := true; died; k++ {
					r := newRig(t)
					r.envelope(1, []string{"7"}, documents...)
					r.sii.set("7", s.state, s.counts...)
					r.sii.documents = map[string]string{"33/1": "DOK", "33/2": "FAU", "33/3": "DOK"}
					died = r.dieAt(k, after)
					for range 5 {
						r.advance(time.Minute)
						r.tick()
					}
					if diff := cmp.Diff(s.want, r.statuses(documents)); diff != "" {
						t.Errorf("death at %d (-want +got):\n%s", k, diff)
					}
					if left := r.names(store.OutboxRoot); len(left) != s.outbox {
						t.Errorf("death at %d: outbox %v", k, left)
					}
					if state := r.plan(1).State; state != dispatch.Done && state != dispatch.Refused {
						t.Errorf("death at %d: plan is %s", k, state)
					}
				}
				if k < 5 {
					t.Errorf("only %d kills", k)
				}
			})
		}
	}
}

// dieAt runs a tick in a process that dies at its k-th write; false if it lived.
func (r *rig) dieAt(k int, after bool) bool {
	r.t.Helper()
	life := storetest.NewLife(k, after)
	doomed := r.instance(life.Bucket(r.memory))
	r.advance(time.Minute)
	return life.Run(func() { call(doomed, http.MethodPost, "/_tick", "") })
}
