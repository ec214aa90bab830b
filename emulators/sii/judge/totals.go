package judge

import (
	"math/big"
	"slices"

	"github.com/beevik/etree"
)

// computed are the totals that the lines give.
type computed struct {
	net, exempt, unbilled, deposit *big.Rat
	slack                          *big.Rat // of net and exempt: rounding order is not settled
}

// compute adds the lines by class (IndExe) and applies the global discounts
// (FORMATS §6.2; Formato DTE, Totales).
func (d *Document) compute() computed {
	taxed, exempt, unbilled, deposit := new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat)
	for _, l := range d.lines() {
		switch {
		case l.exempt == 2:
			unbilled.Add(unbilled, l.amount)
		case l.exempt == 6:
			unbilled.Sub(unbilled, l.amount)
		case l.exempt == 3:
			deposit.Add(deposit, l.amount)
		case l.exempt == 1 || d.exempt():
			exempt.Add(exempt, l.amount)
		default:
			taxed.Add(taxed, l.amount)
		}
	}
	c := computed{net: taxed, exempt: exempt, unbilled: unbilled, deposit: deposit, slack: d.tolerance()}
	d.adjust(&c)
	if d.gross() {
		c.net = pesos(new(big.Rat).Quo(c.net, sum(big.NewRat(1, 1), percent(big.NewRat(1, 1), d.rate()))))
		c.slack = big.NewRat(1, 1)
	}
	return c
}

// gross says whether lines include VAT: MntBruto=1, or a boleta without
// IndMntNeto=2.
func (d *Document) gross() bool {
	if d.Type == 39 {
		return d.get("Encabezado/IdDoc/IndMntNeto") != "2"
	}
	return d.get("Encabezado/IdDoc/MntBruto") == "1"
}

// rate is TasaIVA; a boleta does not write it.
func (d *Document) rate() *big.Rat {
	if d.Type == 39 {
		return big.NewRat(19, 1)
	}
	return amount(d.get("Encabezado/Totales/TasaIVA"))
}

// exempt are the types whose lines carry no VAT.
func (d *Document) exempt() bool { return in(d.Type, 34, 41) || d.export() }

// adjust applies DscRcgGlobal to the class that IndExeDR names.
func (d *Document) adjust(c *computed) {
	net, exempt, unbilled := c.net, c.exempt, c.unbilled
	for _, a := range d.adjustments() {
		base, target := net, &c.net
		switch {
		case a.exempt == 2:
			base, target = unbilled, &c.unbilled
		case a.exempt == 1 || d.exempt():
			base, target = exempt, &c.exempt
		}
		value := a.value
		if a.percentage {
			value = percent(base, a.value)
			if !d.export() {
				value = pesos(value)
				c.slack = big.NewRat(1, 1)
			}
		}
		*target = sum(*target, value)
	}
}

// totals compares Totales with the lines. HED-2-220, 260, 300 and 302 are live;
// 210 and 265 are known from clients only and go without a code.
func (c Court) totals(d *Document) []Finding {
	t := find(d.content, "Encabezado/Totales")
	if t == nil {
		return nil
	}
	want := d.compute()
	var all []Finding
	if net := amountAt(t, "MntNeto"); !within(net, want.net, want.slack) {
		all = append(all, remark("", "net", "Monto neto no cuadra con el detalle : [%s] <> [%s]", show(net), show(want.net)))
	}
	if exempt := amountAt(t, "MntExe"); !within(exempt, want.exempt, want.slack) {
		all = append(all, remark("HED-2-220", "exempt", "Monto Exento no cuadra con el detalle : [%s] <> [%s]", show(exempt), show(want.exempt)))
	}
	if nf := amountAt(t, "MontoNF"); !within(nf, want.unbilled, want.slack) {
		all = append(all, remark("", "unbilled", "Monto no facturable no cuadra : [%s] <> [%s]", show(nf), show(want.unbilled)))
	}
	if dep := amountAt(t, "GrntDep"); !within(dep, want.deposit, want.slack) {
		all = append(all, remark("", "deposit", "Garantía de envases no cuadra : [%s] <> [%s]", show(dep), show(want.deposit)))
	}
	for _, rule := range []func(*Document, *etree.Element) []Finding{typeTotals, vat, grandTotal, taxes, exportTotals} {
		all = append(all, rule(d, t)...)
	}
	return all
}

// typeTotals: what 33 and 34 must and must not carry (SII, Nuevas validaciones
// nos. 55 to 57; no codes).
func typeTotals(d *Document, t *etree.Element) []Finding {
	var all []Finding
	switch d.Type {
	case 33:
		if find(t, "IVA") == nil {
			all = append(all, reject("", "vat-missing", "Error en Monto - IVA debe declararse"))
		}
		if amountAt(t, "MntNeto").Sign() <= 0 {
			all = append(all, remark("", "net-zero", "Monto neto debe ser mayor que cero"))
		}
	case 34:
		if amountAt(t, "MntExe").Sign() <= 0 || amountAt(t, "MntNeto").Sign() > 0 || amountAt(t, "IVA").Sign() > 0 {
			all = append(all, reject("", "exempt-invoice", "Factura exenta: exento debe ser mayor que cero, sin neto ni IVA"))
		}
	}
	if find(t, "MontoPeriodo") != nil {
		want := sum(amountAt(t, "MntTotal"), amountAt(t, "MontoNF"))
		if !within(amountAt(t, "MontoPeriodo"), want, d.tolerance()) {
			all = append(all, reject("", "period", "Monto período distinto de lo esperado [%s]", show(want)))
		}
	}
	return all
}

