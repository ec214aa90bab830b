package sii_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/emulators/sii"
	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/pki"
)

// verdict is what a spoilt document must meet: an upload STATUS with its text, an
// envelope state, or a finding of the document.
type verdict struct {
	status string // of the upload
	text   string // of its answer
	state  string // of the envelope
	fault  string // its code, or rule where no code is known
	code   string // of the document
	rule   string // of the document, where no code is known
	level  int    // of the document's finding; default reject
}

// mutation spoils one thing of a document or envelope that is otherwise right.
type mutation struct {
	name   string
	make   func(*bench, int) *draft    // default: an invoice (33)
	before func(*bench)                // what happened earlier, to both twins
	setup  func(*bench)                // what only the spoilt one meets
	draft  func(*bench, *draft)        // before stamp and signature
	cover  func(*bench, *envelope)     // before the envelope's signature
	file   func(*bench, []byte) []byte // the finished bytes
	client func(*bench)                // who sends, and how
	want   verdict
}

func replacing(old, with string) func(*bench, *draft) {
	return func(b *bench, d *draft) { d.replace(b.t, old, with) }
}

// ted spoils one field of the stamp: FRMT is right over what it says.
func ted(field, value string) func(*bench, *draft) {
	return func(_ *bench, d *draft) { d.ted = map[string]string{field: value} }
}

func note(kind, refKind, code int) func(*bench, int) *draft {
	return func(b *bench, folio int) *draft { return b.note(kind, folio, refKind, 90, code) }
}

// invoice90 puts the document that notes refer to into the registry.
func invoice90(b *bench) { wantAccepted(b.t, b.sendOf(b.invoice(90))) }

// purchase is a factura de compra (46) with total withholding.
func purchase(b *bench, folio int) *draft {
	return b.draft(46, folio, "<MntNeto>1000</MntNeto>\n<TasaIVA>19</TasaIVA>\n<IVA>190</IVA>\n<ImptoReten>\n<TipoImp>15</TipoImp>\n<TasaImp>19</TasaImp>\n<MontoImp>190</MontoImp>\n</ImptoReten>\n<MntTotal>1000</MntTotal>",
		"<Detalle>\n<NroLinDet>1</NroLinDet>\n<Retenedor>\n<IndAgente>R</IndAgente>\n</Retenedor>\n<NmbItem>Trigo</NmbItem>\n<QtyItem>1</QtyItem>\n<UnmdItem>TON</UnmdItem>\n<PrcItem>1000</PrcItem>\n<CodImpAdic>15</CodImpAdic>\n<MontoItem>1000</MontoItem>\n</Detalle>\n")
}

func sedFile(old, with string) func(*bench, []byte) []byte {
	return func(b *bench, data []byte) []byte {
		if !bytes.Contains(data, []byte(old)) {
			b.t.Fatalf("file has no %q", old)
		}
		return bytes.Replace(data, []byte(old), []byte(with), 1)
	}
}

