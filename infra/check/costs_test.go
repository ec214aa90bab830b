package check_test

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// rows are the table rows of a section of a page, cell by cell.
func rows(t *testing.T, page, section string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "## "+section+"\n")
	if !found {
		t.Fatalf("%s has no section %s", page, section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var all [][]string
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|---") {
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "*")
			}
			all = append(all, cells)
		}
	}
	if len(all) < 5 {
		t.Fatalf("%s, %s: %d rows", page, section, len(all))
	}
	return all
}

func TestEveryPriceHasASource(t *testing.T) {
	t.Parallel()
	for _, row := range rows(t, "costs.md", "Prices")[1:] {
		if len(row) != 3 || row[1] == "" || len(row[2]) < 8 {
			t.Errorf("%v has no source", row)
		}
	}
}

// TestTheBillAddsUp sums the columns of the bill, and computes Cloud Run and the operations anew.
func TestTheBillAddsUp(t *testing.T) {
	t.Parallel()
	bill := rows(t, "costs.md", "The bill")
	cell := func(row string, column int) float64 {
		for _, r := range bill {
			if name, _, _ := strings.Cut(r[0], " ("); name == row {
				n, err := strconv.ParseFloat(strings.ReplaceAll(r[column], ",", ""), 64)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
		}
		t.Fatalf("no row %s", row)
		return 0
	}
	for column, documents := range []float64{1: 0, 2: 100, 3: 5000, 4: 100000} {
		if column == 0 {
			continue
		}
		seconds := cell("Cloud Run: vCPU-seconds", column)
		run := math.Max(0, seconds*0.0000336-180000*0.000024) + math.Max(0, seconds/2*0.0000035-360000*0.0000025)
		near(t, "Cloud Run", run, cell("Cloud Run", column))
		near(t, "class A", (432000+44*documents)*0.005/1000, cell("Storage, class A", column))
		near(t, "class B", 34*documents*0.0004/1000, cell("Storage, class B", column))
		near(t, "kept", 12*documents*29e3/1e9*0.020, cell("Storage, kept after a year", column))
		sum := run + cell("Storage, class A", column) + cell("Storage, class B", column) + cell("Storage, kept after a year", column) +
			cell("Scheduler", column) + cell("Secrets", column) + cell("Pub/Sub, requests, logs", column) + cell("Alerts", column)
		near(t, "together", sum, cell("together", column))
	}
}

func near(t *testing.T, what string, want, got float64) {
	t.Helper()
	if math.Abs(want-got) > 0.011 {
		t.Errorf("%s is %.2f, the page says %.2f", what, want, got)
	}
}
