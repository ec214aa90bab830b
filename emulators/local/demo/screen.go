package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
)

// screen shows rows: a table that is drawn again on a terminal, a line for each change elsewhere.
type screen struct {
	out   io.Writer
	live  bool
	drawn int // lines of the table on the terminal
	told  map[string]string
}

func newScreen(out *os.File) *screen {
	return &screen{out: out, live: term.IsTerminal(int(out.Fd())), told: map[string]string{}}
}

func (s *screen) show(rows []row) {
	if s.live {
		s.draw(rows)
		return
	}
	for _, r := range rows {
		if s.told[r.ID] == r.Status {
			continue
		}
		s.told[r.ID] = r.Status
		s.printf("%6d ms  %-26s %-18s %s%s\n", time.Since(r.posted).Milliseconds(), r.label, r.ID, r.Status, track(r))
	}
}

func track(r row) string {
	if r.TrackID == nil {
		return ""
	}
	return "  track " + *r.TrackID
}

// draw writes the table over the one before.
func (s *screen) draw(rows []row) {
	if s.drawn > 0 {
		s.printf("\x1b[%dA\x1b[J", s.drawn)
	}
	text := table(rows)
	s.drawn = strings.Count(text, "\n")
	s.printf("%s", text)
}

// table is the closing table, and the live one.
func table(rows []row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "document\ttype\tfolio\ttotal\ttrack id\tverdict\tsigned ms\tsent ms\tverdict ms") //nolint:errcheck // memory
	for _, r := range rows {
		id := "-"
		if r.TrackID != nil {
			id = *r.TrackID
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%v\t%s\t%s\t%s\t%s\t%s\n", //nolint:errcheck // memory
			r.label, r.Type, r.Folio, r.Totals.MntTotal, id, r.Status, ms(r.signed), ms(r.sent), ms(r.verdict))
	}
	w.Flush() //nolint:errcheck // memory
	return b.String()
}

func ms(d time.Duration) string {
	if d == 0 {
		return "…"
	}
	return fmt.Sprint(d.Milliseconds())
}

func (s *screen) printf(format string, args ...any) {
	fmt.Fprintf(s.out, format, args...) //nolint:errcheck // a closed terminal changes nothing
}