// mutations of the upload: what DTEUpload refuses at once.
func uploadMutations() []mutation {
	schemaFault := func(text string) verdict { return verdict{status: "7", text: text} }
	return []mutation{
		{name: "agent without PROG 1.0", client: func(b *bench) { b.agent = "axios/1.7" }, want: verdict{text: "HA OCURRIDO UN ERROR EN EL UPLOAD"}},
		{name: "no token", client: func(b *bench) { b.token = "" }, want: verdict{status: "5", text: "<RUTSENDER>0-0</RUTSENDER>"}},
		{name: "unknown token", client: func(b *bench) { b.token = "XAuSbYXiNh9Ik" }, want: verdict{status: "5"}},
		{name: "token of the other environment", client: func(b *bench) { b.host = "/palena.sii.cl" }, want: verdict{status: "5"}},
		{name: "expired token", client: func(b *bench) { b.server.Advance(61 * time.Minute) }, want: verdict{status: "5"}},
		{name: "rutSender is not the token's person", client: func(b *bench) { b.person = b.receiver.Signer.RUT }, want: verdict{status: "1"}},
		{name: "person is no user of the company", setup: func(b *bench) { b.permit(sii.Permission{Remove: true}) }, want: verdict{status: "1"}},
		{name: "company not authorized", setup: func(b *bench) {
			no := false
			b.change("companies", sii.CompanyChange{RUT: b.company.RUT, Authorized: &no})
		}, want: verdict{status: "6"}},
		{name: "file too small", file: func(_ *bench, data []byte) []byte { return data[:60] }, want: verdict{status: "2"}},
		{name: "line over 4096 bytes", file: sedFile("<SetDTE", strings.Repeat(" ", 4091)+"<SetDTE"), want: schemaFault("SCH-00001: Invalid Schema Name")},
		{name: "line over 4090 characters", file: sedFile("<SetDTE", strings.Repeat(" ", 4075)+"<SetDTE"), want: schemaFault("CHR-00002: Line too long")},
		{name: "no schemaLocation", file: sedFile(` xsi:schemaLocation="http://www.sii.cl/SiiDte EnvioDTE_v10.xsd"`, ""), want: schemaFault("SCH-00001: Invalid Schema Name")},
		{name: "schema of another name", file: sedFile("EnvioDTE_v10.xsd", "EnvioDTE_v20.xsd"), want: schemaFault("SCH-00001: Invalid Schema Name")},
		{name: "declaration in single quotes", file: sedFile(`version="1.0" encoding="ISO-8859-1"`, `version='1.0' encoding='ISO-8859-1'`), want: schemaFault("CHR-00001")},
		{name: "declared UTF-8", file: sedFile("ISO-8859-1", "UTF-8"), want: schemaFault("CHR-00001")},
		{name: "not well-formed", file: sedFile("</Totales>", "</Total>"), want: schemaFault("XML mal formado")},
		{name: "comment hides a DTE", file: sedFile("</Caratula>", "</Caratula><!-- <DTE></DTE> -->"), want: schemaFault("XML mal formado")},
		{name: "ID given twice", file: sedFile(`ID="F2T33"`, `ID="SetDoc"`), want: schemaFault("ID")},
		{name: "DTD", file: sedFile("\n<EnvioDTE ", "\n<!DOCTYPE EnvioDTE><EnvioDTE "), want: schemaFault("DTD")},
		{name: "element out of order", file: sedFile("<TipoDTE>33</TipoDTE>\n<Folio>2</Folio>", "<Folio>2</Folio>\n<TipoDTE>33</TipoDTE>"), want: schemaFault("LSX-00213")},
		{name: "element missing", file: func(b *bench, data []byte) []byte { return []byte(cut(b.t, string(data), `<RUTRecep>.*</RUTRecep>\n`)) }, want: schemaFault("LSX-00213")},
		{name: "TipoDTE in the carátula", file: sedFile("<TpoDTE>33</TpoDTE>", "<TipoDTE>33</TipoDTE>"), want: schemaFault("LSX-00213")},
		{name: "boleta in EnvioDTE", file: sedFile("<TipoDTE>33</TipoDTE>", "<TipoDTE>39</TipoDTE>"), want: schemaFault("LSX-00290")},
		{name: "quantity zero", file: sedFile("<QtyItem>2.5</QtyItem>", "<QtyItem>0</QtyItem>"), want: schemaFault("LSX-00291")},
		{name: "text too long", file: sedFile("<CmnaRecep>", "<CmnaRecep>"+strings.Repeat("x", 20)), want: schemaFault("LSX-00291")},
		{name: "wrong version", file: sedFile(`<Caratula version="1.0">`, `<Caratula version="2.0">`), want: schemaFault("LSX-00265")},
		{name: "empty RUT", file: sedFile("<RutReceptor>60803000-K</RutReceptor>", "<RutReceptor></RutReceptor>"), want: schemaFault("LSX-00291")},
		{name: "namespace missing", file: sedFile(` xmlns="http://www.sii.cl/SiiDte"`, ""), want: schemaFault("namespace")},
		{name: "SHA-256 digest", file: sedFile("xmldsig#sha1", "xmldsig#sha256"), want: schemaFault("LSX-00265")},
	}
}

