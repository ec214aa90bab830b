package claims_test

import (
	"testing"
	"time"
	_ "time/tzdata" // America/Santiago must exist everywhere

	"timbre/emulators/sii/claims"
)

func chile(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// Every cell of the state machine, in each state, for each event.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 11, 20, 12, 0, 0, 0, chile(t))
	columns := []string{claims.ACD, claims.ERM, claims.RCD, claims.RFP, claims.RFT}
	for _, tt := range []struct {
		recorded []string
		want     [5]claims.Code // by column
	}{
		{nil, [5]claims.Code{0, 0, 0, 0, 0}},
		{[]string{claims.NCA}, [5]claims.Code{0, 0, 0, 0, 0}},
		{[]string{claims.ENC}, [5]claims.Code{0, 0, 0, 0, 0}},
		{[]string{claims.ACD}, [5]claims.Code{7, 0, 11, 11, 11}},
		{[]string{claims.ERM}, [5]claims.Code{0, 7, 13, 13, 13}},
		{[]string{claims.ACD, claims.ERM}, [5]claims.Code{7, 7, 11, 11, 11}},
		{[]string{claims.ENC, claims.RCD}, [5]claims.Code{12, 6, 7, 0, 0}},
		{[]string{claims.RFP}, [5]claims.Code{12, 6, 0, 7, 0}},
		{[]string{claims.RFT}, [5]claims.Code{12, 6, 0, 0, 7}},
	} {
		d := claims.Document{Type: 33, Received: received}
		for _, code := range tt.recorded {
			d.Events = append(d.Events, claims.Event{Code: code, At: received})
		}
		for i, action := range columns {
			if got := d.Enter(action, received.Add(time.Hour)); got != tt.want[i] {
				t.Errorf("%v then %s: got %d, want %d", tt.recorded, action, got, tt.want[i])
			}
		}
	}
}

func TestEnterAtAll(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 11, 20, 12, 0, 0, 0, chile(t))
	for _, tt := range []struct {
		name   string
		d      claims.Document
		action string
		want   claims.Code
	}{
		{"unknown action", claims.Document{Received: received}, "XXX", 4},
		{"an event of notes", claims.Document{Received: received}, claims.NCA, 4},
		{"paid cash", claims.Document{Received: received, Payment: "1"}, claims.ERM, 27},
		{"on credit", claims.Document{Received: received, Payment: "2"}, claims.ERM, 0},
		{"free", claims.Document{Received: received, Payment: "3"}, claims.RCD, 27},
		{"before the register", claims.Document{Received: claims.Start.Add(-time.Second)}, claims.ACD, 10},
		{"on its first day", claims.Document{Received: claims.Start}, claims.ACD, 8},
	} {
		if got := tt.d.Enter(tt.action, received); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// The term is 192 hours that pass: over a change of the clock it ends at another
// hour of the day, eight days later.
func TestDeadlineOverClockChanges(t *testing.T) {
	t.Parallel()
	zone := chile(t)
	for _, tt := range []struct {
		name           string
		received, want string
	}{
		{"no change", "2026-11-20 12:00:00", "2026-11-28 12:00:00"},
		{"winter begins, 4 April 2027, an hour twice", "2027-04-01 10:30:00", "2027-04-09 09:30:00"},
		{"the last hour of the last summer day", "2027-04-03 22:30:00", "2027-04-11 21:30:00"},
		{"ends just before winter", "2027-03-26 22:59:59", "2027-04-03 22:59:59"},
		{"the day falls back over midnight", "2027-04-02 00:15:00", "2027-04-09 23:15:00"},
		{"summer begins, 5 September 2027, midnight does not exist", "2027-09-01 10:30:00", "2027-09-09 11:30:00"},
		{"the day leaps over midnight", "2027-09-01 23:30:00", "2027-09-10 00:30:00"},
		{"ends in the missing hour", "2027-08-28 00:30:00", "2027-09-05 01:30:00"},
		{"ends just before summer", "2027-08-27 23:59:59", "2027-09-04 23:59:59"},
	} {
		at, err := time.ParseInLocation(time.DateTime, tt.received, zone)
		if err != nil {
			t.Fatal(err)
		}
		d := claims.Document{Type: 33, Received: at}
		if got := d.Deadline().Format(time.DateTime); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if got := d.Enter(claims.RCD, d.Deadline()); got != claims.Done {
			t.Errorf("%s: at the deadline: got %d, want 0", tt.name, got)
		}
		if got := d.Enter(claims.RCD, d.Deadline().Add(time.Nanosecond)); got != claims.TooLate {
			t.Errorf("%s: after the deadline: got %d, want 8", tt.name, got)
		}
	}
}

func TestCedibleAndStanding(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 11, 20, 12, 0, 0, 0, chile(t))
	soon, late := received.Add(time.Hour), received.Add(claims.Term+time.Second)
	event := func(code string, at time.Time) []claims.Event { return []claims.Event{{Code: code, At: at}} }
	for _, tt := range []struct {
		name    string
		d       claims.Document
		now     time.Time
		cedible claims.Code
		state   claims.State
		by      string
		since   time.Time
	}{
		{"nothing yet", claims.Document{Type: 33}, soon, 22, claims.Pending, "", received},
		{"at the deadline", claims.Document{Type: 33}, received.Add(claims.Term), 22, claims.Pending, "", received},
		{"lapsed", claims.Document{Type: 34}, late, 25, claims.Registered, "A", received.Add(claims.Term)},
		{"content accepted", claims.Document{Type: 33, Events: event(claims.ACD, soon)}, soon, 22, claims.Registered, "C", soon},
		{"receipt", claims.Document{Type: 43, Events: event(claims.ERM, soon)}, late, 23, claims.Registered, "C", soon},
		{"claimed", claims.Document{Type: 33, Events: event(claims.RFT, soon)}, late, 24, claims.Refused, "R", soon},
		{"annulled in time", claims.Document{Type: 33, Events: event(claims.NCA, soon)}, soon, 21, claims.Pending, "", received},
		{"annulled late", claims.Document{Type: 33, Events: event(claims.NCA, late)}, late, 25, claims.Registered, "A", received.Add(claims.Term)},
		{"paid", claims.Document{Type: 33, Payment: "1"}, soon, 22, claims.Registered, "P", received},
		{"a note", claims.Document{Type: 61}, soon, 20, claims.Registered, "", received},
	} {
		tt.d.Received = received
		if got := tt.d.Cedible(tt.now); got != tt.cedible {
			t.Errorf("%s: cedible: got %d, want %d", tt.name, got, tt.cedible)
		}
		got := tt.d.Standing(tt.now)
		if got.State != tt.state || got.By != tt.by || !got.Since.Equal(tt.since) {
			t.Errorf("%s: standing: got %+v, want %s %q %s", tt.name, got, tt.state, tt.by, tt.since)
		}
	}
}
