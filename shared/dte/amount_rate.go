package dte

import (
	_ "embed"
	"strings"
	"sync"

	"timbre/shared/amount"
)

// taxTable is our own list of rates by date; its column source cites. "from" is the first day on
// which the rate is known to hold; the row with the latest such day counts.
//
//go:embed table/impuestos.csv
var taxTable string

// rateKind is what an additional tax or withholding (ImptoReten) is computed on.
type rateKind string

const (
	ratePercent  rateKind = "percent"  // of the lines that name the code
	rateIVA      rateKind = "iva"      // the same, at the rate of the IVA
	rateBase     rateKind = "base"     // of MntBase (code 17)
	rateMargin   rateKind = "margin"   // of MntMargenCom (14, 50)
	rateSpecific rateKind = "specific" // an amount by unit: the caller says it (28, 35, 51, 52)
)

// rate is a row of the table.
type rate struct {
	from      string
	percent   amount.Decimal
	subtracts bool // withheld by the buyer: taken off MntTotal
	kind      rateKind
}

var readRates = sync.OnceValue(func() map[string][]rate {
	out := map[string][]rate{}
	for row := range strings.Lines(taxTable) {
		cells := strings.Split(strings.TrimSpace(row), ",")
		if cells[0] == "code" {
			continue
		}
		r := rate{from: cells[1], subtracts: cells[3] == "subtract", kind: rateKind(cells[4])}
		if cells[2] != "" {
			r.percent = amount.MustParse(cells[2])
		}
		out[cells[0]] = append(out[cells[0]], r)
	}
	return out
})

// rateOf is the rate of a tax on a day; false if none is known. Codes of the kind iva have the IVA's.
func rateOf(code, day string) (rate, bool) {
	var best rate
	for _, r := range readRates()[code] {
		if r.from <= day && r.from > best.from {
			best = r
		}
	}
	if best.kind == rateIVA {
		iva, _ := rateOf("IVA", day)
		best.percent = iva.percent
	}
	return best, best.from != ""
}

// isWithholding tells whether a code takes IVA off the total.
func isWithholding(code string) bool {
	for _, r := range readRates()[code] {
		if r.subtracts {
			return true
		}
	}
	return false
}
