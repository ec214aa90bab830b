package sii_test

import "timbre/emulators/sii/judge"

// found by code of the judge, not by its tables: the business rules whose
// evidence is live have their codes here.
var procedures = map[string]struct {
	code  string
	level int
}{
	"net": {"", judge.Remark}, "net-zero": {"", judge.Remark}, "exempt": {"HED-2-220", judge.Remark}, "total": {"HED-2-260", judge.Remark},
	"withholding": {"HED-2-300", judge.Remark}, "tax": {"HED-2-302", judge.Remark},
	"export-unpaid": {"HED-1-803", judge.Slight}, "export-marks": {"HED-2-804", judge.Remark}, "export-receiver": {"", judge.Remark}, "export-pesos": {"HED-3-834", judge.Reject},
	"receiver-address": {"HED-3-845", judge.Reject}, "receiver-comuna": {"", judge.Reject}, "issuer-comuna": {"", judge.Reject},
	"issuer-acteco": {"HED-3-861", judge.Reject}, "issuer-name": {"HED-1-863", judge.Slight},
	"line-value": {"DET-2-200", judge.Remark}, "line-name": {"", judge.Reject}, "line-number": {"", judge.Remark},
	"vat-rate": {"", judge.Remark}, "vat": {"", judge.Remark}, "unbilled": {"", judge.Remark}, "deposit": {"", judge.Remark}, "period": {"", judge.Reject},
	"rut-digit": {"", judge.Reject}, "ted-after-signature": {"", judge.Slight}, "signed-in-future": {"", judge.Reject},
	"boleta-reference": {"HED-3-211", judge.Reject}, "boleta-total": {"HED-2-260", judge.Remark}, "boleta-period": {"", judge.Remark}, "boleta-due": {"", judge.Remark},
	"boleta-anonymous": {"", judge.Remark}, "boleta-show": {"", judge.Remark}, "boleta-reference-folio": {"", judge.Remark},
	"reference-unknown": {"REF-3-750", judge.Reject}, "reference-missing": {"", judge.Reject}, "reference-code": {"", judge.Reject}, "reference-receiver": {"", judge.Remark},
	"reference-date": {"", judge.Remark}, "reference-total": {"REF-2-780", judge.Remark}, "reference-text": {"REF-2-781", judge.Remark}, "reference-amount": {"", judge.Remark},
	"debit-annuls": {"", judge.Remark},
}

func procedureBreaches() []breach {
	invoice, exempt, export := (*bench).invoice, (*bench).exemptInvoice, (*bench).export
	secondName := func(b *bench, d *draft) { d.replace(b.t, "<NmbItem>Café", "<NmbItem> ") }
	return []breach{
		of("net-zero", invoice, set("MntNeto", "0")),
		of("exempt", invoice, set("MntExe", "501")),
		of("total", invoice, set("MntTotal", "10021")),
		of("total", export, set("FmaPagExp", "21")), // row 177: without payment nothing is due
		of("net", (*bench).settlement, set("MntNeto", "9999")), of("exempt", (*bench).settlement, before("NmbItem", tagged("IndExe", "1"))), of("total", (*bench).settlement, set("MntTotal", "10711")),
		of("withholding", (*bench).purchase, set("MontoImp", "180")),
		of("tax", (*bench).purchase, set("MontoImp", "180")),
		of("export-unpaid", export, set("FmaPagExp", "21")),
		of("export-marks", export, drop("Marcas")),
		of("export-receiver", export, set("RUTRecep", "76354771-K")),
		of("export-pesos", export, drop("OtraMoneda")),
		of("receiver-address", invoice, drop("DirRecep")), of("receiver-address", export, drop("DirRecep")),
		of("receiver-comuna", invoice, drop("CmnaRecep")), of("issuer-comuna", invoice, drop("CmnaOrigen")),
		of("issuer-acteco", invoice, set("Acteco", "107101")), of("issuer-name", invoice, set("RznSoc", "Otra Sociedad Ltda.")),
		of("line-value", invoice, set("PrcItem", "2001")), of("line-name", invoice, secondName), of("line-number", invoice, set("NroLinDet", "4")),
		of("vat-rate", invoice, drop("TasaIVA")), of("vat", invoice, set("IVA", "1521")),
		of("unbilled", invoice, after("MntTotal", tagged("MontoNF", "1"))), of("deposit", invoice, before("MntTotal", tagged("GrntDep", "1"))),
		of("period", exempt, after("MntTotal", tagged("MontoPeriodo", "1"))),
		of("rut-digit", (*bench).guide, set("RUTTrans", "76354771-1")), of("rut-digit", export, before("CodPtoEmbarque", tagged("RUTCiaTransp", "76354771-1"))),
		of("rut-digit", (*bench).credit, before("FchRef", tagged("RUTOtr", "76354771-1"))),
		of("ted-after-signature", invoice, func(_ *bench, d *draft) { d.stampTime = "2026-11-20T11:50:02" }),
		of("signed-in-future", invoice, func(_ *bench, d *draft) { d.signTime = "2026-11-20T14:50:01" }),
		of("reference-unknown", (*bench).credit, set("FolioRef", "89")), of("reference-missing", (*bench).credit, drop("Referencia")), of("reference-code", (*bench).credit, drop("CodRef")),
		of("reference-missing", (*bench).credit, set("TpoDocRef", "52")),
		of("reference-receiver", (*bench).credit, set("RUTRecep", "76354771-K")), of("reference-date", (*bench).credit, set("FchRef", "2026-11-19")),
		of("reference-total", (*bench).debit, set("CodRef", "1")), of("debit-annuls", (*bench).debit, set("CodRef", "1")),
		of("reference-text", (*bench).credit, set("CodRef", "2")), of("reference-amount", (*bench).textNote, set("CodRef", "3")),
	}
}

func boletaProcedureBreaches() []breach {
	boleta := (*bench).strictBoleta
	reference := func(inner string) edit {
		return end("<Referencia>\n<NroLinRef>1</NroLinRef>\n" + inner + "</Referencia>\n")
	}
	return []breach{
		of("boleta-reference", boleta, reference(tagged("TpoDocRef", "33")+tagged("FolioRef", "1"))),
		of("boleta-reference-folio", boleta, reference(tagged("TpoDocRef", "801"))),
		of("boleta-total", boleta, end(global(1, "D", "$", "1900")), set("MntNeto", "8403"), set("IVA", "1597"), set("MntTotal", "10000")),
		of("total", boleta, set("MntNeto", "9000")), of("vat", boleta, set("IVA", "1902")),
		of("boleta-period", boleta, set("IndServicio", "1")), of("boleta-due", boleta, set("IndServicio", "2")),
		of("boleta-anonymous", boleta, set("IndServicio", "4")), of("boleta-show", boleta, set("IndServicio", "4")),
	}
}

func (b *bench) textNote(folio int) *draft { return b.note(61, folio, 33, 90, 2) }
