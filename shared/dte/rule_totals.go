package dte

import (
	"timbre/shared/amount"
	"timbre/shared/format"
)

var hundred = amount.Int(100)

// rows of totals hold only for what could be computed: a broken number has its own fault.
var totalsRules = []rule{
	{
		code: "net-not-positive", sii: "HED-2-223", level: LevelRemark, source: sourceRejections + ", HED 223",
		types:  []Type{Factura, Boleta},
		text:   "el monto neto debe ser mayor que cero",
		broken: whenWhole("Encabezado.Totales.MntNeto", func(d *draft) bool { return d.totals.net.Sign() <= 0 && (d.typ == Factura || d.hasClass(taxable)) }),
	},
	{
		code: "exempt-not-positive", level: LevelReject, source: sourceRejections + ", factura exenta",
		types:  []Type{FacturaExenta},
		text:   "el monto exento debe ser mayor que cero",
		broken: whenWhole("Encabezado.Totales.MntExe", func(d *draft) bool { return d.totals.exempt.Sign() <= 0 }),
	},
	{
		code: "exempt-with-tax", level: LevelReject, source: sourceRejections + ", factura exenta",
		types: []Type{FacturaExenta},
		text:  "una factura exenta no lleva neto ni IVA: use una factura (33)",
		broken: whenWhole("Encabezado.Totales", func(d *draft) bool {
			_, net := d.wantedNumber("MntNeto")
			_, iva := d.wantedNumber("IVA")
			return net || iva
		}),
	},
	{
		code: "negative-total", level: LevelReject, source: sourceFormat + ", Totales: sólo la liquidación (43) admite negativos",
		types: without(LiquidacionFactura),
		text:  "los descuentos superan a las líneas: un total no puede ser negativo",
		broken: whenWhole("Encabezado.Totales.MntTotal", func(d *draft) bool {
			t := &d.totals
			return t.total.Sign() < 0 || t.net.Sign() < 0 || t.exempt.Sign() < 0
		}),
	},
	{
		code: "iva-split", level: LevelUnknown, source: sourceFormat + ", Totales, IVAProp e IVATerc",
		text: "IVAProp e IVATerc deben sumar el IVA",
		broken: whenWhole("Encabezado.Totales.IVAProp", func(d *draft) bool {
			own, hasOwn := d.wantedNumber("IVAProp")
			others, hasOthers := d.wantedNumber("IVATerc")
			return (hasOwn || hasOthers) && d.add(base, own, others) != d.totals.iva
		}),
	},
	{
		code: "meat-base", level: LevelUnknown, source: sourceFormat + ", Totales, MntBase",
		text: "MntBase sólo va con el impuesto 17",
		broken: whenWhole("Encabezado.Totales.MntBase", func(d *draft) bool {
			_, given := d.wantedNumber("MntBase")
			for _, x := range d.totals.taxes {
				given = given && x.code != "17"
			}
			return given
		}),
	},
	{
		code: "empty-commission", level: LevelUnknown, source: sourceFormat + ", Comisiones",
		text: "una comisión tiene valor neto o exento",
		broken: each("Comisiones", "ValComNeto", func(d *draft, n *format.Node) bool {
			net, _ := d.number(n, "ValComNeto")
			exempt, _ := d.number(n, "ValComExe")
			return net.IsZero() && exempt.IsZero()
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, source: sourceFormat + ", Comisiones, tabla de zonas",
		types:  []Type{LiquidacionFactura},
		text:   "una liquidación factura informa sus comisiones",
		broken: absent("Comisiones"),
	},
}

// whenWhole is when, for a document whose numbers could all be read.
func whenWhole(path string, condition func(d *draft) bool) func(*draft) []string {
	return when(path, func(d *draft) bool { return !d.broken && condition(d) })
}

// without are all types but these.
func without(types ...Type) []Type {
	var out []Type
	for _, t := range Types() {
		keep := true
		for _, u := range types {
			keep = keep && t != u
		}
		if keep {
			out = append(out, t)
		}
	}
	return out
}
