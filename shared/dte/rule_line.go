package dte

import (
	"timbre/shared/amount"
	"timbre/shared/format"
)

var lineRules = []rule{
	{
		code: "invoice-without-taxable", level: LevelReject, source: sourceFormat + ", Detalle, IndExe; Instructivo Técnico (2021-10-28)",
		types:  []Type{Factura},
		text:   "todas las líneas son exentas: use una factura exenta (34)",
		broken: when("Detalle", func(d *draft) bool { return !d.hasClass(taxable) && len(d.lines) > 0 }),
	},
	{
		code: "indicator-not-allowed", level: LevelUnknown, source: sourceFormat + ", Detalle, IndExe 4",
		text: "el indicador 4 (ítem no venta) sólo va en facturas y en guías de venta, con monto 0",
		broken: each("Detalle", "IndExe", func(d *draft, n *format.Node) bool {
			sale := d.typ == Factura || d.typ == GuiaDespacho && d.id("IndTraslado") == "1"
			return n.Get("IndExe") == "4" && (!sale || n.Get("MontoItem") != "0")
		}),
	},
	{
		code: "indicator-not-allowed", level: LevelUnknown, source: sourceFormat + ", Detalle, IndExe 5",
		text: "el indicador 5 (ítem a rebajar) sólo va en guías que no son venta, con monto 0",
		broken: each("Detalle", "IndExe", func(d *draft, n *format.Node) bool {
			moves := d.typ == GuiaDespacho && d.id("IndTraslado") != "1"
			return n.Get("IndExe") == "5" && (!moves || n.Get("MontoItem") != "0")
		}),
	},
	{
		code: "quantity-without-price", level: LevelUnknown, source: sourceFormat + ", Detalle, QtyItem y PrcItem",
		types: []Type{Factura, FacturaExenta, FacturaCompra},
		text:  "cantidad y precio van ambos o ninguno",
		broken: each("Detalle", "PrcItem", func(_ *draft, n *format.Node) bool {
			return n.Has("QtyItem") != n.Has("PrcItem")
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, source: sourceFormat + ", Detalle, Retenedor",
		text: "la línea de un agente retenedor necesita cantidad, unidad y precio",
		broken: each("Detalle", "UnmdItem", func(_ *draft, n *format.Node) bool {
			return n.Get("Retenedor/IndAgente") == "R" && !(n.Has("QtyItem") && n.Has("UnmdItem") && n.Has("PrcItem"))
		}),
	},
	{
		code: "agent-code", level: LevelUnknown, source: sourceFormat + ", Detalle, Retenedor",
		text: "MntBaseFaena va con el código 17, MntMargComer con 14 o 50, PrcConsFinal con 14, 17 o 50",
		broken: each("Detalle", "Retenedor", func(_ *draft, n *format.Node) bool {
			r := n.Child("Retenedor")
			return r.Has("MntBaseFaena") && !hasTax(n, "17") || r.Has("MntMargComer") && !hasTax(n, "14", "50") ||
				r.Has("PrcConsFinal") && !hasTax(n, "14", "17", "50")
		}),
	},
	{
		code: "quantity-parts", level: LevelUnknown, source: sourceFormat + ", Detalle, Subcantidad",
		text: "las subcantidades no pueden sumar más que la cantidad",
		broken: each("Detalle", "Subcantidad", func(d *draft, n *format.Node) bool {
			whole, ok := d.number(n, "QtyItem")
			var sum amount.Decimal
			for _, part := range n.All("Subcantidad") {
				value, _ := d.number(part, "SubQty")
				sum = d.add(base, sum, value)
			}
			return ok && sum.Cmp(whole) > 0
		}),
	},
	{
		code: "indicator-not-allowed", level: LevelUnknown, types: []Type{LiquidacionFactura}, source: sourceFormat + ", Detalle, IndExe 6",
		text: "una liquidación no usa el indicador 6: use 2 con monto negativo",
		broken: each("Detalle", "IndExe", func(_ *draft, n *format.Node) bool {
			return n.Get("IndExe") == "6"
		}),
	},
	{
		code: "discount-not-allowed", level: LevelUnknown, source: sourceFormat + ", DscRcgGlobal, tabla de zonas",
		types:  []Type{GuiaDespacho, LiquidacionFactura},
		text:   "este tipo de documento no lleva descuentos ni recargos globales",
		broken: each("DscRcgGlobal", "", func(*draft, *format.Node) bool { return true }),
	},
	{
		code: "global-discount-class", level: LevelUnknown, source: sourceFormat + ", DscRcgGlobal, IndExeDR",
		text: "no hay líneas de la clase (afecta, exenta, no facturable) que este descuento o recargo afecta; revise IndExeDR",
		broken: each("DscRcgGlobal", "IndExeDR", func(d *draft, n *format.Node) bool {
			return !d.hasClass(classOf(n.Get("IndExeDR")))
		}),
	},
	{
		code: "global-discount-money", level: LevelUnknown, source: sourceFormat + ", DscRcgGlobal, TpoValor",
		text: "con líneas de distintos impuestos adicionales el descuento global debe ser en porcentaje",
		broken: each("DscRcgGlobal", "TpoValor", func(d *draft, n *format.Node) bool {
			return n.Get("TpoValor") == "$" && classOf(n.Get("IndExeDR")) == taxable && len(d.taxSets()) > 1
		}),
	},
	{
		code: "discount-over-class", level: LevelReject, types: without(LiquidacionFactura), source: sourceFormat + ", DscRcgGlobal",
		text: "los descuentos globales superan a las líneas de la clase que afectan (afectas o exentas); revise IndExeDR",
		broken: whenWhole("DscRcgGlobal", func(d *draft) bool {
			return d.doc.Has("DscRcgGlobal") && (d.totals.over[taxable] || d.totals.over[exempt])
		}),
	},
	{
		code: "discount-over-100", level: LevelReject, source: sourceFormat + ", DscRcgGlobal, ValorDR",
		text: "un descuento no puede pasar del 100 %",
		broken: each("DscRcgGlobal", "ValorDR", func(d *draft, n *format.Node) bool {
			value, ok := d.number(n, "ValorDR")
			return ok && n.Get("TpoMov") == "D" && n.Get("TpoValor") == "%" && value.Cmp(hundred) > 0
		}),
	},
}

func (d *draft) hasClass(c class) bool {
	for i := range d.lines {
		if d.lines[i].class == c {
			return true
		}
	}
	return false
}

// hasTax tells whether a line names one of these codes.
func hasTax(n *format.Node, codes ...string) bool {
	for _, tax := range n.All("CodImpAdic") {
		for _, code := range codes {
			if tax.Text == code {
				return true
			}
		}
	}
	return false
}
