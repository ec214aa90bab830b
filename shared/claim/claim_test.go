package claim_test

import (
	"errors"
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // America/Santiago must exist everywhere

	"github.com/google/go-cmp/cmp"

	simulated "timbre/emulators/sii/claims"
	"timbre/shared/claim"
	"timbre/shared/dte"
)

func chile(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.ParseInLocation(time.DateTime, text, chile(t))
	if err != nil {
		t.Fatal(err)
	}
	return when
}

var actions = []claim.Action{claim.ACD, claim.ERM, claim.RCD, claim.RFP, claim.RFT}

// TestTable is the state machine as WEBSERVICES §8 prints it.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		held []claim.Action
		want [5]claim.Code // by action
	}{
		{nil, [5]claim.Code{}},
		{[]claim.Action{claim.NCA}, [5]claim.Code{}},
		{[]claim.Action{claim.ENC, claim.NCA}, [5]claim.Code{}},
		{[]claim.Action{claim.ACD}, [5]claim.Code{7, 0, 11, 11, 11}},
		{[]claim.Action{claim.ERM}, [5]claim.Code{0, 7, 13, 13, 13}},
		{[]claim.Action{claim.ERM, claim.ACD}, [5]claim.Code{7, 7, 11, 11, 11}},
		{[]claim.Action{claim.RCD}, [5]claim.Code{12, 6, 7, 0, 0}},
		{[]claim.Action{claim.RFP, claim.NCA}, [5]claim.Code{12, 6, 0, 7, 0}},
		{[]claim.Action{claim.RFT, claim.RCD}, [5]claim.Code{12, 6, 7, 0, 7}},
	} {
		var h claim.History
		for _, a := range test.held {
			h = append(h, claim.Event{Action: a})
		}
		for i, a := range actions {
			if got := h.Allows(a); got != test.want[i] {
				t.Errorf("%v then %s: got %d, want %d", test.held, a, got, test.want[i])
			}
		}
	}
	for _, a := range []claim.Action{claim.NCA, claim.ENC, "", "acd"} {
		if got := (claim.History{}).Allows(a); got != claim.BadAction {
			t.Errorf("%q: got %d", a, got)
		}
		if _, err := claim.Parse(string(a)); !errors.Is(err, claim.ErrAction) {
			t.Errorf("parse %q: %v", a, err)
		}
	}
}

// TestAgainstTheSimulator compares with the other reading of the manual, the simulator's: each set of events, each
// action.
func TestAgainstTheSimulator(t *testing.T) {
	t.Parallel()
	received := at(t, "2026-11-20 12:00:00")
	kinds := append([]claim.Action{claim.NCA, claim.ENC}, actions...)
	cells := 0
	for set := range 1 << len(kinds) {
		var h claim.History
		d := simulated.Document{Type: 33, Received: received}
		for i, k := range kinds {
			if set&(1<<i) != 0 {
				h = append(h, claim.Event{Action: k})
				d.Events = append(d.Events, simulated.Event{Code: string(k), At: received})
			}
		}
		for _, a := range actions {
			cells++
			if got, want := int(h.Allows(a)), int(d.Enter(string(a), received)); got != want {
				t.Errorf("%v then %s: got %d, the simulator answers %d", h, a, got, want)
			}
		}
	}
	if cells != 640 {
		t.Errorf("%d cells compared", cells)
	}
}

