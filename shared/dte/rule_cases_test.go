package dte_test

import (
	"strings"

	"timbre/shared/dte"
)

// credit is a credit note with these references.
func credit(references string) string { return document(61, "", line+`,"Referencia":[`+references+`]`) }

// ruleCases are documents with several faults or none, and what reading and calculation refuse; each is
// refused with exactly these marks, or accepted with them as warnings. Fixtures of single rules are in
// dtetest.
var ruleCases = []struct {
	name, text string
	refused    []string
	warned     []string
}{
	{"good", document(33, "", line), nil, nil},
	{"no type", `{"Detalle":[]}`, []string{"document.Encabezado.IdDoc.TipoDTE:missing-field"}, nil},
	{"unknown type", document(99, "", line), []string{"document.Encabezado.IdDoc.TipoDTE:unknown-type"}, nil},
	{"no JSON", `{"Encabezado":`, []string{"document:unreadable-json"}, nil},
	{"empty", ``, []string{"document:unreadable-json"}, nil},
	{"list", `[]`, []string{"document.Encabezado.IdDoc.TipoDTE:missing-field"}, nil},
	{
		"all faults at once", `{"Encabezado":{"IdDoc":{"TipoDTE":33,"FmaPago":9},"Receptor":{"RUTRecep":"60803000-1","Nombre":"x"}},"Detalle":[{"NmbItem":"x","QtyItem":0,"PrcItem":-5}]}`,
		[]string{
			"document.Encabezado.Receptor.Nombre:unknown-field", "document.Encabezado.Receptor.RUTRecep:bad-rut",
			"document.Encabezado.IdDoc.FmaPago:not-in-list", "document.Encabezado.Receptor.RznSocRecep:missing-field",
			"document.Detalle[0].QtyItem:out-of-range", "document.Detalle[0].PrcItem:out-of-range",
			"document.Encabezado.Receptor.GiroRecep:missing-field",
			"document.Encabezado.Receptor.DirRecep:missing-field:HED-3-845", "document.Encabezado.Receptor.CmnaRecep:missing-field:HED-3-846",
		}, nil,
	},
	{"wrong digit", strings.Replace(document(33, "", line), "60.803.000-k", "60.803.000-1", 1), []string{"document.Encabezado.Receptor.RUTRecep:bad-rut"}, nil},
	{"no comuna", strings.Replace(document(33, "", line), `,"CmnaRecep":"Santiago"`, "", 1), []string{"document.Encabezado.Receptor.CmnaRecep:missing-field:HED-3-846"}, nil},
	{"no address", strings.Replace(document(33, "", line), `"DirRecep":"Teatinos 120",`, "", 1), []string{"document.Encabezado.Receptor.DirRecep:missing-field:HED-3-845"}, nil},
	{"no giro", strings.Replace(document(33, "", line), `"GiroRecep":"Gobierno",`, "", 1), []string{"document.Encabezado.Receptor.GiroRecep:missing-field"}, nil},
	{"a note needs none of them", strings.Replace(credit(`{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}`), `"GiroRecep":"Gobierno","DirRecep":"Teatinos 120","CmnaRecep":"Santiago"`, `"Contacto":"x"`, 1), nil, nil},
	{"other issuer", strings.Replace(document(33, "", line), receiver, receiver+`,"Emisor":{"RUTEmisor":"60803000-K"}`, 1), []string{"document.Encabezado.Emisor.RUTEmisor:foreign-issuer"}, nil},
	{"foreign activity", strings.Replace(document(33, "", line), receiver, receiver+`,"Emisor":{"Acteco":1}`, 1), []string{"document.Encabezado.Emisor.Acteco[0]:activity-not-registered:HED-3-861"}, nil},
	{"future", document(33, `"FchEmis":"2026-11-24"`, line), []string{"document.Encabezado.IdDoc.FchEmis:bad-date"}, nil},
	{"too long ago", document(33, `"FchEmis":"2003-03-31"`, line), []string{"document.Encabezado.IdDoc.FchEmis:bad-date"}, []string{"document.Encabezado.IdDoc.FchEmis:old-date:DTE-1-650"}},
	{"no date at all", document(33, `"FchEmis":"2026-02-30"`, line), []string{"document.Encabezado.IdDoc.FchEmis:bad-date"}, nil},
	{"four days old", document(33, `"FchEmis":"2026-11-19"`, line), nil, []string{"document.Encabezado.IdDoc.FchEmis:old-date:DTE-1-650"}},
	{"three days old", document(33, `"FchEmis":"2026-11-20"`, line), nil, nil},
	{"33 without taxable line", document(33, "", `"Detalle":{"NmbItem":"x","MontoItem":5,"IndExe":1}`), []string{"document.Detalle:invoice-without-taxable", "document.Encabezado.Totales.MntNeto:net-not-positive:HED-2-223"}, nil},
	{"33 for nothing", document(33, "", `"Detalle":{"NmbItem":"x","MontoItem":0}`), []string{"document.Encabezado.Totales.MntNeto:net-not-positive:HED-2-223"}, nil},
	{"34 with IVA", `{"Encabezado":{"IdDoc":{"TipoDTE":34},` + receiver + `,"Totales":{"MntNeto":1000,"IVA":190,"MntTotal":1190}},` + line + `}`, []string{
		"document.Encabezado.Totales.MntNeto:totals-differ:HED-2-210", "document.Encabezado.Totales.IVA:totals-differ",
		"document.Encabezado.Totales.MntTotal:totals-differ:HED-2-260", "document.Encabezado.Totales:exempt-with-tax",
	}, nil},
	{"34 for nothing", document(34, "", `"Detalle":{"NmbItem":"x","MontoItem":0}`), []string{"document.Encabezado.Totales.MntExe:exempt-not-positive"}, nil},
	{"field of another type", document(33, `"IndTraslado":1`, line), []string{"document.Encabezado.IdDoc.IndTraslado:field-not-allowed"}, nil},
	{"line without amount", document(33, "", `"Detalle":{"NmbItem":"x","QtyItem":1}`), []string{"document.Detalle[0].MontoItem:missing-field"}, []string{"document.Detalle[0].PrcItem:quantity-without-price"}},
	{"line without name", document(33, "", `"Detalle":{"NmbItem":"  ","MontoItem":5}`), []string{"document.Detalle[0].NmbItem:missing-field:DETL-3-854"}, nil},
	{"wrong amount of a line", document(33, "", `"Detalle":{"NmbItem":"x","QtyItem":2,"PrcItem":10,"MontoItem":21}`), []string{"document.Detalle[0].MontoItem:line-amount:DET-2-200"}, nil},
	{"percentage and another amount", document(33, "", `"Detalle":{"NmbItem":"x","QtyItem":2,"PrcItem":100,"DescuentoPct":10,"DescuentoMonto":21}`), nil, []string{"document.Detalle[0].DescuentoMonto:discount-amount"}},
	{"discount over the line", document(33, "", `"Detalle":[{"NmbItem":"x","QtyItem":2,"PrcItem":10,"DescuentoMonto":21},{"NmbItem":"y","MontoItem":5}]`), []string{"document.Detalle[0].MontoItem:out-of-range"}, nil},
	{"discount over the total", document(33, "", line+`,"DscRcgGlobal":{"TpoMov":"D","TpoValor":"$","ValorDR":1100}`), []string{
		"document.Encabezado.Totales.MntNeto:out-of-range", "document.Encabezado.Totales.IVA:out-of-range", "document.Encabezado.Totales.MntTotal:out-of-range",
		"document.Encabezado.Totales.MntNeto:net-not-positive:HED-2-223", "document.DscRcgGlobal:discount-over-class",
	}, nil},
	{"over 100 percent", document(33, "", line+`,"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":100.5}`), []string{
		"document.Encabezado.Totales.MntNeto:out-of-range", "document.Encabezado.Totales.IVA:out-of-range", "document.Encabezado.Totales.MntTotal:out-of-range",
		"document.Encabezado.Totales.MntNeto:net-not-positive:HED-2-223", "document.DscRcgGlobal:discount-over-class",
	}, nil},
	{"boleta: discount over its class", document(39, "", `"Detalle":[{"NmbItem":"x","MontoItem":5000},{"NmbItem":"y","MontoItem":10,"IndExe":1}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"$","ValorDR":11,"IndExeDR":1}`), []string{
		"document.DscRcgGlobal:discount-over-class", "document.Encabezado.Totales.MntExe:out-of-range", "document.DscRcgGlobal[0]:boleta-global-discount",
	}, nil},
	{"exempt invoice: discount over its class", document(34, "", `"Detalle":[{"NmbItem":"x","MontoItem":5000},{"NmbItem":"y","MontoItem":10,"IndExe":1}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"$","ValorDR":11,"IndExeDR":1}`), []string{
		"document.DscRcgGlobal:discount-over-class",
	}, nil},
	{"amount too large", document(33, "", `"Detalle":{"NmbItem":"x","QtyItem":999999999999,"PrcItem":999999999999}`), []string{"document.Detalle[0].MontoItem:amount-too-large"}, nil},
	{"line numbers", document(33, "", `"Detalle":[{"NmbItem":"x","MontoItem":5,"NroLinDet":7}]`), []string{"document.Detalle[0].NroLinDet:line-number"}, nil},
	{"numbers of references", document(33, "", line+`,"Referencia":{"NroLinRef":2,"TpoDocRef":801,"FolioRef":"A"}`), nil, []string{"document.Referencia[0].NroLinRef:line-number"}},
	{"signed parts", document(33, "", line+`,"TmstFirma":"2026-01-01T00:00:00"`), []string{"document.TmstFirma:unknown-field"}, nil},
	{"no reference", document(61, "", line), []string{"document.Referencia:reference-missing:REF-3-415"}, []string{"document.Referencia:missing-field"}},
	{"reference to an order only", credit(`{"TpoDocRef":801,"FolioRef":"A1"}`), []string{"document.Referencia:reference-missing:REF-3-415"}, nil},
	{"reference to a guía only", credit(`{"TpoDocRef":52,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}`), []string{"document.Referencia:reference-missing:REF-3-415"}, nil},
	{"no date of the reference", credit(`{"TpoDocRef":33,"FolioRef":1,"CodRef":1}`), []string{"document.Referencia[0].FchRef:missing-field"}, nil},
	{"other references need no CodRef", credit(`{"TpoDocRef":"SET","FolioRef":1,"RazonRef":"CASO 1-1"},{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}`), nil, nil},
	{"bad CodRef", credit(`{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":4}`), []string{"document.Referencia[0].CodRef:not-in-list"}, nil},
	{"no payment", strings.Replace(export(110, line, ""), `"IndServicio":4`, `"IndServicio":4,"FmaPagExp":21`, 1), nil, nil},
}

// export is an export document of a service (hotel).
func export(t dte.Type, lines, rest string) string {
	return `{"Encabezado":{"IdDoc":{"TipoDTE":` + t.String() + `,"IndServicio":4},` + foreign + `},` + lines + rest + `}`
}
