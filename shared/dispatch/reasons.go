package dispatch

import (
	_ "embed"
	"encoding/csv"
	"regexp"
	"strings"
	"sync"

	"timbre/shared/document"
)

// reasonsCSV explains the SII's codes in our words. They are keyed by section and number alone, since the
// same number comes with several levels; the severity is what the SII says.
//
//go:embed reasons.csv
var reasonsCSV string

var reasons = sync.OnceValue(func() map[string]meaning {
	rows, err := csv.NewReader(strings.NewReader(reasonsCSV)).ReadAll()
	if err != nil {
		panic("dispatch: reasons.csv: " + err.Error())
	}
	all := map[string]meaning{}
	for _, row := range rows[1:] {
		all[row[0]] = meaning{row[1], row[2]}
	}
	return all
})

// reasonCode is SECTION-LEVEL-NUMBER, as DTE-3-101.
var reasonCode = regexp.MustCompile(`^([A-Z]{3,4})-\d-(\d+)$`)

// Explain says what a reason of the SII means and what to do. Text is the SII's own, verbatim; a code that
// nobody has described stays without cause and cure.
func Explain(code string, level int, text string) document.Detail {
	d := document.Detail{Code: code, Level: level, Text: text}
	if m := reasonCode.FindStringSubmatch(code); m != nil {
		found := reasons()[m[1]+"-"+m[2]]
		d.Cause, d.Cure = found.text, found.cure
	}
	return d
}
