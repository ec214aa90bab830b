package rules_test

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"timbre/shared/golden"
	"timbre/shared/rules"
)

// catalogued reads the reference folder's catalogue of rejections; row 1 is the first below the header.
func catalogued(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile(golden.Reference(t, "sii", "tables", "rejections.csv"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Columns of the catalogue.
const (
	code = iota
	level
	area
	_
	_
	_
	localRule
	evidence
)

// byRow are the rules that stand for each row.
func byRow() map[int][]*rules.Rule {
	out := map[int][]*rules.Rule{}
	for _, r := range rules.All() {
		for _, row := range r.Rows {
			out[row] = append(out[row], r)
		}
	}
	return out
}

// TestCatalogue: each row about documents is a rule with exactly its code, level and evidence, or is
// listed with the reason why it is none.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	all := catalogued(t)
	covered, others := byRow(), map[int]bool{}
	for _, o := range rules.Others() {
		others[o.Row] = true
		if len(covered[o.Row]) > 0 || o.SII != all[o.Row][code] || o.Reason == "" {
			t.Errorf("row %d is a rule too, has another code or gives no reason", o.Row)
		}
	}
	done, conditions := 0, 0
	for i, row := range all[1:] {
		if row[area] == "books" || row[area] == "aec" {
			continue
		}
		if row[localRule] != "" {
			conditions++
		}
		if len(covered[i+1]) == 0 {
			if !others[i+1] {
				t.Errorf("row %d is neither a rule nor listed: %v", i+1, row)
			}
			continue
		}
		done++
		if !stands(row, covered[i+1], i+1) {
			t.Errorf("row %d: no rule of its own has code %q, level %s, evidence %s", i+1, row[code], row[level], row[evidence])
		}
	}
	t.Logf("%d of %d rows with a condition are implemented, %d are listed with a reason", done, conditions, len(others))
	if done < 180 {
		t.Errorf("only %d rows are implemented", done)
	}
}

// stands tells whether a row's first rule says what the row says; a row that shares a rule with an
// earlier one is that one's twin.
func stands(row []string, all []*rules.Rule, number int) bool {
	for _, r := range all {
		twin := r.Rows[0] != number
		sure := r.SII == row[code] && r.Sure == row[evidence]
		if twin || sure && (levelOf(row[level]) == r.Level || row[level] == "?" && strings.HasPrefix(r.Told, "2?")) {
			return true
		}
	}
	return false
}

func levelOf(text string) rules.Level {
	return map[string]rules.Level{"3": rules.LevelReject, "2": rules.LevelRemark, "1": rules.LevelSlight}[text]
}

// TestTable: every row reads, says what to do and cites its source.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, r := range rules.All() {
		switch {
		case r.Code == "" || len(r.At) == 0 || r.Condition == "" || !strings.Contains(r.Source, ","):
			t.Errorf("%s is incomplete: %+v", r.ID, r)
		case r.Text == "" && r.FoundBy == "":
			t.Errorf("%s says nothing", r.ID)
		case rules.Named(r.ID) != r:
			t.Errorf("%s is not found by its name", r.ID)
		}
	}
	if rules.Named("no such rule") != nil || rules.Of(33, "totals-differ", "Encabezado.IdDoc.Folio") != nil {
		t.Error("a rule that is not there is found")
	}
}

// TestOf: faults that others find are named, whatever the index of the line.
func TestOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code, path, want string
	}{
		{"totals-differ", "Encabezado.Totales.MntTotal", "total-differs"},
		{"too-long", "Detalle[12].NmbItem", "text-too-long"},
		{"not-in-list", "Detalle[3].CodImpAdic[1]", "tax-unknown"},
		{"too-many-decimals", "Encabezado.Totales.IVA", "whole-pesos"},
	} {
		if r := rules.Of(33, tt.code, tt.path); r == nil || r.ID != tt.want {
			t.Errorf("%s at %s is %v", tt.code, tt.path, r)
		}
	}
}
