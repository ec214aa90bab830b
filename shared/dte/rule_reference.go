package dte

import (
	"strconv"

	"timbre/shared/format"
)

var notes = []Type{NotaDebito, NotaCredito, NotaDebitoExportacion, NotaCreditoExportacion}

// CodRef (FORMATS section 7).
const (
	annuls         = "1"
	correctsText   = "2"
	correctsAmount = "3"
)

var referenceRules = []rule{
	{
		code: "reference-missing", sii: "REF-3-415", level: LevelReject, types: notes, source: sourceRejections + ", REF 415",
		text:   "una nota debe referirse a un documento tributario que genere débito (factura, boleta, nota…), no sólo a guías u órdenes",
		broken: when("Referencia", func(d *draft) bool { return len(d.taxReferences()) == 0 }),
	},
	{
		code: "reference-code-missing", sii: "REF-3-758", level: LevelReject, types: notes, source: sourceRejections + ", REF 758",
		text: "la referencia a un documento tributario necesita CodRef: 1 anula, 2 corrige texto, 3 corrige montos",
		broken: each("Referencia", "CodRef", func(_ *draft, n *format.Node) bool {
			return isTaxDocument(n.Get("TpoDocRef")) && !n.Has("CodRef")
		}),
	},
	{
		code: "amount-correction-without-amount", sii: "REF-2-768", level: LevelRemark, types: notes, source: sourceRejections + ", REF 768",
		text:   "una nota que corrige montos (CodRef 3) debe tener un total mayor que cero",
		broken: whenWhole("Encabezado.Totales.MntTotal", func(d *draft) bool { return d.refers(correctsAmount) && d.totals.total.Sign() <= 0 }),
	},
	{
		code: "text-correction-with-amount", sii: "REF-2-781", level: LevelRemark, types: notes, source: sourceRejections + ", REF 781",
		text:   "una nota que corrige texto (CodRef 2) debe tener total 0: deje una línea sin precio",
		broken: whenWhole("Encabezado.Totales.MntTotal", func(d *draft) bool { return d.refers(correctsText) && !d.totals.total.IsZero() }),
	},
	{
		code: "text-correction-with-lines", level: LevelUnknown, types: notes, source: sourceFormat + ", Referencia, CodRef 2",
		text: "una nota que corrige texto lleva una sola línea, sin cantidad ni precio",
		broken: when("Detalle", func(d *draft) bool {
			lines := d.doc.All("Detalle")
			return d.refers(correctsText) && (len(lines) != 1 || lines[0].Has("QtyItem") || lines[0].Has("PrcItem"))
		}),
	},
	{
		code: "several-references", level: LevelUnknown, types: notes, source: sourceFormat + ", Referencia, CodRef 1 y 2",
		text:   "una nota que anula o corrige texto se refiere a un solo documento tributario",
		broken: when("Referencia", func(d *draft) bool { return (d.refers(annuls) || d.refers(correctsText)) && len(d.taxReferences()) > 1 }),
	},
	{
		code: "reference-code-not-allowed", level: LevelUnknown, types: []Type{NotaDebito}, source: sourceFormat + ", Referencia, CodRef",
		text: "una nota de débito no corrige texto (CodRef 2)",
		broken: each("Referencia", "CodRef", func(_ *draft, n *format.Node) bool {
			return n.Get("CodRef") == correctsText
		}),
	},
	{
		code: "debit-note-annuls", level: LevelUnknown, types: []Type{NotaDebito, NotaDebitoExportacion}, source: sourceFormat + ", Referencia, CodRef 1",
		text: "una nota de débito sólo anula notas de crédito (60, 61, 112)",
		broken: each("Referencia", "TpoDocRef", func(_ *draft, n *format.Node) bool {
			t := n.Get("TpoDocRef")
			return n.Get("CodRef") == annuls && t != "60" && t != "61" && t != "112"
		}),
	},
	{
		code: "export-note-reference", level: LevelUnknown, types: []Type{NotaDebitoExportacion, NotaCreditoExportacion},
		source: sourceFormat + ", Referencia", text: "una nota de exportación se refiere a un documento de exportación (110, 111, 112)",
		broken: when("Referencia", func(d *draft) bool { return !d.refersToExport() }),
	},
	{
		code: "taxable-note-on-exempt", level: LevelUnknown, types: []Type{NotaDebito, NotaCredito}, source: sourceRejections + ", nota sobre exenta",
		text: "la nota se refiere a un documento exento y lleva líneas afectas: márquelas con IndExe 1",
		broken: whenWhole("Encabezado.Totales.MntNeto", func(d *draft) bool {
			return !d.totals.net.IsZero() && (d.refersToType("34") || d.refersToType("41"))
		}),
	},
	{
		code: "reference-issuer", level: LevelUnknown, source: sourceFormat + ", Referencia, RUTOtr",
		text: "RUTOtr va con un documento tributario de otro emisor",
		broken: each("Referencia", "RUTOtr", func(d *draft, n *format.Node) bool {
			other := n.Get("RUTOtr")
			return other != "" && (other == d.req.Issuer.RUT.String() || !isTaxDocument(n.Get("TpoDocRef")))
		}),
	},
	{
		code: "global-reference", level: LevelUnknown, source: sourceFormat + ", Referencia, IndGlobal",
		text: "una referencia global lleva IndGlobal 1 y FolioRef 0",
		broken: each("Referencia", "FolioRef", func(_ *draft, n *format.Node) bool {
			return (n.Get("IndGlobal") == "1") != (n.Get("FolioRef") == "0")
		}),
	},
	{
		code: "reference-folio", level: LevelUnknown, source: sourceFormat + ", Referencia, FolioRef",
		text: "el folio de un documento tributario es un número",
		broken: each("Referencia", "FolioRef", func(_ *draft, n *format.Node) bool {
			_, err := strconv.ParseUint(n.Get("FolioRef"), 10, 64)
			return isTaxDocument(n.Get("TpoDocRef")) && n.Has("FolioRef") && err != nil
		}),
	},
	{
		code: "reference-date", level: LevelUnknown, source: sourceFormat + ", Referencia, FchRef",
		text: "la fecha de la referencia no puede ser posterior a la emisión",
		broken: each("Referencia", "FchRef", func(d *draft, n *format.Node) bool {
			return n.Get("FchRef") > d.issued()
		}),
	},
	{
		code: "reference-type", level: LevelUnknown, source: sourceFormat + ", Referencia, TpoDocRef",
		text: "el tipo del documento referido no es de los del SII; los tipos propios son letras",
		broken: each("Referencia", "TpoDocRef", func(_ *draft, n *format.Node) bool {
			code, err := strconv.Atoi(n.Get("TpoDocRef"))
			return err == nil && !referable[code]
		}),
	},
}

