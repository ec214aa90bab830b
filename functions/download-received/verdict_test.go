package downloadreceived_test

import (
	"testing"
	"time"

	"timbre/shared/exchange"
)

// sii is the second verdict of a document as the list shows it.
func (r *rig) verdict(folio int64) (exchange.Standing, exchange.Result) {
	r.t.Helper()
	for _, d := range r.list() {
		if d.Folio != folio {
			continue
		}
		for _, c := range d.Checks {
			if c.Check == exchange.CheckSII {
				return d.SII, c.Status
			}
		}
	}
	r.t.Fatalf("no verdict on %d", folio)
	return "", ""
}

// TestSecondVerdict is what the SII's states make of a document, and how often it is asked.
func TestSecondVerdict(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		state    string
		standing exchange.Standing
		status   exchange.Result
		asked    int // in ten days
	}{
		"a note annuls it":      {"ANC", exchange.AtTheSII, exchange.Pass, 1},
		"it has another one":    {"DNK", exchange.OtherAtSII, exchange.Fail, 8},
		"it does not have it":   {"FAU", exchange.NotAtTheSII, exchange.Fail, 8},
		"the folio is annulled": {"FAN", exchange.VoidAtTheSII, exchange.Fail, 8},
		"it says nothing":       {"", exchange.NotAsked, exchange.Warn, 15},
		"it has a fault inside": {"-1", exchange.NotAsked, exchange.Warn, 15},
		"it has it":             {"DOK", exchange.AtTheSII, exchange.Pass, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.sii.set(5, c.state)
			r.box.add(invoice(t, 5))
			r.download()
			if standing, status := r.verdict(5); standing != exchange.NotAsked || status != exchange.Warn {
				t.Errorf("before it was asked: %s %s", standing, status)
			}
			for i := range 3*12 + 10*24 {
				r.tick()
				if r.advance(5 * time.Minute); i > 3*12 {
					r.advance(55 * time.Minute)
				}
			}
			if standing, status := r.verdict(5); standing != c.standing || status != c.status {
				t.Errorf("%s %s", standing, status)
			}
			if r.sii.asked != c.asked {
				t.Errorf("asked %d times", r.sii.asked)
			}
			if left := r.due("sii"); (left > 0) != (c.standing == exchange.NotAsked) {
				t.Errorf("%d questions are left", left)
			}
		})
	}
}

// TestSIIComesBack leaves the verdict pending while the SII is out of order, which holds nothing else up.
func TestSIIComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.box.add(invoices(t, 1, 3)...)
	if a := r.download(); a.New != 3 {
		t.Fatalf("%+v", a)
	}
	r.tick()
	r.sii.set(1, "DOK")
	r.sii.set(2, "FAU")
	r.sii.set(3, "DNK")
	r.advance(2 * time.Minute)
	r.tick()
	for folio, want := range map[int64]exchange.Standing{1: exchange.AtTheSII, 2: exchange.NotAtTheSII, 3: exchange.OtherAtSII} {
		if got, _ := r.verdict(folio); got != want {
			t.Errorf("folio %d: %s, want %s", folio, got, want)
		}
		if record := r.record(folio); record.Registered() != (folio == 1) {
			t.Errorf("folio %d: registered %t", folio, record.Registered())
		}
	}
	r.sii.set(2, "DOK") // the SII had not looked yet
	r.advance(10 * time.Minute)
	r.tick()
	if got, _ := r.verdict(2); got != exchange.AtTheSII {
		t.Errorf("folio 2: %s", got)
	}
}

// TestTheVeryDocument prefers the question that compares signatures.
func TestTheVeryDocument(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sii.exact = true
	r.sii.set(5, "DOK")
	r.box.add(invoice(t, 5))
	r.download()
	r.tick()
	if v := r.record(5).Variants[0]; v.SII == nil || !v.SII.Exact || v.SII.State != "DOK" || r.sii.asked != 1 {
		t.Errorf("%+v, asked %d times", v.SII, r.sii.asked)
	}
}