// mutations of the envelope: what the asynchronous steps refuse as a whole.
func envelopeMutations() []mutation {
	return []mutation{
		{name: "one byte of an amount changed", file: sedFile("<MntTotal>10020<", "<MntTotal>10021<"), want: verdict{state: "RFR"}},
		{name: "envelope signature value changed", file: func(_ *bench, data []byte) []byte {
			i := bytes.LastIndex(data, []byte("<SignatureValue>")) + 20
			data[i] = 'A' + (data[i]-'A'+1)%20
			return data
		}, want: verdict{state: "RFR"}},
		{name: "bytes in UTF-8", draft: replacing(", en caja de doce unidades", ""), cover: func(_ *bench, e *envelope) { e.encodeAs = func(s string) []byte { return []byte(s) } }, want: verdict{status: "7", text: "Invalid Character"}},
		{name: "KeyValue of another key", file: func(b *bench, data []byte) []byte {
			i := bytes.LastIndex(data, []byte("<Modulus>")) + 30
			data[i] = 'A' + (data[i]-'A'+1)%20
			return data
		}, want: verdict{state: "RFR"}},
		{name: "signed by a stranger to the company", cover: func(b *bench, e *envelope) {
			e.signer = loadSigner(b.t, b.world, "b", b.receiver.Signer.RUT)
		}, want: verdict{state: "RFR", fault: "signer-not-authorized"}},
		{name: "RutEnvia is not the certificate's", cover: func(b *bench, e *envelope) { e.sender = b.receiver.Signer.RUT }, want: verdict{state: "RFR", fault: "signer-not-authorized"}},
		{name: "person may not sign", setup: func(b *bench) { b.permit(sii.Permission{Send: true}) }, want: verdict{state: "RFR", fault: "signer-not-authorized"}},
		{name: "person may not send", setup: func(b *bench) { b.permit(sii.Permission{Sign: true}) }, want: verdict{state: "106", fault: "106"}},
		{name: "envelope signed after the certificate ended", cover: func(b *bench, e *envelope) { e.signTime = "2029-01-01T00:00:00" }, want: verdict{state: "RFR", fault: "certificate-expired"}},
		{name: "another sender than the form's", setup: func(b *bench) {
			b.change("permissions", sii.Permission{Person: b.receiver.Signer.RUT, Company: b.company.RUT, Send: true, Sign: true})
		}, cover: func(b *bench, e *envelope) {
			e.signer = loadSigner(b.t, b.world, "b", b.receiver.Signer.RUT)
			e.sender = b.receiver.Signer.RUT
		}, want: verdict{state: "RCT", fault: "CRT-3-11"}},
		{name: "receiver is not the SII", cover: func(b *bench, e *envelope) { e.receiver = b.receiver.RUT }, want: verdict{state: "RCT", fault: "CRT-3-18"}},
		{name: "resolution number", cover: func(_ *bench, e *envelope) { e.resolNo = "80" }, want: verdict{state: "RCT", fault: "CRT-3-19"}},
		{name: "resolution date", cover: func(_ *bench, e *envelope) { e.resolDate = "2014-08-22" }, want: verdict{state: "RCT", fault: "CRT-3-19"}},
		{name: "RutEmisor is not the form's company", cover: func(b *bench, e *envelope) { e.issuer = b.receiver.RUT }, want: verdict{state: "RCT", fault: "cover-issuer"}},
		{name: "subtotal count", cover: func(_ *bench, e *envelope) {
			e.subtotals = "<SubTotDTE>\n<TpoDTE>33</TpoDTE>\n<NroDTE>2</NroDTE>\n</SubTotDTE>"
		}, want: verdict{state: "RCT", fault: "cover-subtotals"}},
		{name: "subtotal of another type", cover: func(_ *bench, e *envelope) {
			e.subtotals = "<SubTotDTE>\n<TpoDTE>34</TpoDTE>\n<NroDTE>1</NroDTE>\n</SubTotDTE>"
		}, want: verdict{state: "RCT", fault: "cover-subtotals"}},
		{name: "document of another issuer", draft: func(b *bench, d *draft) { d.replace(b.t, "<RUTEmisor>"+b.company.RUT, "<RUTEmisor>"+b.receiver.RUT) }, want: verdict{state: "RCT", fault: "cover-document-issuer"}},
		{name: "UTC in place of Chilean time", cover: func(_ *bench, e *envelope) { e.signTime = "2026-11-20T14:55:00" }, want: verdict{state: "RCT", fault: "cover-future"}},
	}
}