// TestTermOverClockChanges: where the clock is changed within the eight days, the earlier reading is told, and the
// later one closes.
func TestTermOverClockChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ received, ends, closes, three, one string }{
		"no change": {"2026-11-20 12:00:00", "2026-11-28 12:00:00", "2026-11-28 12:00:00", "2026-11-25 12:00:00", "2026-11-27 12:00:00"},
		"winter begins, 4 April 2027, an hour twice": {
			"2027-04-01 10:30:00", "2027-04-09 09:30:00", "2027-04-09 10:30:00", "2027-04-06 09:30:00", "2027-04-08 09:30:00",
		},
		"winter, the day falls back over midnight": {
			"2027-04-02 00:15:00", "2027-04-09 23:15:00", "2027-04-10 00:15:00", "2027-04-06 23:15:00", "2027-04-08 23:15:00",
		},
		"ends just before winter": {
			"2027-03-26 22:59:59", "2027-04-03 22:59:59", "2027-04-03 22:59:59", "2027-03-31 22:59:59", "2027-04-02 22:59:59",
		},
		"summer begins, 5 September 2027, midnight does not exist": {
			"2027-09-01 10:30:00", "2027-09-09 10:30:00", "2027-09-09 11:30:00", "2027-09-06 10:30:00", "2027-09-08 10:30:00",
		},
		"ends in the missing hour": {
			"2027-08-28 00:30:00", "2027-09-04 23:30:00", "2027-09-05 01:30:00", "2027-09-01 23:30:00", "2027-09-03 23:30:00",
		},
		"a reminder in the missing hour": {
			"2027-08-31 00:30:00", "2027-09-08 00:30:00", "2027-09-08 01:30:00", "2027-09-04 23:30:00", "2027-09-07 00:30:00",
		},
		"ends just before summer": {
			"2027-08-27 23:59:59", "2027-09-04 23:59:59", "2027-09-04 23:59:59", "2027-09-01 23:59:59", "2027-09-03 23:59:59",
		},
		"leap day": {"2028-02-22 08:00:00", "2028-03-01 08:00:00", "2028-03-01 08:00:00", "2028-02-27 08:00:00", "2028-02-29 08:00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			received := at(t, test.received)
			term := claim.TermOf(received.UTC(), chile(t))
			got := [4]string{}
			for i, when := range []time.Time{term.Ends, term.Closes, term.Remind(3), term.Remind(1)} {
				got[i] = when.Format(time.DateTime)
			}
			if diff := cmp.Diff([4]string{test.ends, test.closes, test.three, test.one}, got); diff != "" {
				t.Errorf("ends, closes, 3 days, 1 day (-want +got):\n%s", diff)
			}
			if simulator := received.Add(simulated.Term); simulator.Before(term.Ends) || simulator.After(term.Closes) {
				t.Errorf("192 hours end at %s, outside", simulator)
			}
			if term.Over(term.Closes) || !term.Over(term.Closes.Add(time.Nanosecond)) {
				t.Error("over at another moment than after the close")
			}
		})
	}
}

// TestReminders: each reminder once, the last one that is due; none once the term has ended.
func TestReminders(t *testing.T) {
	t.Parallel()
	term := claim.TermOf(at(t, "2027-04-01 10:30:00"), chile(t))
	second := time.Second
	for name, test := range map[string]struct {
		now  time.Time
		due  string // days, or "none"
		next time.Time
	}{
		"at once":           {term.Received, "none", term.Remind(3)},
		"just before three": {term.Remind(3).Add(-second), "none", term.Remind(3)},
		"three":             {term.Remind(3), "3", term.Remind(1)},
		"between":           {term.Remind(1).Add(-second), "3", term.Remind(1)},
		"one":               {term.Remind(1), "1", term.Closes},
		"just before":       {term.Ends.Add(-second), "1", term.Closes},
		"the disputed hour": {term.Ends, "none", term.Closes},
	} {
		days, due := term.Due(test.now)
		got := "none"
		if due {
			got = fmt.Sprint(days)
		}
		next, more := term.Next(test.now)
		if got != test.due || !next.Equal(test.next) || !more {
			t.Errorf("%s: due %s, next %s %t; want %s, %s", name, got, next, more, test.due, test.next)
		}
	}
	if _, more := term.Next(term.Closes.Add(second)); more {
		t.Error("looked at after its close")
	}
}

