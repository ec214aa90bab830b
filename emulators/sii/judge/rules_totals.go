package judge

import (
	"math/big"
	"slices"
	"strings"
)

var totalRules = []rule{
	{name: "exempt-vat-rate", rows: []int{165}, source: "FD Totales TasaIVA", when: types(34), must: zero("Totales/TasaIVA"), text: "Factura exenta con tasa de IVA", about: "Totales/TasaIVA"},
	{name: "vat-current", rows: []int{164}, source: "FD Totales TasaIVA; DL 825, art. 14 (19 % since 2003-10-01)", when: and(positive("Totales/IVA"), has("Totales/TasaIVA")), must: equals("Totales/TasaIVA", 0, func(scene) *big.Rat { return big.NewRat(19, 1) }), text: "Tasa de IVA distinta de la vigente", about: "Totales/TasaIVA"},
	{name: "vat-split", rows: []int{167}, source: "FD Totales IVAProp, IVATerc", when: or(has("Totales/IVAProp"), has("Totales/IVATerc")), must: splitVAT, text: "IVA propio y de terceros no suman el IVA"},
	{name: "construction-credit", rows: []int{173}, source: "FD Totales CredEC; DL 910, art. 21 (65 %)", when: has("Totales/CredEC"), must: and(types(33, 52, 56, 61), equals("Totales/CredEC", 1, func(s scene) *big.Rat { return pesos(percent(amountAt(s.el, "Totales/IVA"), big.NewRat(65, 1))) })), text: "Crédito de empresa constructora mal calculado o que no corresponde", about: "Totales/CredEC"},
	{name: "deposit-type", rows: []int{174}, source: "FD Totales GrntDep", when: has("Totales/GrntDep"), must: not(types(43, 46, 52)), text: "Garantía de envases no corresponde a este documento"},
	{name: "commission-net", rows: []int{176}, source: "FD Totales ValComNeto", when: or(has("Totales/Comisiones"), some("Comisiones", always)), must: equals("Totales/Comisiones/ValComNeto", 0, func(s scene) *big.Rat { return s.total("Comisiones", "ValComNeto") }), text: "Comisiones netas no suman las líneas", about: "Totales/Comisiones/ValComNeto"},
	{name: "commission-exempt", rows: []int{176}, source: "FD Totales ValComExe", when: or(has("Totales/Comisiones"), some("Comisiones", always)), must: equals("Totales/Comisiones/ValComExe", 0, func(s scene) *big.Rat { return s.total("Comisiones", "ValComExe") }), text: "Comisiones exentas no suman las líneas", about: "Totales/Comisiones/ValComExe"},
	{name: "commission-vat", rows: []int{229}, source: "remark seen in certification: VAT added line by line", when: has("Totales/Comisiones"), must: equals("Totales/Comisiones/ValComIVA", 0, func(s scene) *big.Rat {
		return pesos(percent(amountAt(s.el, "Totales/Comisiones/ValComNeto"), big.NewRat(19, 1)))
	}), text: "IVA de comisiones no es tasa por neto", about: "Totales/Comisiones/ValComIVA"},
	{name: "commission-type", rows: []int{176, 227}, source: "FD Comisiones", when: or(has("Totales/Comisiones"), some("Comisiones", always)), must: types(43, 46, 56, 61), text: "Comisiones no corresponden a este documento"},
	{name: "commission-missing", rows: []int{227}, source: "FD Comisiones", when: types(43), must: some("Comisiones", always), text: "Liquidación sin comisiones"},
	{name: "commission-zero", rows: []int{228}, source: "FD Comisiones ValComNeto, ValComExe", zone: "Comisiones", must: or(not(zero("ValComNeto")), not(zero("ValComExe"))), text: "Comisión sin neto ni exento"},
	{name: "discount-guide", rows: []int{207}, source: "FD DscRcgGlobal", when: types(52), must: none("DscRcgGlobal", always), text: "Descuento o recargo global en guía de despacho"},
	{name: "discount-taxes", rows: []int{208}, source: "FD DscRcgGlobal TpoValor", when: mixedTaxes, must: none("DscRcgGlobal", and(text("TpoValor", "$"), not(has("IndExeDR")))), text: "Descuento global en pesos sobre líneas con impuestos distintos"},
	{name: "discount-class", rows: []int{210}, source: "FD DscRcgGlobal IndExeDR", zone: "DscRcgGlobal", must: classExists, text: "Descuento o recargo global sobre una clase de líneas que no existe"},
	{name: "discount-excess", rows: []int{210}, source: "FD DscRcgGlobal ValorDR", when: some("DscRcgGlobal", always), must: func(s scene) bool {
		c := s.doc.compute()
		return c.net.Sign() >= 0 && c.exempt.Sign() >= 0
	}, text: "Descuento global mayor que su base"},
	{name: "discount-number", rows: []int{211}, source: "FD DscRcgGlobal NroLinDR", must: numbered("DscRcgGlobal", "NroLinDR"), text: "Descuentos globales no numerados en orden"},
	{name: "discount-percentage", rows: []int{211}, source: "FD DscRcgGlobal ValorDR", zone: "DscRcgGlobal", when: and(text("TpoMov", "D"), text("TpoValor", "%")), must: func(s scene) bool { return amountAt(s.el, "ValorDR").Cmp(big.NewRat(100, 1)) <= 0 }, text: "Descuento global mayor que 100 %", about: "ValorDR"},
}

// splitVAT: IVAProp + IVATerc = IVA, each less than it; a liquidación's may be
// negative.
func splitVAT(s scene) bool {
	own, others, vat := amountAt(s.el, "Totales/IVAProp"), amountAt(s.el, "Totales/IVATerc"), amountAt(s.el, "Totales/IVA")
	if sum(own, others).Cmp(vat) != 0 {
		return false
	}
	return types(43)(s) || own.Cmp(vat) < 0 && others.Cmp(vat) < 0
}

// mixedTaxes: the taxable lines name more than one set of additional taxes.
func mixedTaxes(s scene) bool {
	sets := map[string]bool{}
	for _, el := range s.doc.content.SelectElements("Detalle") {
		if get(el, "IndExe") != "" {
			continue
		}
		var codes []string
		for _, c := range el.SelectElements("CodImpAdic") {
			codes = append(codes, content(c))
		}
		slices.Sort(codes)
		sets[strings.Join(codes, " ")] = true
	}
	return len(sets) > 1
}

// classExists: IndExeDR names a class (IndExe) of which there is a line. Where
// every line is exempt by nature, 1 and none mean the same.
func classExists(s scene) bool {
	class := number(get(s.el, "IndExeDR"))
	for _, l := range s.doc.lines() {
		switch {
		case s.doc.exempt() && class < 2 && in(l.exempt, 0, 1), class == l.exempt, class == 2 && l.exempt == 6:
			return true
		}
	}
	return false
}
