package sii_test

import (
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii/judge"
)

var update = flag.Bool("update", false, "rewrite RULES.md")

// covered is one line of RULES.md: a row of the catalogue and a rule for it.
type covered struct {
	row                             int
	code, rule, text, by, condition string
	level                           int
}

func coverage() []covered {
	var all []covered
	for _, s := range judge.Statements() {
		condition := ""
		if s.Strict != "" {
			condition = "strict_format: " + s.Strict
		}
		for _, row := range s.Rows {
			all = append(all, covered{row: row, code: s.Code, rule: s.Name, text: s.Text, by: "breach", condition: condition, level: s.Level})
		}
	}
	for _, p := range proofs {
		for _, row := range p.rows {
			all = append(all, covered{row: row, code: p.code, rule: p.rule, text: p.text, by: p.by, level: p.level})
		}
	}
	for _, u := range unfits() {
		if !slices.ContainsFunc(all, func(c covered) bool { return c.row == u.row && c.by == "unfit" }) {
			all = append(all, covered{row: u.row, code: "STATUS 7", rule: "schema", text: "forma que el esquema rechaza", by: "unfit", level: judge.Reject})
		}
	}
	slices.SortStableFunc(all, func(a, b covered) int { return a.row - b.row })
	return all
}

const rulesHead = `# What the judge checks

Made by ` + "`go test -tags disable_grpc_modules ./emulators/sii -run TestRules -args -update`" + `; do not edit.

A row is a line of the catalogue of rejections (` + "`sii/tables/rejections.csv`" + ` of the references; books and cessions are left out). A code stands
only where a real answer or an official text shows it; elsewhere the SII's code is not known, and the answer is a plain glosa with the rule's name
in the control API. "By" names what proves it: a mutation of ` + "`mutation_test.go`" + `, a breach of ` + "`rules_cases_test.go`" + `, a form of
` + "`rules_schema_test.go`" + ` (unfit), or a test. Rules under *strict_format* rest unless that switch is on.

`

func rulesFile() string {
	all := coverage()
	coded, named := map[int]bool{}, map[int]bool{}
	for _, c := range all {
		if c.code != "" {
			coded[c.row] = true
		}
	}
	for _, c := range all {
		if !coded[c.row] {
			named[c.row] = true
		}
	}
	var b strings.Builder
	b.WriteString(rulesHead)
	fmt.Fprintf(&b, "| rows | number |\n|---|---|\n| with a real code or state | %d |\n| with a rule's name | %d |\n| not implemented | %d |\n\n", len(coded), len(named), len(others))
	fmt.Fprintf(&b, "%d rules are data of the judge's tables.\n\n| row | code | level | rule | checks | by |\n|---|---|---|---|---|---|\n", len(judge.Statements()))
	for _, c := range all {
		text := c.text
		if c.condition != "" {
			text += " (*" + c.condition + "*)"
		}
		fmt.Fprintf(&b, "| %d | %s | %d | `%s` | %s | %s |\n", c.row, c.code, c.level, c.rule, text, c.by)
	}
	b.WriteString("\n## Not implemented\n\n| row | reason |\n|---|---|\n")
	rows := []int(nil)
	for row := range others {
		rows = append(rows, row)
	}
	slices.Sort(rows)
	for _, row := range rows {
		fmt.Fprintf(&b, "| %d | %s |\n", row, others[row])
	}
	return b.String()
}

// RULES.md says what the rules are, and each is proven by something that exists.
func TestRulesFile(t *testing.T) {
	t.Parallel()
	want := rulesFile()
	if *update {
		if err := os.WriteFile("RULES.md", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("RULES.md is stale (-want +got); run with -args -update:\n%s", diff)
	}
	head, _, _ := strings.Cut(strings.SplitAfterN(want, "| rows |", 2)[1], "| row |")
	t.Log("rows" + head)
}

func TestProofsExist(t *testing.T) {
	t.Parallel()
	mutations := map[string]verdict{}
	for _, group := range [][]mutation{uploadMutations(), envelopeMutations(), stampMutations(), businessMutations()} {
		for _, m := range group {
			mutations[m.name] = m.want
		}
	}
	tests := testNames(t)
	broken := map[string]bool{}
	for _, b := range append(procedureBreaches(), boletaProcedureBreaches()...) {
		broken[b.rule] = true
	}
	for _, p := range proofs {
		want, isMutation := mutations[p.by]
		switch {
		case p.by == "breach":
			if q := procedures[p.rule]; !broken[p.rule] || q.code != p.code || q.level != p.level {
				t.Errorf("%s: no breach with code %q and level %d", p.rule, p.code, p.level)
			}
		case isMutation:
			if !mentions(want, p) {
				t.Errorf("%s: mutation %q wants %+v, not %s", p.rule, p.by, want, p.code)
			}
		case !tests[p.by]:
			t.Errorf("%s: nothing is called %q", p.rule, p.by)
		}
	}
}

// mentions: what the mutation wants is the proof's code, or its rule.
func mentions(want verdict, p proof) bool {
	if want.code == "" && want.rule == "" && want.fault == "" {
		return p.code == "" || want.state == p.code || "STATUS "+want.status == p.code || strings.HasPrefix(want.text, p.code) || want.status == "7"
	}
	return p.code != "" && (want.code == p.code || want.fault == p.code || want.state == p.code) || want.rule == p.rule || want.fault == p.rule
}

func testNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		for line := range strings.Lines(string(readFile(t, file))) {
			if name, found := strings.CutPrefix(line, "func Test"); found {
				name, _, _ = strings.Cut(name, "(")
				names["Test"+name] = true
			}
		}
	}
	return names
}

// The catalogue itself: every row of our types that can be checked is covered or
// left out with a reason, and no code is given that no evidence shows.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(strings.NewReader(string(readFile(t, reference(t, "sii", "tables", "rejections.csv"))))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all, known := coverage(), map[string]bool{}
	for _, r := range rows[1:] {
		known[r[0]] = known[r[0]] || r[7] == "live" || r[7] == "official"
	}
	for i, r := range rows[1:] {
		row, code, level, area, condition, evidence := i+2, r[0], r[1], r[2], r[6], r[7]
		mine := slices.DeleteFunc(slices.Clone(all), func(c covered) bool { return c.row != row })
		switch {
		case area == "books" || area == "aec":
			if len(mine) > 0 {
				t.Errorf("row %d is of %s", row, area)
			}
		case len(mine) == 0 && others[row] == "" && condition != "":
			t.Errorf("row %d (%s %s) is neither covered nor left out", row, code, r[3])
		case len(mine) > 0 && others[row] != "":
			t.Errorf("row %d is both covered and left out", row)
		}
		shown := evidence == "live" || evidence == "official"
		for _, c := range mine {
			if c.code != "" && !known[c.code] {
				t.Errorf("row %d: rule %s gives code %s, which no evidence shows", row, c.rule, c.code)
			}
		}
		if shown && code != "" && len(mine) > 0 && !slices.ContainsFunc(mine, func(c covered) bool {
			return c.code == code && (level == "?" || strconv.Itoa(c.level) == level)
		}) {
			t.Errorf("row %d: nothing gives %s at level %s", row, code, level)
		}
	}
}
