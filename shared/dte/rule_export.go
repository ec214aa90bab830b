package dte

import (
	"timbre/shared/format"
	"timbre/shared/rut"
)

var exports = []Type{FacturaExportacion, NotaDebitoExportacion, NotaCreditoExportacion}

var exportRules = []rule{
	{
		code: "pesos-missing", sii: "HED-3-834", level: LevelReject, types: exports, source: sourceRejections + ", HED 834",
		text: "falta OtraMoneda en pesos: TpoMoneda «PESO CL» y TpoCambio, el tipo de cambio del día",
		broken: when("Encabezado.OtraMoneda", func(d *draft) bool {
			n := d.doc.At("Encabezado/OtraMoneda")
			return d.doc.Get("Encabezado/OtraMoneda/TpoMoneda") != "PESO CL" || n.Child("TpoCambio") == nil
		}),
	},
	{
		code: "export-receiver", sii: "HED-2-832", level: LevelRemark, types: exports, source: sourceRejections + ", HED 832",
		text: "el receptor de una exportación lleva el RUT 55555555-5",
		broken: when("Encabezado.Receptor.RUTRecep", func(d *draft) bool {
			return d.doc.Get("Encabezado/Receptor/RUTRecep") != rut.Foreign.String()
		}),
	},
	{
		code: "unpaid-with-total", sii: "HED-1-803", level: LevelSlight, types: exports, source: sourceRejections + ", HED 803",
		text: "sin pago (FmaPagExp 21) el total en otra moneda debe ser 0",
		broken: when("Encabezado.OtraMoneda.MntTotOtrMnda", func(d *draft) bool {
			total := d.doc.Get("Encabezado/OtraMoneda/MntTotOtrMnda")
			return d.id("FmaPagExp") == unpaid && total != "" && total != "0"
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, types: exports, source: sourceFormat + ", IdDoc, TermPagoGlosa",
		text: "con TermPagoCdg debe venir TermPagoGlosa",
		broken: when("Encabezado.IdDoc.TermPagoGlosa", func(d *draft) bool {
			return d.id("TermPagoCdg") != "" && d.id("TermPagoGlosa") == ""
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, types: []Type{FacturaExportacion}, source: sourceFormat + ", Detalle, QtyItem y UnmdItem",
		text: "una exportación de bienes indica cantidad y unidad en cada línea",
		broken: each("Detalle", "UnmdItem", func(d *draft, n *format.Node) bool {
			service := d.id("IndServicio")
			return service == "" && !(n.Has("QtyItem") && n.Has("UnmdItem"))
		}),
	},
}