// mutations of the document up to its signature.
func stampMutations() []mutation {
	return []mutation{
		{name: "folio already received, same data", setup: func(b *bench) { wantAccepted(b.t, b.sendOf(b.invoice(2))) },
			draft: func(_ *bench, d *draft) { d.signTime = "2026-11-20T11:51:00" }, want: verdict{code: "DTE-3-100"}},
		{name: "folio already received, other data", setup: func(b *bench) { wantAccepted(b.t, b.sendOf(b.invoice(2))) },
			draft: func(b *bench, d *draft) { spoilReceiver(b, d) }, want: verdict{code: "DTE-3-101"}},
		{name: "folio annulled", setup: func(b *bench) {
			b.change("folios:annul", sii.FolioRange{Company: b.company.RUT, Type: 33, From: 2})
		}, want: verdict{rule: "folio-annulled"}},
		{name: "CAF expired", draft: func(b *bench, d *draft) {
			d.caf = b.issueCAF(authority.CAFOrder{RUT: b.company.RUT, Name: b.company.Name, Type: 33, From: 1, To: 100, Day: "2026-05-19"})
		}, want: verdict{code: "CAF-3-517"}},
		{name: "CAF of another company", draft: func(b *bench, d *draft) {
			d.caf = b.issueCAF(authority.CAFOrder{RUT: b.receiver.RUT, Name: b.company.Name, Type: 33, From: 1, To: 100, Day: "2026-11-20"})
		}, want: verdict{rule: "caf-issuer"}},
		{name: "CAF of another type", draft: func(b *bench, d *draft) { d.caf = b.caf(34) }, want: verdict{rule: "caf-type"}},
		{name: "folio outside the CAF", draft: func(b *bench, d *draft) {
			d.caf = b.issueCAF(authority.CAFOrder{RUT: b.company.RUT, Name: b.company.Name, Type: 33, From: 3, To: 100, Day: "2026-11-20"})
		}, want: verdict{rule: "caf-range"}},
		{name: "CAF widened after the SII signed it", draft: func(_ *bench, d *draft) { d.caf.element = strings.Replace(d.caf.element, "<H>100<", "<H>999<", 1) }, want: verdict{rule: "caf-frma"}},
		{name: "CAF of another authority", draft: func(b *bench, d *draft) {
			d.caf = foreignCAF(b)
		}, want: verdict{rule: "caf-frma"}},
		{name: "CAF of the other environment", draft: func(b *bench, d *draft) {
			d.caf = b.issueCAF(authority.CAFOrder{RUT: b.company.RUT, Name: b.company.Name, Type: 33, From: 1, To: 100, Day: "2026-11-20", IDK: 300})
		}, want: verdict{rule: "caf-environment"}},
		{name: "issued before the CAF", draft: replacing("<FchEmis>2026-11-20", "<FchEmis>2026-11-19"), want: verdict{rule: "issued-before-caf"}},
		{name: "TED RE", draft: ted("RE", "76354771-K"), want: verdict{rule: "ted-RE"}},
		{name: "TED TD", draft: ted("TD", "34"), want: verdict{rule: "ted-TD"}},
		{name: "TED F", draft: ted("F", "77"), want: verdict{rule: "ted-F"}},
		{name: "TED FE", draft: ted("FE", "2026-11-21"), want: verdict{rule: "ted-FE"}},
		{name: "TED RR", draft: ted("RR", "76354771-K"), want: verdict{rule: "ted-RR"}},
		{name: "TED RSR", draft: ted("RSR", "Otro"), want: verdict{rule: "ted-RSR"}},
		{name: "TED MNT", draft: ted("MNT", "10021"), want: verdict{rule: "ted-MNT"}},
		{name: "TED IT1", draft: ted("IT1", "Café"), want: verdict{rule: "ted-IT1"}},
		{name: "TED IT1 cut one character short", draft: ted("IT1", `Pan d'oro &amp; ñandú "grande", en caja d`), want: verdict{rule: "ted-IT1"}},
		{name: "FRMT by another CAF's key", draft: func(b *bench, d *draft) { d.stampedBy = b.caf(34).key }, want: verdict{code: "TED-2-510", level: judge.Remark}},
		{name: "a second DD in a comment", draft: func(_ *bench, d *draft) { d.body += "<!--<DD></DD>-->" }, want: verdict{code: "TED-2-510", level: judge.Remark}},
		{name: "FRMT over other bytes", draft: func(_ *bench, d *draft) {
			d.spoilTED = func(s string) string {
				return strings.Replace(s, "<TSTED>2026-11-20T11:50:00", "<TSTED>2026-11-20T11:49:00", 1)
			}
		}, want: verdict{code: "TED-2-510", level: judge.Remark}},
		{name: "timbre before the CAF", draft: func(_ *bench, d *draft) { d.stampTime = "2026-11-19T23:59:59" }, want: verdict{code: "TED-1-646", level: judge.Slight}},
		{name: "DTE changed after its signature", draft: func(_ *bench, d *draft) {
			d.spoilDTE = func(s string) string { return strings.Replace(s, "<GiroRecep>", "<GiroRecep>x", 1) }
		}, want: verdict{code: "DTE-3-505"}},
		{name: "DTE lost its namespaces", draft: func(_ *bench, d *draft) {
			d.spoilDTE = func(s string) string { return strings.Replace(s, " "+nsXSI, "", 1) }
		}, want: verdict{code: "DTE-3-505"}},
		{name: "Reference to another ID", draft: func(_ *bench, d *draft) {
			d.spoilDTE = func(s string) string { return strings.Replace(s, `URI="#F2T33"`, `URI="#SetDoc"`, 1) }
		}, want: verdict{code: "DTE-3-505"}},
		{name: "certificate expired when signing", draft: func(b *bench, d *draft) { d.signer = expiredSigner(b) }, want: verdict{rule: "certificate-expired"}},
		{name: "certificate of an unknown authority", draft: func(b *bench, d *draft) { d.signer = foreignSigner(b) }, want: verdict{rule: "certificate-untrusted"}},
		{name: "DTE signed by a stranger", draft: func(b *bench, d *draft) { d.signer = loadSigner(b.t, b.world, "b", b.receiver.Signer.RUT) }, want: verdict{rule: "signer-not-authorized"}},
	}
}

