package audit

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
)

// Report is what an audit found.
type Report struct {
	Counts     []Count     `json:"counts"`
	Free       []string    `json:"free"` // folios that may be given out though higher ones are taken
	Violations []Violation `json:"violations"`
}

// Count is one number of a report.
type Count struct {
	What string `json:"what"`
	N    int    `json:"n"`
}

// Of tells a number, 0 if nothing was counted.
func (r *Report) Of(what string) int {
	for _, c := range r.Counts {
		if c.What == what {
			return c.N
		}
	}
	return 0
}

// Broken counts the violations of each rule.
func (r *Report) Broken() map[Rule]int {
	broken := map[Rule]int{}
	for _, v := range r.Violations {
		broken[v.Rule]++
	}
	return broken
}

// auditor looks at books.
type auditor struct {
	*books
	report *Report
}

// Run looks at everything once. An error says that it could not look; what it found stands in the report.
func Run(ctx context.Context, s Sources) (*Report, error) {
	b, err := gather(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	a := &auditor{books: b, report: &Report{}}
	a.checkCallers()
	a.checkFolios()
	a.checkSending()
	a.checkVerdicts()
	a.checkEvents()
	slices.SortFunc(a.report.Violations, func(x, y Violation) int {
		return cmp.Or(cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Subject, y.Subject))
	})
	slices.SortFunc(a.report.Counts, func(x, y Count) int { return cmp.Compare(x.What, y.What) })
	slices.Sort(a.report.Free)
	return a.report, nil
}

func (a *auditor) count(what string, n int) {
	for i := range a.report.Counts {
		if a.report.Counts[i].What == what {
			a.report.Counts[i].N += n
			return
		}
	}
	a.report.Counts = append(a.report.Counts, Count{what, n})
}

// maxListed bounds what Write shows of a long list.
const maxListed = 40

// Write prints the report for people.
func (r *Report) Write(w io.Writer) {
	for _, c := range r.Counts {
		fmt.Fprintf(w, "%8d %s\n", c.N, c.What) //nolint:errcheck // a screen
	}
	fmt.Fprintf(w, "%8d folios below the highest may be given out\n", len(r.Free)) //nolint:errcheck // a screen
	for _, free := range r.Free[:min(len(r.Free), maxListed)] {
		fmt.Fprintf(w, "         %s\n", free) //nolint:errcheck // a screen
	}
	fmt.Fprintf(w, "%8d violations\n", len(r.Violations)) //nolint:errcheck // a screen
	for _, v := range r.Violations[:min(len(r.Violations), maxListed)] {
		fmt.Fprintf(w, "         %s: %s %s\n", v.Rule, v.Subject, v.Detail) //nolint:errcheck // a screen
	}
	if more := len(r.Violations) - maxListed; more > 0 {
		fmt.Fprintf(w, "         and %d more\n", more) //nolint:errcheck // a screen
	}
}
