package downloadreceived_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	fakesii "timbre/emulators/sii"
	"timbre/emulators/sii/claims"
	"timbre/shared/claim"
	"timbre/shared/received"
	"timbre/shared/store"
)

// testReminders: three days and one day before the end, once each; then silence accepts. Nothing is ever entered.
func testReminders(t *testing.T, r *claimRig) {
	at := noon.Add(-90*time.Minute + 20*time.Second) // a tick comes in the minute of a reminder before its second
	r.plant(1, func(p *fakesii.Plant) { p.ReceivedAt = at })
	r.tick()
	r.tick()
	record := r.record(1)
	if !record.SIIReceivedAt.Equal(at) || !record.ClaimDeadline.Equal(at.Add(claims.Term)) {
		t.Fatalf("received %s, deadline %s", record.SIIReceivedAt, record.ClaimDeadline)
	}
	told := map[string]time.Time{}
	for range 9 * 24 * 2 {
		r.advance(30 * time.Minute)
		r.tick()
		for _, name := range r.alerts() {
			if _, twice := told[name]; twice {
				t.Errorf("%s twice", name)
			}
			told[name] = r.clock()
		}
		if state := r.record(1).State; (state == received.StateAccepted) != r.clock().After(record.ClaimDeadline) && !r.clock().Before(record.ClaimDeadline.Add(time.Hour)) {
			t.Fatalf("at %s the document is %s", r.clock(), state)
		}
	}
	for days, name := range map[int]string{3: "claim.deadline." + subject(1) + ".3", 1: "claim.deadline." + subject(1) + ".1"} {
		late := told[name].Sub(record.ClaimDeadline.AddDate(0, 0, -days))
		if late < 0 || late > time.Hour {
			t.Errorf("%s at %s, %s after its time", name, told[name], late)
		}
	}
	if len(told) != 2 || r.wire.count(opEnter) != 0 || r.record(1).State != received.StateAccepted {
		t.Errorf("told %v, %d entered, state %s", told, r.wire.count(opEnter), r.record(1).State)
	}
	if n := r.dueClaims(); n != 0 {
		t.Errorf("%d entries left", n)
	}
}

func (r *claimRig) dueClaims() int {
	r.t.Helper()
	n := 0
	for o, err := range r.state.List(r.t.Context(), store.Query{Prefix: store.DuePrefix}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.Contains(o.Name, "/claim/") {
			n++
		}
	}
	return n
}

// testAnsweredInTime: whoever answered, here or at the SII's own site, is not reminded.
func testAnsweredInTime(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	r.plant(2, nil)
	r.tick()
	r.tick()
	if got := r.respond(1, claim.ERM); got.status != http.StatusOK {
		t.Fatalf("got %+v", got)
	}
	r.enters("a", 2, claim.RFP)
	for range 9 * 24 {
		r.advance(time.Hour)
		r.tick()
	}
	if told := r.alerts(); len(told) != 0 {
		t.Errorf("told %v", told)
	}
	if one, two := r.record(1), r.record(2); one.State != received.StateAccepted || two.State != received.StateClaimed || len(two.Claims) != 1 || two.Claims[0].By == "" {
		t.Errorf("records %+v and %+v", one.Claims, two.Claims)
	}
}

// testPaidInCash: the SII has said that it takes no answer; nobody is reminded to give one.
func testPaidInCash(t *testing.T, r *claimRig) {
	r.plant(1, func(p *fakesii.Plant) { p.Payment = "1" })
	r.tick()
	if got := r.respond(1, claim.ACD); got.code != "claim-closed" {
		t.Fatalf("got %+v", got)
	}
	for range 9 * 24 {
		r.advance(time.Hour)
		r.tick()
	}
	if told := r.alerts(); len(told) != 0 {
		t.Errorf("told %v", told)
	}
}

// testReceptionLate: the SII tells the date of reception on the sixth day only; the reminder that is due comes then.
func testReceptionLate(t *testing.T, r *claimRig) {
	r.plant(1, nil)
	r.wire.silence(1<<30, opReception)
	for range 6 * 24 {
		r.advance(time.Hour)
		r.tick()
	}
	if told := r.alerts(); len(told) != 0 || !r.record(1).SIIReceivedAt.IsZero() {
		t.Fatalf("told %v", told)
	}
	r.wire.silence(0, opReception)
	for range 24 {
		r.advance(time.Hour)
		r.tick()
	}
	if diff := cmp.Diff([]string{"claim.deadline." + subject(1) + ".3"}, r.alerts()[:1]); diff != "" {
		t.Error(diff)
	}
}