// mutations of the document's content: the business rules.
func businessMutations() []mutation {
	return []mutation{
		{name: "receiver without address", draft: func(b *bench, d *draft) { d.body = cut(b.t, d.body, `<DirRecep>.*</DirRecep>\n`) }, want: verdict{code: "HED-3-845"}},
		{name: "receiver without comuna", draft: func(b *bench, d *draft) { d.body = cut(b.t, d.body, `<CmnaRecep>.*</CmnaRecep>\n`) }, want: verdict{rule: "receiver-comuna"}},
		{name: "issuer without comuna", draft: func(b *bench, d *draft) { d.body = cut(b.t, d.body, `<CmnaOrigen>.*</CmnaOrigen>\n`) }, want: verdict{rule: "issuer-comuna"}},
		{name: "activity not registered", draft: func(b *bench, d *draft) { d.replace(b.t, "<Acteco>107100", "<Acteco>107101") }, want: verdict{code: "HED-3-861"}},
		{name: "issuer's name is not the CAF's", draft: replacing("Ñandú &amp; Hijos", "Ñandú e Hijos"), want: verdict{code: "HED-1-863", level: judge.Slight}},
		{name: "receiver's check digit", draft: func(b *bench, d *draft) {
			d.replace(b.t, "<RUTRecep>"+b.receiver.RUT, "<RUTRecep>"+strings.TrimSuffix(b.receiver.RUT, b.receiver.RUT[len(b.receiver.RUT)-1:])+wrongDigit(b.receiver.RUT))
		}, want: verdict{rule: "rut-digit"}},
		{name: "issued in the future", draft: replacing("<FchEmis>2026-11-20", "<FchEmis>2026-11-21"), want: verdict{rule: "issued-in-future"}},
		{name: "signed in the future", draft: func(_ *bench, d *draft) { d.signTime = "2026-11-20T14:50:01" }, want: verdict{rule: "signed-in-future"}},
		{name: "sent more than three days late", setup: func(b *bench) { b.later(4 * 24 * time.Hour) }, want: verdict{code: "DTE-1-650", level: judge.Slight}},
		{name: "line is not quantity by price", draft: replacing("<PrcItem>2000</PrcItem>\n<MontoItem>5000", "<PrcItem>2001</PrcItem>\n<MontoItem>5000"), want: verdict{code: "DET-2-200", level: judge.Remark}},
		{name: "lines not numbered in order", draft: replacing("<NroLinDet>2", "<NroLinDet>4"), want: verdict{rule: "line-number", level: judge.Remark}},
		{name: "all lines exempt", draft: func(b *bench, d *draft) {
			d.body = strings.ReplaceAll(d.body, "</NroLinDet>\n<NmbItem>", "</NroLinDet>\n<IndExe>1</IndExe>\n<NmbItem>")
		}, want: verdict{rule: "all-exempt"}},
		{name: "net does not add up", draft: func(b *bench, d *draft) {
			d.replace(b.t, "<MntNeto>8000", "<MntNeto>8100")
			d.replace(b.t, "<IVA>1520", "<IVA>1539")
			d.replace(b.t, "<MntTotal>10020", "<MntTotal>10139")
		}, want: verdict{rule: "net", level: judge.Remark}},
		{name: "exempt amount does not add up", draft: func(b *bench, d *draft) {
			d.replace(b.t, "<MntExe>500", "<MntExe>501")
			d.replace(b.t, "<MntTotal>10020", "<MntTotal>10021")
		}, want: verdict{code: "HED-2-220", level: judge.Remark}},
		{name: "total is not its parts", draft: replacing("<MntTotal>10020", "<MntTotal>10021"), want: verdict{code: "HED-2-260", level: judge.Remark}},
		{name: "VAT is not rate by net", draft: func(b *bench, d *draft) {
			d.replace(b.t, "<IVA>1520", "<IVA>1521")
			d.replace(b.t, "<MntTotal>10020", "<MntTotal>10021")
		}, want: verdict{rule: "vat", level: judge.Remark}},
		{name: "VAT missing", draft: func(b *bench, d *draft) { d.body = cut(b.t, d.body, `<IVA>1520</IVA>\n`) }, want: verdict{rule: "vat-missing"}},
		{name: "period does not add up", draft: replacing("</MntTotal>", "</MntTotal>\n<MontoPeriodo>1</MontoPeriodo>"), want: verdict{rule: "period"}},
		{name: "unbilled amount does not add up", draft: replacing("</MntTotal>", "</MntTotal>\n<MontoNF>1</MontoNF>"), want: verdict{rule: "unbilled", level: judge.Remark}},
		{name: "exempt invoice with net", make: (*bench).exemptInvoice, draft: func(b *bench, d *draft) {
			d.replace(b.t, "<MntExe>5000", "<MntNeto>1</MntNeto>\n<MntExe>4999")
		}, want: verdict{rule: "exempt-invoice"}},
		{name: "withholding is not the VAT", make: purchase, draft: func(b *bench, d *draft) {
			d.replace(b.t, "<MontoImp>190", "<MontoImp>180")
			d.replace(b.t, "<MntTotal>1000", "<MntTotal>1010")
		}, want: verdict{code: "HED-2-300", level: judge.Remark}},
		{name: "tax is not rate by lines", make: purchase, draft: func(b *bench, d *draft) {
			d.replace(b.t, "<MontoImp>190", "<MontoImp>180")
			d.replace(b.t, "<MntTotal>1000", "<MntTotal>1010")
		}, want: verdict{code: "HED-2-302", level: judge.Remark}},
		{name: "referenced document unknown", make: note(61, 33, 1), before: invoice90, draft: replacing("<FolioRef>90", "<FolioRef>89"), want: verdict{code: "REF-3-750"}},
		{name: "note without reference", make: note(61, 33, 1), before: invoice90, draft: func(b *bench, d *draft) { d.body = cut(b.t, d.body, `(?s)<Referencia>.*</Referencia>\n`) }, want: verdict{rule: "reference-missing"}},
		{name: "reference without code", make: note(61, 33, 1), before: invoice90, draft: func(b *bench, d *draft) { d.body = cut(b.t, d.body, `<CodRef>1</CodRef>\n`) }, want: verdict{rule: "reference-code"}},
		{name: "annulment of another total", make: note(61, 33, 3), before: invoice90, draft: replacing("<CodRef>3", "<CodRef>1"), want: verdict{code: "REF-2-780", level: judge.Remark}},
		{name: "correction of text with amounts", make: note(61, 33, 3), before: invoice90, draft: replacing("<CodRef>3", "<CodRef>2"), want: verdict{code: "REF-2-781", level: judge.Remark}},
		{name: "correction of amounts with zero", make: note(61, 33, 2), before: invoice90, draft: replacing("<CodRef>2", "<CodRef>3"), want: verdict{rule: "reference-amount", level: judge.Remark}},
		{name: "reference of another receiver", make: note(61, 33, 1), before: invoice90, draft: spoilReceiver, want: verdict{rule: "reference-receiver", level: judge.Remark}},
		{name: "reference of another date", make: note(61, 33, 1), before: invoice90, draft: replacing("<FchRef>2026-11-20", "<FchRef>2026-11-19"), want: verdict{rule: "reference-date", level: judge.Remark}},
		{name: "debit note annuls an invoice", make: note(56, 33, 3), before: invoice90, draft: replacing("<CodRef>3", "<CodRef>1"), want: verdict{rule: "debit-annuls", level: judge.Remark}},
	}
}

