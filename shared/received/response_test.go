package received_test

import (
	"testing"
	"time"
	_ "time/tzdata" // America/Santiago must exist everywhere

	"github.com/google/go-cmp/cmp"

	"timbre/shared/claim"
	"timbre/shared/received"
)

func santiago(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// TestRespond: at most one response is pending; the same again is the same.
func TestRespond(t *testing.T) {
	t.Parallel()
	var r received.Record
	for _, step := range []struct {
		id   string
		a    claim.Action
		want string
		open string
	}{
		{"1", claim.RCD, "1", "RCD pending"},
		{"2", claim.RCD, "1", "RCD pending"},
		{"3", claim.ACD, "3", "RCD replaced, ACD pending"},
		{"4", claim.RCD, "4", "RCD replaced, ACD replaced, RCD pending"},
	} {
		got := r.Respond(received.Response{ID: step.id, Action: step.a, At: noon}).ID
		open := ""
		for i, p := range r.Responses {
			if i > 0 {
				open += ", "
			}
			open += string(p.Action) + " " + string(p.State)
		}
		if got != step.want || open != step.open || r.Pending().ID != got || r.Response(got) != r.Pending() {
			t.Errorf("%s %s: got %s with %q, want %s with %q", step.id, step.a, got, open, step.want, step.open)
		}
	}
	if r.Response("2") != nil {
		t.Error("a response that was never noted is found")
	}
}

// TestLearn: the SII's list decides what is recorded; what was answered as recorded and is not listed yet stays.
func TestLearn(t *testing.T) {
	t.Parallel()
	zone := santiago(t)
	late := noon.Add(time.Hour)
	r := received.Record{State: received.StateReceived}
	r.Arrive(noon, zone)
	if want := claim.TermOf(noon, zone).Ends; !r.ClaimDeadline.Equal(want) || !r.SIIReceivedAt.Equal(noon) {
		t.Errorf("deadline %s, want %s", r.ClaimDeadline, want)
	}
	r.Enter(r.Respond(received.Response{ID: "1", Action: claim.ACD, Reason: "conforme", At: noon}), noon, zone)
	r.Respond(received.Response{ID: "2", Action: claim.ERM, At: noon})
	r.Learn(claim.History{{Action: claim.NCA, At: noon}}, late, zone)
	if r.State != received.StateAccepted || r.Pending() == nil || len(r.Claims) != 2 {
		t.Errorf("before the list has it: %s, %+v", r.State, r.Claims)
	}
	r.Learn(claim.History{{Action: claim.NCA, At: noon}, {Action: claim.ERM, By: here.RUT, At: late}, {Action: claim.ACD, At: late}}, late, zone)
	want := []received.Claim{
		{Action: "NCA", At: noon}, {Action: "ERM", At: late, By: here.RUT.String()}, {Action: "ACD", At: late, Reason: "conforme"},
	}
	if diff := cmp.Diff(want, r.Claims); diff != "" || r.Pending() != nil || r.Response("2").State != received.ResponseRecorded {
		t.Errorf("the list has it: pending %+v (-want +got):\n%s", r.Pending(), diff)
	}
}

// TestStand: silence accepts only when the term is known and over for certain.
func TestStand(t *testing.T) {
	t.Parallel()
	zone := santiago(t)
	over := claim.TermOf(noon, zone).Closes.Add(time.Second)
	r := received.Record{State: received.StateReceived}
	if r.Stand(over.AddDate(1, 0, 0), zone); r.State != received.StateReceived {
		t.Errorf("without a date of reception: %s", r.State)
	}
	r.Arrive(noon, zone)
	if r.Stand(over.Add(-time.Second), zone); r.State != received.StateReceived {
		t.Errorf("at the close: %s", r.State)
	}
	if r.Stand(over, zone); r.State != received.StateAccepted {
		t.Errorf("after it: %s", r.State)
	}
	if r.Learn(claim.History{{Action: claim.RFT, At: noon}}, over, zone); r.State != received.StateClaimed {
		t.Errorf("claimed in time, learnt afterwards: %s", r.State)
	}
}
