package rules

import (
	"fmt"
	"strings"

	"timbre/shared/format"
	"timbre/shared/rut"
)

// specials are conditions that no mechanism expresses, each said in Spanish for the reference page.
var specials = map[string]struct {
	says  string
	check check
}{
	"rut-range": {"el número del RUT está entre 100.000 y 99.999.999", rutRange},
	"tax-sets":  {"las líneas afectas llevan todas los mismos códigos de impuesto adicional", oneTaxSet},
}

func readSpecial(with string) check {
	special, ok := specials[with]
	if !ok {
		panic(fmt.Sprintf("rules: no special %q", with))
	}
	return special.check
}

// rutRange: the numbers that the SII gives out (Formato DTE v2.5, type RUT).
func rutRange(s *scope, at path, report func(*format.Node)) {
	at.find(s, func(n *format.Node) bool {
		if r, err := rut.Parse(n.Text); err == nil && (r.Number() < 100_000 || r.Number() > 99_999_999) {
			report(n)
		}
		return true
	})
}

// oneTaxSet: taxable lines with different additional taxes.
func oneTaxSet(s *scope, at path, report func(*format.Node)) {
	sets := map[string]bool{}
	for _, line := range s.doc.All("Detalle") {
		if line.Has("IndExe") {
			continue
		}
		var codes []string
		for _, code := range line.All("CodImpAdic") {
			codes = append(codes, code.Text)
		}
		sets[strings.Join(codes, " ")] = true
	}
	if len(sets) > 1 {
		report(at.first(s))
	}
}