// spoilReceiver swaps the receiver: another company with a valid RUT.
func spoilReceiver(b *bench, d *draft) {
	d.replace(b.t, "<RUTRecep>"+b.receiver.RUT, "<RUTRecep>76354771-K")
}

func wrongDigit(rut string) string {
	if strings.HasSuffix(rut, "1") {
		return "2"
	}
	return "1"
}

func TestMutations(t *testing.T) {
	t.Parallel()
	var all []mutation
	for _, group := range [][]mutation{uploadMutations(), envelopeMutations(), stampMutations(), businessMutations()} {
		all = append(all, group...)
	}
	if len(all) < 40 {
		t.Errorf("%d mutations, want at least 40", len(all))
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if m.make == nil {
				m.make = (*bench).invoice
			}
			if m.before != nil {
				m.before(b)
			}
			// The twin: the same document, unspoilt, folio 1.
			wantAccepted(t, b.sendOf(m.make(b, 1)))
			m.run(b)
		})
	}
}

// run sends the spoilt document (folio 2) and compares the answer.
func (m mutation) run(b *bench) {
	b.t.Helper()
	if m.setup != nil {
		m.setup(b)
	}
	d := m.make(b, 2)
	if m.draft != nil {
		m.draft(b, d)
	}
	e := b.envelopeOf(d)
	if m.cover != nil {
		m.cover(b, e)
	}
	data := e.write(b.t)
	if m.file != nil {
		data = m.file(b, data)
	}
	if m.client != nil {
		m.client(b)
	}
	answer := b.upload(b.company.RUT, data)
	if m.want.status != "" || m.want.text != "" {
		if got := tag(answer, "STATUS"); got != m.want.status || !strings.Contains(answer, m.want.text) {
			b.t.Errorf("got STATUS %q in %q, want %q with %q", got, answer, m.want.status, m.want.text)
		}
		return
	}
	if got := tag(answer, "STATUS"); got != "0" {
		b.t.Fatalf("upload: got STATUS %q in %q, want 0", got, answer)
	}
	b.server.Advance(time.Minute)
	m.compare(b, b.envelope(tag(answer, "TRACKID")))
}