// TestParseStamp: the hour that comes twice is the first of the two, so that no deadline comes too late.
func TestParseStamp(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"20-11-2026 12:00:00": "2026-11-20T12:00:00-03:00",
		"03-04-2027 22:30:00": "2027-04-03T22:30:00-03:00",
		"03-04-2027 23:30:00": "2027-04-03T23:30:00-03:00", // twice
		"04-04-2027 00:00:00": "2027-04-04T00:00:00-04:00",
		"04-09-2027 23:59:59": "2027-09-04T23:59:59-04:00",
		"05-09-2027 01:00:00": "2027-09-05T01:00:00-03:00",
	} {
		got, err := claim.ParseStamp(text, chile(t))
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: got %s, %v; want %s", text, got.Format(time.RFC3339), err, want)
		}
	}
	for _, text := range []string{"", "2026-11-20 12:00:00", "31-02-2026 12:00:00", "20-11-2026", "20-11-2026 12:00:00 -03"} {
		if got, err := claim.ParseStamp(text, chile(t)); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	received := at(t, "2026-11-20 12:00:00")
	term := claim.TermOf(received, chile(t))
	soon, late := received.Add(time.Hour), term.Closes.Add(time.Second)
	for name, test := range map[string]struct {
		held []claim.Action
		term claim.Term
		now  time.Time
		want claim.Standing
	}{
		"nothing yet":              {nil, term, soon, claim.Pending},
		"at the close":             {nil, term, term.Closes, claim.Pending},
		"silence":                  {nil, term, late, claim.Silent},
		"silence, term not known":  {nil, claim.Term{}, late, claim.Pending},
		"notes alone say nothing":  {[]claim.Action{claim.NCA}, term, late, claim.Silent},
		"content accepted":         {[]claim.Action{claim.ACD}, term, soon, claim.Accepted},
		"receipt":                  {[]claim.Action{claim.ERM}, term, late, claim.Accepted},
		"claimed, after the close": {[]claim.Action{claim.RFP}, term, late, claim.Claimed},
	} {
		var h claim.History
		for _, a := range test.held {
			h = append(h, claim.Event{Action: a, At: soon})
		}
		if got := h.Standing(test.term, test.now); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// TestCodes: every code of the manual means something and says it; the others are told apart.
func TestCodes(t *testing.T) {
	t.Parallel()
	want := map[claim.Meaning][]int{
		claim.Recorded: {0, 7, 19}, claim.Told: {15, 16, 20, 21, 22, 23, 24, 25}, claim.Closed: {8, 27},
		claim.Refused: {1, 2, 3, 4, 5, 6, 10, 11, 12, 13}, claim.Forbidden: {14, 17}, claim.Later: {-1, 9, 18},
		claim.Undocumented: {26, 28, 29, 99, -2},
	}
	texts := map[string]int{}
	for meaning, codes := range want {
		for _, n := range codes {
			c := claim.Code(n)
			if c.Meaning() != meaning || c.Text() == "" {
				t.Errorf("code %d means %d: %q", n, c.Meaning(), c.Text())
			}
			if before, twice := texts[c.Text()]; twice && meaning != claim.Undocumented {
				t.Errorf("%d and %d say the same", before, n)
			}
			texts[c.Text()] = n
		}
	}
	for a, meaning := range map[claim.Action]claim.Meaning{
		claim.RFP: claim.Recorded, claim.RFT: claim.Recorded, claim.RCD: claim.Refused, claim.ERM: claim.Refused,
	} {
		if got := claim.GoodsClaimed.Of(a); got != meaning {
			t.Errorf("19 after %s means %d", a, got)
		}
	}
	if got := claim.Repeated.Of(claim.ERM); got != claim.Recorded {
		t.Errorf("7 after ERM means %d", got)
	}
}

func TestHandles(t *testing.T) {
	t.Parallel()
	for _, kind := range []dte.Type{33, 34, 39, 41, 43, 46, 52, 56, 61, 110, 111, 112} {
		want := kind == 33 || kind == 34 || kind == 43
		if got := claim.Handles(kind); got != want {
			t.Errorf("type %d: got %t", kind, got)
		}
	}
	for _, a := range actions {
		if got, err := claim.Parse(string(a)); err != nil || got != a || a.Name() == "" {
			t.Errorf("%s: got %s %q, %v", a, got, a.Name(), err)
		}
	}
}
