package pollstatus_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dispatch"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// TestSecondTrackIsProcessedFirst: the file that came second is rejected as received before, while the first
// is in process and QueryEstDte knows nothing yet. The document is not rejected.
func TestSecondTrackIsProcessedFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	documents := parse(t, []string{"33/1"})
	r.envelope(1, []string{"7", "8"}, documents...)
	r.sii.set("7", "PDR")
	r.sii.set("8", "EPR", sii.Count{Type: 33, Informed: 1, Rejected: 1})
	r.sii.documents = map[string]string{"33/1": "FAU"}
	for range 30 {
		r.advance(time.Minute)
		r.tick()
		if diff := cmp.Diff([]event.Status{sent}, r.statuses(documents)); diff != "" {
			t.Fatal(diff)
		}
	}
	r.sii.set("7", "EPR", sii.Count{Type: 33, Informed: 1, Accepted: 1})
	r.advance(time.Hour)
	r.tick()
	if diff := cmp.Diff([]event.Status{accepted}, r.statuses(documents)); diff != "" {
		t.Error(diff)
	}
}

// TestFirstTrackWasNeverTold: the answer to the first upload was lost and the SII did not know the file again.
// A rejection waits for what it may hold by the first; not so where STATUS 99 told of the first.
func TestFirstTrackWasNeverTold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		first  event.Status
	}{"new track": {sii.StatusReceived, sent}, "earlier track": {sii.StatusDuplicate, rejected}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			documents := parse(t, []string{"33/1"})
			e := r.envelope(1, []string{"8"}, documents...)
			_, err := dispatch.Update(t.Context(), r.state, e, func(p *dispatch.Plan) error {
				lost := dispatch.Attempt{ID: "lost", At: noon, Ended: noon, Result: dispatch.ResultUnknown}
				p.Attempts[0].Status = &test.status
				p.Attempts = []dispatch.Attempt{lost, p.Attempts[0]}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			r.sii.set("8", "EPR", sii.Count{Type: 33, Informed: 1, Rejected: 1})
			r.sii.documents = map[string]string{"33/1": "FAU"}
			r.advance(time.Minute)
			r.tick()
			if diff := cmp.Diff([]event.Status{test.first}, r.statuses(documents)); diff != "" {
				t.Error(diff)
			}
			for range 30 {
				r.advance(time.Minute)
				r.tick()
			}
			if diff := cmp.Diff([]event.Status{rejected}, r.statuses(documents)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLostAgainAndAgain: an SII that loses the file each time is missed like one that says nothing.
func TestLostAgainAndAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.envelope(1, []string{"7"}, id(33, 1))
	r.sii.set("7", "VOF")
	for _, hours := range []int{1, 26} {
		r.advance(time.Duration(hours) * time.Hour)
		_, err := dispatch.Update(t.Context(), r.state, e, func(p *dispatch.Plan) error { // send has uploaded it again
			p.State = dispatch.Received
			p.Attempts = append(p.Attempts, dispatch.Attempt{ID: "again", At: r.now, Ended: r.now, Result: dispatch.ResultReceived})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r.push(e)
		told := r.events.Take(event.CompanyAlert)
		if missed := hours > 24; missed != (len(told) == 1) {
			t.Errorf("after %d hours: alerts %s", hours, told)
		}
	}
}

// TestMailOfALostFile: the SII lost the file while its result mail was waited for. The entry is at its end.
func TestMailOfALostFile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.envelope(1, []string{"7"}, id(33, 1))
	r.sii.set("7", "VOF")
	r.push(e)
	parts := append([]string{"mail"}, dispatch.DueParts(e)...)
	if err := due.Add(t.Context(), r.state, r.clock(), dispatch.PollStatus, parts...); err != nil {
		t.Fatal(err)
	}
	r.tick()
	for _, name := range r.due() {
		if strings.Contains(name, "/mail/") {
			t.Errorf("left: %s", name)
		}
	}
}

// broken is a driver that cannot write what begins with a prefix.
type broken struct {
	store.Driver
	prefix string
}

func (b broken) Create(ctx context.Context, o store.Object) (int64, error) {
	if strings.HasPrefix(o.Name, b.prefix) {
		return 0, store.ErrRetained
	}
	return b.Driver.Create(ctx, o)
}

func (b broken) Replace(ctx context.Context, o store.Object) (int64, error) {
	if strings.HasPrefix(o.Name, b.prefix) {
		return 0, store.ErrRetained
	}
	return b.Driver.Replace(ctx, o)
}

// TestWhatCannotBeWritten: an outage of the store while a look is applied leaves the entry to come back by.
func TestWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"RSC", "RCT", "VOF", "EPR"} {
		for _, prefix := range []string{"outbox/", "doc/", "envelopes/"} {
			t.Run(state+" "+prefix, func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				documents := parse(t, []string{"33/1", "33/2"})
				r.envelope(1, []string{"7"}, documents...)
				r.sii.set("7", state, sii.Count{Type: 33, Informed: 2, Accepted: 2})
				r.advance(time.Minute)
				call(r.instance(broken{r.memory, prefix}), http.MethodPost, "/_tick", "")
				r.advance(2 * time.Minute)
				r.tick()
				want := map[string]dispatch.State{"RSC": dispatch.Refused, "RCT": dispatch.Refused, "VOF": dispatch.Parked, "EPR": dispatch.Done}[state]
				if got := r.plan(1).State; got != want {
					t.Errorf("plan is %s, want %s", got, want)
				}
				if outbox := r.names(store.OutboxRoot); want == dispatch.Refused && len(outbox) != 2 {
					t.Errorf("outbox %v, want both documents", outbox)
				}
				for _, got := range r.statuses(documents) {
					if got == sent && want != dispatch.Parked {
						t.Errorf("a document is left %s", got)
					}
				}
			})
		}
	}
}

// TestSendLooksTooEarly: send's tick comes between the entry that brings it back and the plan that is parked,
// and removes the entry before or after. One must stand in the end.
func TestSendLooksTooEarly(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		r := newRig(t)
		e := r.envelope(1, []string{"7"}, id(33, 1))
		r.sii.set("7", "VOF")
		var seen []due.Entry
		remove := func() {
			for _, entry := range seen {
				if err := due.Done(t.Context(), r.state, entry); err != nil && !errors.Is(err, store.ErrChanged) {
					t.Error(err)
				}
			}
		}
		between := &interrupted{Driver: r.memory, at: "envelopes/", then: func() {
			var err error
			if seen, err = due.List(t.Context(), r.state, r.clock(), dispatch.Send, 10); err != nil || len(seen) != 1 {
				t.Errorf("%d entries: %v", len(seen), err)
			}
			if !late {
				remove()
			}
		}}
		r.handler = r.instance(between)
		r.push(e)
		if late {
			remove()
		}
		left, err := due.List(t.Context(), r.state, r.clock(), dispatch.Send, 10)
		if err != nil || len(left) != 1 || r.plan(1).State != dispatch.Parked {
			t.Errorf("late %t: plan is %s with entries %v, %v", late, r.plan(1).State, left, err)
		}
	}
}

// interrupted runs something before the first replacement below a prefix.
type interrupted struct {
	store.Driver
	at   string
	then func()
	once sync.Once
}

func (i *interrupted) Replace(ctx context.Context, o store.Object) (int64, error) {
	if strings.HasPrefix(o.Name, i.at) {
		i.once.Do(i.then)
	}
	return i.Driver.Replace(ctx, o)
}
