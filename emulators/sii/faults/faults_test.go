package faults_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii/faults"
)

func newEngine(t *testing.T, profile string, seed uint64) *faults.Engine {
	t.Helper()
	e, err := faults.New(profile, seed)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// draws are the faults of n calls of an operation; "" where there is none.
func draws(e *faults.Engine, op string, n int) []string {
	all := make([]string, n)
	for i := range all {
		r, _ := e.Draw(op, "maullin.sii.cl", "")
		all[i] = r.Fault
	}
	return all
}

// The same seed gives the same faults, whatever other operations do and other
// rules say; another seed gives others.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	want := draws(newEngine(t, "hell", 7), "upload", 200)
	e := newEngine(t, "hell", 7)
	if err := e.Add(faults.Rule{Fault: faults.Stuck}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 20 {
		draws(e, "getEstUp", 3)
		got = append(got, draws(e, "upload", 10)...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("same seed:\n%s", diff)
	}
	if slices.Equal(want, draws(newEngine(t, "hell", 8), "upload", 200)) {
		t.Error("another seed gives the same faults")
	}
}

// Every fault of a profile comes about as often as it says.
func TestProbabilities(t *testing.T) {
	t.Parallel()
	const n = 20_000
	for name, p := range faults.Profiles {
		e := newEngine(t, name, 1)
		want := map[string]float64{}
		left := 1.0
		for _, r := range p.Rules {
			if r.Fault == faults.Stuck || r.Fault == faults.Lost || r.Fault == faults.EmptyEPR || len(r.Fault) > 5 && r.Fault[:5] == "mail-" {
				continue
			}
			if r.Fault == faults.Mojibake {
				continue
			}
			want[r.Fault] += left * r.Probability
			left *= 1 - r.Probability
		}
		got := map[string]float64{}
		for _, f := range draws(e, "upload", n) {
			if f != "" {
				got[f] += 1.0 / n
			}
		}
		for f, p := range want {
			if diff := got[f] - p; diff > 0.01 || diff < -0.01 {
				t.Errorf("%s %s: got %.3f, want %.3f", name, f, got[f], p)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// A profile spoils four calls in a row at most, and four attempts with one file.
func TestMercy(t *testing.T) {
	t.Parallel()
	good := []string{"", faults.Delay, faults.Mojibake, faults.EmptyEPR}
	for _, op := range faults.Calls {
		e := newEngine(t, "hell", 3)
		row, worst := 0, 0
		for _, f := range draws(e, op, 20_000) {
			if row++; slices.Contains(good, f) {
				row = 0
			}
			worst = max(worst, row)
		}
		if worst != 4 {
			t.Errorf("%s: %d calls spoilt in a row, want 4", op, worst)
		}
	}
	e := newEngine(t, "calm", 3)
	if err := e.Add(faults.Rule{Fault: faults.ResetBefore}); err != nil {
		t.Fatal(err)
	}
	if got := draws(e, "upload", 9); slices.Contains(got, "") {
		t.Errorf("a given rule knows no mercy: got %v", got)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "", 0)
	for _, r := range []faults.Rule{
		{Fault: faults.HTML, Operation: "upload", Times: 2, Status: 503},
		{Fault: faults.Empty, Host: "palena.sii.cl"},
		{Fault: faults.KillToken},
	} {
		if err := e.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(op, host string) string { r, _ := e.Draw(op, host, ""); return r.Fault }
	got := []string{
		ask("upload", "maullin.sii.cl"), ask("upload", "maullin.sii.cl"), ask("upload", "maullin.sii.cl"), ask("upload", "palena.sii.cl"),
		ask("getSeed", "maullin.sii.cl"), ask(faults.Envelope, ""),
	}
	if diff := cmp.Diff([]string{"html", "html", "kill-token", "empty", "", ""}, got); diff != "" {
		t.Error(diff)
	}
	s := e.Status()
	if s.Counts["html"] != 2 || s.Counts["kill-token"] != 1 || s.Rules[0].Hits != 2 || s.Profile != "calm" {
		t.Errorf("status: %+v", s)
	}
}

func TestRefusedRules(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "", 0)
	for _, text := range []string{
		`{"fault":"rain"}`, `{"fault":"status-99","operation":"getSeed"}`, `{"fault":"html","probability":1.5}`,
		`{"fault":"html","times":-1}`, `{"fault":"html","status":99}`, `{"fault":"delay"}`,
	} {
		var r faults.Rule
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if err := e.Add(r); !errors.Is(err, faults.ErrRule) {
			t.Errorf("%s: got %v, want ErrRule", text, err)
		}
	}
	if _, err := e.SetProfile("purgatory", 0); !errors.Is(err, faults.ErrRule) {
		t.Errorf("unknown profile: got %v, want ErrRule", err)
	}
	var r faults.Rule
	if err := json.Unmarshal([]byte(`{"fault":"down","for":"1h30m"}`), &r); err != nil || time.Duration(r.For) != 90*time.Minute {
		t.Errorf("duration: got %v %v", r.For, err)
	}
}

// The wrong clock stays within what a profile says, and differs by seed.
func TestSkew(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "calm", 0)
	seen := map[time.Duration]bool{}
	for seed := range uint64(50) {
		d, err := e.SetProfile("hell", seed)
		if err != nil {
			t.Fatal(err)
		}
		if d.Abs() > faults.Profiles["hell"].Skew {
			t.Errorf("seed %d: %s", seed, d)
		}
		seen[d] = true
	}
	if len(seen) < 40 {
		t.Errorf("%d skews of 50 seeds", len(seen))
	}
}
