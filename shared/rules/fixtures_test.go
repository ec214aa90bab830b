package rules_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"timbre/shared/dte"
	"timbre/shared/dte/dtetest"
	"timbre/shared/format"
	"timbre/shared/rules"
)

// told are the faults of a request by the rule they break; those of no rule under "".
func told(tb testing.TB, document json.RawMessage, strict bool) (map[string][]dte.FieldError, bool) {
	tb.Helper()
	_, warnings, err := dte.Resolve(dte.Request{Document: document, Issuer: dtetest.Issuer, Today: dtetest.Today, StrictRemarks: strict})
	all := slices.Clone(warnings)
	var invalid *dte.Invalid
	if err != nil && !errors.As(err, &invalid) {
		tb.Fatal(err)
	}
	if invalid != nil {
		all = append(all, invalid.Faults...)
	}
	byRule := map[string][]dte.FieldError{}
	for _, f := range all {
		byRule[f.Rule] = append(byRule[f.Rule], f)
	}
	return byRule, err != nil
}

// TestBases: what the fixtures change passes as it is, even where every remark refuses.
func TestBases(t *testing.T) {
	t.Parallel()
	for name, document := range dtetest.Bases(t) {
		if got, refused := told(t, document, true); refused {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestFixtures: each breaks its rule, with its code, level and the SII's code, and no other rule but
// those that it names.
func TestFixtures(t *testing.T) {
	t.Parallel()
	for _, f := range dtetest.Fixtures(t) {
		t.Run(f.Rule, func(t *testing.T) {
			t.Parallel()
			r := rules.Named(f.Rule)
			if r == nil {
				t.Fatal("no such rule")
			}
			switch f.Stage {
			case dtetest.Asked:
				checkAsked(t, f, r)
			case dtetest.Made:
				checkMade(t, f, r)
			}
		})
	}
}

func checkAsked(t *testing.T, f dtetest.Fixture, r *rules.Rule) {
	t.Helper()
	got, refused := told(t, f.Document(t), false)
	if len(got[f.Rule]) == 0 {
		t.Fatalf("not found; found %v", got)
	}
	for _, fault := range got[f.Rule] {
		checkFault(t, fault, r)
		if fault.Level >= dte.LevelRemark && !refused {
			t.Errorf("level %d passed", fault.Level)
		}
	}
	checkOthers(t, f, got)
}

// checkFault wants the rule's own code and level; where others found the fault, one of the codes that the
// rule names, and no less than its level, since the schema refuses whatever the SII's level is.
func checkFault(t *testing.T, fault dte.FieldError, r *rules.Rule) {
	t.Helper()
	codes, level := []string{r.Code}, fault.Level == r.Level
	if r.FoundBy != "" {
		codes, level = strings.Split(r.FoundBy, "|"), fault.Level >= r.Level
	}
	if !slices.Contains(codes, fault.Code) || !level || fault.SIICode != r.SII || fault.Detail == "" {
		t.Errorf("fault %+v", fault)
	}
}

func checkOthers(t *testing.T, f dtetest.Fixture, got map[string][]dte.FieldError) {
	t.Helper()
	var others []string
	for name := range got {
		if name != "" && name != f.Rule {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	want := slices.Sorted(slices.Values(f.Also))
	if !slices.Equal(want, others) {
		t.Errorf("other rules: %v, want %v", others, want)
	}
}

// checkMade judges the changed document by the rules alone.
func checkMade(t *testing.T, f dtetest.Fixture, r *rules.Rule) {
	t.Helper()
	o := f.Order(t, dtetest.Issuer, dtetest.Today)
	stored, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var whole struct{ Document json.RawMessage }
	if err := json.Unmarshal(stored, &whole); err != nil {
		t.Fatal(err)
	}
	doc, findings, err := format.ReadJSON(rootOf(o.Type()), whole.Document, "")
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	got := map[string][]dte.FieldError{}
	facts := rules.Facts{Type: int(o.Type()), Issuer: dtetest.Issuer.RUT.String(), Acteco: dtetest.Issuer.Acteco, Today: "2026-11-23"}
	for _, b := range rules.Check(doc, facts) {
		got[b.Rule.ID] = append(got[b.Rule.ID], dte.FieldError{Path: b.Path})
	}
	if len(got[r.ID]) == 0 {
		t.Fatalf("not found; found %v", got)
	}
	checkOthers(t, f, got)
}

// TestEveryRuleHasAFixture: no rule is there that nothing breaks.
func TestEveryRuleHasAFixture(t *testing.T) {
	t.Parallel()
	broken := map[string]bool{}
	for _, f := range dtetest.Fixtures(t) {
		broken[f.Rule] = true
	}
	rows := map[int]bool{}
	for _, r := range rules.All() {
		if !broken[r.ID] {
			t.Errorf("no fixture breaks %s", r.ID)
		}
		for _, row := range r.Rows {
			rows[row] = true
		}
	}
	t.Logf("%d rules, %d fixtures, for %d rows of rejections.csv", len(rules.All()), len(broken), len(rows))
}

// rootOf is the format of a type's document.
func rootOf(t dte.Type) *format.Element {
	switch {
	case t.IsBoleta():
		return format.Root("Boleta")
	case t == dte.LiquidacionFactura:
		return format.Root("Liquidacion")
	case t >= dte.FacturaExportacion:
		return format.Root("Exportaciones")
	}
	return format.Root("Documento")
}
