package crash_test

import (
	"strings"
	"testing"

	"timbre/emulators/crash"
)

func TestPoints(t *testing.T) {
	t.Parallel()
	all, err := crash.Points(nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.String()] {
			t.Errorf("point %s is there twice", p)
		}
		seen[p.String()] = true
		twin := p
		twin.After = !p.After
		if !strings.Contains(p.String(), p.Function) || p.String() == twin.String() {
			t.Errorf("point %s has no name of its own", p)
		}
	}
	chosen, err := crash.Points([]string{"send after upload", " generate-sign before create req "})
	if err != nil || len(chosen) != 2 || chosen[0] != (crash.Point{Function: "send", After: true, What: "upload"}) {
		t.Errorf("chosen are %v, %v", chosen, err)
	}
	if _, err := crash.Points([]string{"send after lunch"}); err == nil {
		t.Error("an unknown point is taken")
	}
}

// TestAims: each aim names points that exist and says what must be found.
func TestAims(t *testing.T) {
	t.Parallel()
	if len(crash.Aims) < 6 {
		t.Errorf("%d bugs are aimed at, want 6 at least", len(crash.Aims))
	}
	for _, a := range crash.Aims {
		o := a.Options(crash.Options{})
		if _, err := crash.Points(o.Only); err != nil || len(a.Rules) == 0 || o.Function["PLANTED_BUG"] != a.Bug {
			t.Errorf("aim at %s: %v, rules %v, environment %v", a.Bug, err, a.Rules, o.Function)
		}
	}
}