func (m mutation) compare(b *bench, e sii.Envelope) {
	b.t.Helper()
	if m.want.state != "" {
		if e.State != m.want.state || m.want.fault != "" && e.Fault.Code != m.want.fault && e.Fault.Rule != m.want.fault {
			b.t.Errorf("got %s %+v, want %s %s", e.State, e.Fault, m.want.state, m.want.fault)
		}
		return
	}
	level := m.want.level
	if level == 0 {
		level = judge.Reject
	}
	if e.State != "EPR" || len(e.Documents) != 1 {
		b.t.Fatalf("got %s %+v, want EPR with one document", e.State, e.Fault)
	}
	for _, f := range e.Documents[0].Findings {
		if f.Level == level && f.Code == m.want.code && (m.want.rule == "" || f.Rule == m.want.rule) {
			if want := map[int]string{1: "RLV", 2: "RPR", 3: "RCH"}[level]; level == judge.Reject && e.Documents[0].State != want {
				b.t.Errorf("got state %s, want %s", e.Documents[0].State, want)
			}
			return
		}
	}
	b.t.Errorf("got %s %v, want %s%s", e.Documents[0].State, e.Documents[0].Details, m.want.code, m.want.rule)
}

// change alters the SII's books.
func (b *bench) change(op string, value any) {
	b.t.Helper()
	if err := b.server.Change(op, value); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) permit(p sii.Permission) {
	p.Person, p.Company = b.signer.rut, b.company.RUT
	b.change("permissions", p)
}

