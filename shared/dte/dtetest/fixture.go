// Package dtetest holds the fixtures that break the rules of package rules, one small change each of
// a document that passes: fixtures.csv changes bases.json.
//
// A change is a list of steps, joined by " ; ": path=text writes, -path takes away, path*n repeats the
// first element of a list until there are n. Stages: asked, the change is in what a caller asks for;
// made, in the finished document, as a guard against our own arithmetic; signed, in the signed bytes or
// the CAF (see functions/e2e).
package dtetest

import (
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
)

// Stages at which a fixture changes a document.
const (
	Asked  = "asked"
	Made   = "made"
	Signed = "signed"
)

// Fixture breaks one rule.
type Fixture struct {
	Rule, Base, Stage, Change string
	// Also are rules that the same change cannot but break.
	Also []string
}

// Today is the day of the fixtures.
var Today = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// Issuer is the company of the fixtures.
var Issuer = dte.Issuer{
	RUT: rut.MustParse("76192083-9"), RznSoc: "Comercial Ñandú & Cía. S.A.", GiroEmis: "Informática",
	Acteco: []string{"726000"}, DirOrigen: "Av. Providencia 1", CmnaOrigen: "Providencia", CiudadOrigen: "Santiago",
}

//go:embed fixtures.csv
var fixtures string

//go:embed bases.json
var bases []byte

// Fixtures are all rows of fixtures.csv.
func Fixtures(tb testing.TB) []Fixture {
	tb.Helper()
	rows, err := csv.NewReader(strings.NewReader(fixtures)).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	var out []Fixture
	for _, r := range rows[1:] {
		out = append(out, Fixture{Rule: r[0], Base: r[1], Stage: r[2], Change: r[3], Also: strings.Fields(r[4])})
	}
	return out
}

// Bases are the documents that the fixtures change, by name.
func Bases(tb testing.TB) map[string]json.RawMessage {
	tb.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(bases, &all); err != nil {
		tb.Fatal(err)
	}
	return all
}

// Document is the base of the fixture, changed if it is a fixture of what is asked.
func (f Fixture) Document(tb testing.TB) json.RawMessage {
	tb.Helper()
	base, ok := Bases(tb)[f.Base]
	if !ok {
		tb.Fatalf("%s: no base %s", f.Rule, f.Base)
	}
	if f.Stage != Asked {
		return base
	}
	return Change(tb, base, f.Change)
}

// Order is the base of the fixture as a finished order with a folio, and the change in it if it is a
// fixture of what is made. No rule looks at it: it is what a service without rules would sign.
func (f Fixture) Order(tb testing.TB, issuer dte.Issuer, today time.Time) *dte.Order {
	tb.Helper()
	o, _, err := dte.Resolve(dte.Request{Document: Bases(tb)[f.Base], Issuer: issuer, Today: today, AllowRemarks: true})
	if err != nil {
		tb.Fatalf("%s: base %s: %v", f.Rule, f.Base, err)
	}
	stored, err := json.Marshal(o.WithFolio(17))
	if err != nil {
		tb.Fatal(err)
	}
	if f.Stage == Made {
		stored = Change(tb, stored, Stored(f.Change))
	}
	var changed dte.Order
	if err := json.Unmarshal(stored, &changed); err != nil {
		tb.Fatalf("%s: %v", f.Rule, err)
	}
	return &changed
}

// Stored turns a change of a document into one of a stored order, where it is the member "document".
func Stored(change string) string {
	steps := strings.Split(change, " ; ")
	for i, s := range steps {
		if rest, removes := strings.CutPrefix(s, "-"); removes {
			steps[i] = "-document/" + rest
		} else {
			steps[i] = "document/" + s
		}
	}
	return strings.Join(steps, " ; ")
}

// Change applies a change to a document.
func Change(tb testing.TB, document json.RawMessage, change string) json.RawMessage {
	tb.Helper()
	var doc map[string]any
	if err := json.Unmarshal(document, &doc); err != nil {
		tb.Fatal(err)
	}
	for step := range strings.SplitSeq(change, " ; ") {
		if err := apply(doc, step); err != nil {
			tb.Fatalf("%s: %v", step, err)
		}
	}
	out, err := json.Marshal(doc)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func apply(doc map[string]any, step string) error {
	if path, removes := strings.CutPrefix(step, "-"); removes {
		return edit(doc, path, func(at map[string]any, name string) { delete(at, name) })
	}
	if path, text, writes := strings.Cut(step, "="); writes {
		return edit(doc, path, func(at map[string]any, name string) { write(at, name, text) })
	}
	path, times, repeats := strings.Cut(step, "*")
	var n int
	if _, err := fmt.Sscan(times, &n); !repeats || err != nil {
		return fmt.Errorf("no step: %w", err)
	}
	return edit(doc, path, func(at map[string]any, name string) {
		for list, _ := at[name].([]any); len(list) < n; {
			list = append(list, list[0])
			at[name] = list
		}
	})
}
