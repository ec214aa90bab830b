package exchange

import (
	"fmt"

	"timbre/shared/amount"
	"timbre/shared/dte"
	"timbre/shared/format"
)

// sums recomputes what the issuer added up, as far as that is cheap: each line, the lines against net and exempt (or the total
// of gross documents), IVA. A peso of difference is let pass, as the SII does (FORMATS 6.3). What does not parse or is too
// large is left alone: the schema has judged it. Each breach is told by report.
func sums(doc *format.Node, kind dte.Type, report func(path, reason string)) {
	total := decimal(doc, "Encabezado/Totales/MntTotal")
	if kind == dte.LiquidacionFactura || total.IsZero() {
		return // other arithmetic; or a document that only moves goods or mends text
	}
	var charged sum
	for i, line := range doc.All("Detalle") {
		item := decimal(line, "MontoItem")
		if line.Has("QtyItem") && line.Has("PrcItem") && !near(lineAmount(line), item) {
			report(fmt.Sprintf("Detalle[%d].MontoItem", i), "el monto de la línea no es cantidad por precio, menos descuento, más recargo")
		}
		if e := line.Get("IndExe"); e == "" || e == "1" {
			charged.add(item) // the others are not part of the total (Formato DTE, Detalle, IndExe)
		}
	}
	totals := doc.At("Encabezado/Totales")
	if !doc.Has("DscRcgGlobal") && !near(charged, sumOf(totals, parts(doc, kind)...).value) {
		report("Encabezado.Totales", "las líneas no suman el neto y el exento, o el total si los precios incluyen IVA")
	}
	if rate := decimal(totals, "TasaIVA"); !rate.IsZero() && totals.Has("IVA") && !totals.Has("MntMargenCom") {
		var vat sum
		percent, err := rate.Percent()
		vat.note(err)
		vat.value, err = amount.Product(amount.PesoPlaces, decimal(totals, "MntNeto"), percent)
		vat.note(err)
		if !near(vat, decimal(totals, "IVA")) {
			report("Encabezado.Totales.IVA", "el IVA no es la tasa sobre el neto")
		}
	}
}

// parts are the totals that the lines add up to: with gross prices the total, else net and exempt (FORMATS 6.2, 6.4).
func parts(doc *format.Node, kind dte.Type) []string {
	id := doc.At("Encabezado/IdDoc")
	if id.Get("MntBruto") == "1" || kind.IsBoleta() && id.Get("IndMntNeto") != "2" {
		return []string{"MntTotal"}
	}
	return []string{"MntNeto", "MntExe"}
}

// lineAmount is quantity by price, less discount, plus surcharge (FORMATS 6.1).
func lineAmount(line *format.Node) sum {
	value, err := amount.Product(amount.ExportPlaces, decimal(line, "QtyItem"), decimal(line, "PrcItem"))
	s := sum{value, err}
	s.add(decimal(line, "DescuentoMonto").Neg())
	s.add(decimal(line, "RecargoMonto"))
	return s
}

// sum adds up until something does not fit.
type sum struct {
	value amount.Decimal
	err   error
}

func (s *sum) note(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *sum) add(d amount.Decimal) {
	value, err := s.value.Add(d)
	s.value = value
	s.note(err)
}

func sumOf(n *format.Node, names ...string) sum {
	var s sum
	for _, name := range names {
		s.add(decimal(n, name))
	}
	return s
}

// near tells whether a sum is an amount, to a peso; a sum that did not fit is not judged.
func near(s sum, d amount.Decimal) bool {
	if s.err != nil {
		return true
	}
	difference, err := s.value.Sub(d)
	return err != nil || difference.Abs().Cmp(amount.Int(1)) <= 0
}

// decimal is the number at a path, 0 where there is none.
func decimal(n *format.Node, path string) amount.Decimal {
	text := n.Get(path)
	if text == "" { // most often; an error would cost more than the number
		return amount.Decimal{}
	}
	d, err := amount.Parse(text)
	if err != nil {
		return amount.Decimal{}
	}
	return d
}