// later moves the clock and logs in again, as the token dies in an hour.
func (b *bench) later(d time.Duration) {
	b.server.Advance(d)
	b.token = b.login(b.signer)
}

func foreignWorld(b *bench) string {
	b.t.Helper()
	dir, err := foreign()
	if err != nil {
		b.t.Fatal(err)
	}
	return dir
}

func foreignCAF(b *bench) caf {
	return loadCAF(b.t, filepath.Join(foreignWorld(b), "caf", "a", fmt.Sprintf("%d-1-100.xml", 33)))
}

// expiredSigner is the company's person with a certificate of the right authority
// that ended yesterday.
func expiredSigner(b *bench) signer {
	b.t.Helper()
	block, _ := pem.Decode(readFile(b.t, filepath.Join(b.world, "ca", "intermediate.pem")))
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		b.t.Fatal(err)
	}
	extensions, err := pki.RUTExtensions(b.signer.rut, "99999999-9")
	if err != nil {
		b.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Vencida"},
		NotBefore: today.AddDate(-3, 0, 0), NotAfter: today.AddDate(0, 0, -1), ExtraExtensions: extensions,
	}
	caKey := parseKey(b.t, readFile(b.t, filepath.Join(b.world, "ca", "intermediate.key")))
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &b.signer.key.PublicKey, caKey)
	if err != nil {
		b.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		b.t.Fatal(err)
	}
	return signer{rut: b.signer.rut, cert: cert, key: b.signer.key}
}

func foreignSigner(b *bench) signer {
	return loadSigner(b.t, foreignWorld(b), "a", b.company.Signer.RUT)
}