// referable are the numeric codes of TpoDocRef (FORMATS section 2; Formato DTE v2.5, TpoDocRef).
var referable = func() map[int]bool {
	known := map[int]bool{}
	for _, code := range []int{
		30, 32, 33, 34, 35, 38, 39, 40, 41, 43, 45, 46, 48, 50, 52, 55, 56, 60, 61, 103, 110, 111, 112,
		801, 802, 803, 804, 805, 806, 807, 808, 809, 810, 811, 812, 813, 814, 815, 820, 821, 822, 823,
	} {
		known[code] = true
	}
	return known
}()

// isTaxDocument tells whether a TpoDocRef is a document that generates debit: numeric, below the
// 800s, and no guía (rejections.csv, REF 415).
func isTaxDocument(code string) bool {
	n, err := strconv.Atoi(code)
	return err == nil && n < 800 && n != 50 && n != 52
}

func (d *draft) taxReferences() []*format.Node {
	var out []*format.Node
	for _, n := range d.doc.All("Referencia") {
		if isTaxDocument(n.Get("TpoDocRef")) {
			out = append(out, n)
		}
	}
	return out
}

// refers tells whether a reference to a tax document has this CodRef.
func (d *draft) refers(code string) bool {
	for _, n := range d.taxReferences() {
		if n.Get("CodRef") == code {
			return true
		}
	}
	return false
}

func (d *draft) refersToType(code string) bool {
	for _, n := range d.doc.All("Referencia") {
		if n.Get("TpoDocRef") == code {
			return true
		}
	}
	return false
}

func (d *draft) refersToExport() bool {
	return d.refersToType("110") || d.refersToType("111") || d.refersToType("112")
}
