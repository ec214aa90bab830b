package judge

import (
	"math/big"
	"slices"
)

// levy is one code of ImptoReten (SII, tabla de impuestos adicionales). Rates are
// those in force since 2014-10-01; documents before are not judged by them.
type levy struct {
	code int
	rate *big.Rat // nil: no fixed percentage
}

const ratesSince = "2014-10-01" // Ley 20.780

var levies = rates(map[string][]int{
	"19":   {15, 301, 31, 321, 331, 341, 361, 371, 38, 39, 41, 46, 47, 481}, // the whole IVA
	"5":    {17, 18},
	"12":   {19},
	"15":   {23, 44},
	"31.5": {24},
	"20.5": {25, 26},
	"10":   {27, 30, 36, 37}, // 30 and 36: Res. Ex. SII 189 and 192 of 2010
	"18":   {271},
	"8":    {32, 33},
	"4":    {34},
	"14":   {48},
	"50":   {45},
	"0.5":  {53},
	"":     {14, 28, 35, 49, 50, 51, 52},
})

func rates(groups map[string][]int) map[int]levy {
	found := map[int]levy{}
	for rate, codes := range groups {
		for _, code := range codes {
			l := levy{code: code}
			if rate != "" {
				l.rate = amount(rate)
			}
			found[code] = l
		}
	}
	return found
}

const taxZone = "Encabezado/Totales/ImptoReten"

var taxRules = []rule{
	{name: "slaughter-base", rows: []int{168}, source: "FD Totales MntBase", when: has("Totales/MntBase"), must: and(positive("Totales/MntBase"), some(taxZone, code("TipoImp", 17))), text: "Base de faenamiento en cero o sin impuesto 17"},
	{name: "tax-unknown", rows: []int{169}, source: "SII, tabla de impuestos adicionales", zone: taxZone, must: func(s scene) bool { _, known := s.levy(); return known }, text: "Código de impuesto desconocido", about: "TipoImp"},
	{name: "tax-added-type", rows: []int{169}, source: "SII, tabla de impuestos adicionales", zone: taxZone, when: types(46), must: withheldTax, text: "Impuesto adicional en factura de compra", about: "TipoImp"},
	{name: "tax-withheld-type", rows: []int{169}, source: "SII, tabla de impuestos adicionales", zone: taxZone, when: types(33), must: or(not(withheldTax), code("TipoImp", 46, 16, 40)), text: "Retención en factura de venta", about: "TipoImp"},
	{name: "tax-rate", rows: []int{170}, source: "SII, tabla de impuestos adicionales", zone: taxZone, when: rated, must: func(s scene) bool { l, _ := s.levy(); return amountAt(s.el, "TasaImp").Cmp(l.rate) == 0 }, text: "Tasa de impuesto distinta de la vigente", about: "TasaImp"},
	{name: "tax-slaughter", rows: []int{171}, source: "FD Totales MntBase; SII, tabla de impuestos adicionales", zone: taxZone, when: code("TipoImp", 17), must: equals("MontoImp", 1, func(s scene) *big.Rat {
		return pesos(percent(headerAmount(s, "Totales/MntBase"), amountAt(s.el, "TasaImp")))
	}), text: "Impuesto 17 no es tasa por base de faenamiento", about: "MontoImp"},
	{name: "tax-margin", rows: []int{171}, source: "FD Totales MntMargenCom", zone: taxZone, when: and(code("TipoImp", 14, 50), positive("TasaImp")), must: equals("MontoImp", 1, func(s scene) *big.Rat {
		return pesos(percent(headerAmount(s, "Totales/MntMargenCom"), amountAt(s.el, "TasaImp")))
	}), text: "Impuesto no es tasa por margen", about: "MontoImp"},
	{name: "tax-specific", rows: []int{171}, source: "SII, tabla de impuestos adicionales", zone: taxZone, when: code("TipoImp", 28, 35, 51, 52), must: positive("MontoImp"), text: "Impuesto específico en cero"},
	{name: "withholding-rate", code: "HED-2-300", rows: []int{20}, source: "answers of certification", zone: taxZone, when: and(types(46), withheldTax, not(code("TipoImp", 49))), must: positive("TasaImp"), text: "Retención sin tasa", about: "TipoImp"},
	{name: "withholding-vat", code: "HED-2-302", rows: []int{21}, source: "answers of certification", zone: taxZone, when: and(types(46), code("TipoImp", 15)), must: code("TasaImp", 19), text: "Retención total con tasa distinta de 19", about: "TasaImp"},
	{name: "withholding-mark", code: "HED-2-302", rows: []int{21}, source: "answers of certification", zone: taxZone, when: and(types(46), code("TipoImp", 15)), must: none("Detalle", and(taxed(15), not(text("Retenedor/IndAgente", "R")))), text: "Retención total sin agente retenedor en la línea", strict: "facturas de compra without it are taken (oracle, envelope-of-many-kinds)"},
	{name: "unwithheld-type", rows: []int{172}, source: "FD Totales IVANoRet", when: has("Totales/IVANoRet"), must: types(46, 56, 61), text: "IVA no retenido no corresponde a este documento"},
	{name: "unwithheld-amount", rows: []int{172}, source: "FD Totales IVANoRet", when: and(types(56, 61), has("Totales/IVANoRet")), must: equals("Totales/IVANoRet", 0, func(s scene) *big.Rat { return minus(amountAt(s.el, "Totales/IVA"), s.withheld()) }), text: "IVA no retenido no es IVA menos retención", about: "Totales/IVANoRet"},
	{name: "tax-codes", rows: []int{204}, source: "FD Detalle CodImpAdic, Totales TipoImp", must: sameCodes, text: "Códigos de impuesto de las líneas y de los totales no son los mismos"},
}

func (s scene) levy() (levy, bool) {
	l, known := levies[number(get(s.el, "TipoImp"))]
	return l, known
}

// rated: the tax has a fixed rate, at a date when it is known.
func rated(s scene) bool {
	l, known := s.levy()
	return known && l.rate != nil && s.doc.Date >= ratesSince && !(types(46)(s) && !has("TasaImp")(s))
}

func withheldTax(s scene) bool { return slices.Contains(withheld, number(get(s.el, "TipoImp"))) }

// withheld adds what the buyer keeps back.
func (s scene) withheld() *big.Rat {
	total := new(big.Rat)
	for _, el := range s.doc.all(taxZone) {
		if s.el = el; withheldTax(s) {
			total.Add(total, amountAt(el, "MontoImp"))
		}
	}
	return total
}

func headerAmount(s scene, path string) *big.Rat { return amount(s.doc.get("Encabezado/" + path)) }

// sameCodes compares the set of CodImpAdic with that of TipoImp.
func sameCodes(s scene) bool {
	lines, totals := map[int]bool{}, map[int]bool{}
	for _, l := range s.doc.lines() {
		for _, code := range l.taxes {
			lines[code] = true
		}
	}
	for _, el := range s.doc.all(taxZone) {
		totals[number(get(el, "TipoImp"))] = true
	}
	if len(lines) != len(totals) {
		return false
	}
	for code := range lines {
		if !totals[code] {
			return false
		}
	}
	return true
}