// vat: IVA = MntNeto × TasaIVA, half up; a gross document may differ by one. A
// Liquidacion (43) carries the VAT of what it settles, rounded there.
func vat(d *Document, t *etree.Element) []Finding {
	if d.exempt() || d.Type == 43 {
		return nil
	}
	net, slack := amountAt(t, "MntNeto"), new(big.Rat)
	if d.gross() {
		slack = big.NewRat(1, 1)
	}
	want := pesos(percent(net, d.rate()))
	switch {
	case net.Sign() > 0 && d.rate().Sign() == 0:
		return []Finding{remark("", "vat-rate", "Falta la tasa de IVA")}
	case !within(amountAt(t, "IVA"), want, slack):
		return []Finding{remark("", "vat", "IVA distinto de tasa por neto : [%s] <> [%s]", show(amountAt(t, "IVA")), show(want))}
	}
	return nil
}

// withheld are the codes of ImptoReten that the buyer keeps back; every other
// code is added (SII, tabla de impuestos adicionales).
var withheld = []int{15, 30, 31, 32, 33, 34, 36, 37, 38, 39, 41, 46, 47, 48, 49, 301, 321, 331, 341, 361, 371, 481}

// grandTotal: HED-2-260, MntTotal from its parts as written; 0 in an export
// without payment (FmaPagExp 21; Formato DTE v2.5, Totales of exports).
func grandTotal(d *Document, t *etree.Element) []Finding {
	want := sum(amountAt(t, "MntNeto"), amountAt(t, "MntExe"), amountAt(t, "IVA"), amountAt(t, "GrntDep"))
	for _, tax := range t.SelectElements("ImptoReten") {
		if slices.Contains(withheld, number(get(tax, "TipoImp"))) {
			want = minus(want, amountAt(tax, "MontoImp"))
		} else {
			want = sum(want, amountAt(tax, "MontoImp"))
		}
	}
	for _, less := range []string{"CredEC", "Comisiones/ValComNeto", "Comisiones/ValComExe", "Comisiones/ValComIVA"} {
		want = minus(want, amountAt(t, less))
	}
	if d.export() && d.get("Encabezado/IdDoc/FmaPagExp") == "21" {
		want = new(big.Rat)
	}
	if got := amountAt(t, "MntTotal"); !within(got, want, d.tolerance()) {
		return []Finding{remark("HED-2-260", "total", "Monto Total no cuadra : [%s] <> [%s]", show(got), show(want))}
	}
	return nil
}

// taxes: HED-2-302 compares each tax with the lines that name it; HED-2-300 asks
// that a factura de compra withhold or declare its whole IVA.
func taxes(d *Document, t *etree.Element) []Finding {
	var all []Finding
	kept := amountAt(t, "IVANoRet")
	for _, tax := range t.SelectElements("ImptoReten") {
		code := number(get(tax, "TipoImp"))
		if slices.Contains(withheld, code) {
			kept = sum(kept, amountAt(tax, "MontoImp"))
		}
		// Specific taxes, margins and slaughter have bases outside MontoItem.
		if slices.Contains([]int{14, 17, 28, 35, 50, 51, 52}, code) || find(tax, "TasaImp") == nil || len(d.adjustments()) > 0 {
			continue
		}
		base := new(big.Rat)
		for _, l := range d.lines() {
			if slices.Contains(l.taxes, code) {
				base.Add(base, l.amount)
			}
		}
		want := pesos(percent(base, amountAt(tax, "TasaImp")))
		if !within(amountAt(tax, "MontoImp"), want, new(big.Rat)) && !d.gross() {
			all = append(all, remark("HED-2-302", "tax", "Monto del impuesto %d no corresponde al detalle : [%s] <> [%s]", code, show(amountAt(tax, "MontoImp")), show(want)))
		}
	}
	if iva := amountAt(t, "IVA"); d.Type == 46 && !within(kept, iva, new(big.Rat)) {
		all = append(all, remark("HED-2-300", "withholding", "Retención no cuadra con el IVA : [%s] <> [%s]", show(kept), show(iva)))
	}
	return all
}

// exportTotals: HED-3-834, HED-1-803 and HED-2-804 are live; the receiver's RUT
// (832) is known from clients only.
func exportTotals(d *Document, _ *etree.Element) []Finding {
	if !d.export() {
		return nil
	}
	var all []Finding
	if d.Receiver != foreigner {
		all = append(all, remark("", "export-receiver", "RUT receptor de exportación debe ser 55555555-5"))
	}
	other := find(d.content, "Encabezado/OtraMoneda")
	if other == nil || get(other, "TpoMoneda") != "PESO CL" {
		all = append(all, reject("HED-3-834", "export-pesos", "Falta la sección Otra Moneda en pesos"))
	} else if d.get("Encabezado/IdDoc/FmaPagExp") == "21" && amountAt(other, "MntTotOtrMnda").Sign() != 0 {
		all = append(all, slight("HED-1-803", "export-unpaid", "Sin pago: total en otra moneda debe ser cero"))
	}
	for _, pack := range elements(d.content, "Encabezado/Transporte/Aduana", "TipoBultos") {
		if blank(get(pack, "Marcas")) {
			all = append(all, remark("HED-2-804", "export-marks", "Bultos sin Marcas"))
		}
	}
	return all
}
