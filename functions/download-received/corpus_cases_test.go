package downloadreceived_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"timbre/shared/store"
)

// corpus are all cases.
func corpus() []corpusCase {
	return slices.Concat(oddCases(), sampleCases(), mailCases(), attackCases())
}

// oddCases are the supplier's, each phrase of WEBSERVICES §9.2.
func oddCases() []corpusCase {
	invoice := kept{Documents: "33/0 pass", Answers: "0"}
	cases := []corpusCase{}
	for _, name := range []string{
		"plain", "application/xml", "upper-case extension", "double extension", "odd name", "text/plain", "no name",
		"PDF and XML", "over 10 MB", "forwarded", "zip", "sent twice", "forwarded besides",
		"UTF-8 called ISO-8859-1", "ISO-8859-1 called UTF-8", "UTF-8 with BOM", "windows-1252",
	} {
		cases = append(cases, corpusCase{name: name, large: name == "over 10 MB", mails: odd(name), want: invoice})
	}
	for _, c := range []struct {
		name string
		want kept
	}{
		{"bare DTE", kept{Documents: "33/0 pass"}},
		{"the SII's copy", kept{Documents: "33/0 pass", Answers: "3"}},
		{"Message-ID used twice", kept{Documents: "33/0 pass 33/1 pass", Answers: "0 0"}},
		{"re-indented", kept{Documents: "33/0 fail", Answers: "2"}},
		{"namespace missing", kept{Documents: "33/0 pass", Answers: "1"}},
		{"cut short", kept{Quarantine: "not-xml", Answers: "91"}},
		{"entities", kept{Quarantine: "doctype", Answers: "91"}},
		{"three documents", kept{Documents: "33/0 pass 33/1 pass 33/2 pass", Answers: "0"}},
		{"several receivers", kept{Documents: "33/0 pass", Quarantine: "other-receiver", Answers: "0"}},
		{"another's envelope", kept{Quarantine: "other-receiver", Answers: "3"}},
		{"amount changed later", kept{Documents: "33/0 pass of 2", Answers: "0 2"}},
		{"delivery failed", kept{}},
		{"out of office", kept{}},
		{"result mail", kept{Files: "RESULTADO_ENVIO"}},
		{"answer", kept{Files: "RespuestaDTE"}},
		{"receipts", kept{Files: "EnvioRecibos"}},
	} {
		cases = append(cases, corpusCase{name: c.name, mails: odd(c.name), want: c.want})
	}
	return cases
}

// real is a case of real files, in the mailbox of a RUT.
func real(name string, mails written, of string, env store.Environment, want kept) corpusCase {
	return corpusCase{name: name, mails: mails, of: of, env: env, want: want}
}

// sampleCases are real files, in the mailbox of whom they were for.
func sampleCases() []corpusCase {
	const production, others = store.Produccion, "other-receiver other-receiver other-receiver other-receiver other-receiver"
	// Two sorts fail although nobody changed them: the SII's own example names another key than its certificate has, and
	// the generated ones were signed with a throw-away certificate of a later day.
	return []corpusCase{
		real("real DTE", each(sample("dte/DTE-60910000-1-33-2336600.xml")), "76555835-2", production, kept{Documents: "33/2336600 pass"}),
		real("real DTE, cleaned", each(sample("dte/DTE-60910000-1-33-2336600-cleaned.xml")), "76555835-2", production, kept{Documents: "33/2336600 pass"}),
		real("real DTE, both forms", each(sample("dte/DTE-60910000-1-33-2336600.xml"), sample("dte/DTE-60910000-1-33-2336600-cleaned.xml")), "76555835-2", production, kept{Documents: "33/2336600 pass of 2"}),
		real("real DTE of the SII's software", each(sample("dte/DTE-76354771-K-33-170.xml")), "96790240-3", production, kept{Documents: "33/170 pass"}),
		real("the same, cleaned", each(sample("dte/DTE-76354771-K-33-170-cleaned.xml")), "96790240-3", production, kept{Documents: "33/170 pass"}),
		real("its amount changed", each(sample("tampered/DTE-76354771-K-33-170-mod-changed-monto.xml")), "96790240-3", production, kept{Documents: "33/170 fail"}),
		real("its signature removed", each(sample("tampered/DTE-76354771-K-33-170-mod-removed-signature.xml")), "96790240-3", production, kept{Documents: "33/170 fail"}),
		real("genuine and changed", each(sample("tampered/DTE-76354771-K-33-170-mod-changed-monto.xml"), sample("dte/DTE-76354771-K-33-170.xml")), "96790240-3", production, kept{Documents: "33/170 pass of 2"}),
		real("real envelope", each(sample("envio/EnvioDTE-762352915-F13T33.xml")), "77447842-6", "", kept{Documents: "33/13 pass", Answers: "0"}),
		real("eight documents to four", each(sample("envio/EnvioDTE-762352915-basico.xml")), "77447842-6", "", kept{Documents: "33/17 pass 61/12 pass 56/7 pass", Quarantine: others, Answers: "3"}),
		real("the same, signed by somebody else", each(sample("negative/EnvioDTE-762352915-basico-resigned.xml")), "77447842-6", "", kept{Documents: "33/17 fail 61/12 fail 56/7 fail", Quarantine: others, Answers: "2"}),
		real("exports", each(sample("envio/EnvioDTE-762352915-exportacion1.xml")), "55555555-5", "", kept{Documents: "110/13 pass 112/3 pass 111/3 pass", Answers: "1"}),
		real("the SII's example", each(sample("envio/F60T33-ejemplo-oficial-SII.xml")), "77777777-7", "", kept{Documents: "33/60 fail", Answers: "2"}),
		real("boletas, altered", each(sample("boleta/EnvioBOLETA-softcomsas-altered.xml")), "66666666-6", production, kept{Documents: "39/18094 fail"}),
		real("cession", each(sample("aec/AEC-76399752-9-33-25568-SEQ-1.xml")), "96874030-K", production, kept{Files: "AEC"}),
		real("envelope of a program", each(sample("generated/EnvioDTE-generado-regla-10.2.xml")), "60803000-K", "", kept{Documents: "33/1 fail", Answers: "2"}),
		real("boletas of a program", each(sample("generated/EnvioBOLETA-generado.xml")), "66666666-6", "", kept{Documents: "39/1 fail"}),
		real("answers of a program", each(sample("generated/RespuestaDTE-recepcion-generada.xml"), sample("generated/RespuestaDTE-resultado-generada.xml"),
			sample("generated/EnvioRecibos-generado.xml")), "60803000-K", "", kept{Files: "RespuestaDTE RespuestaDTE EnvioRecibos"}),
		real("CAF", each(sample("caf/CAF-66666666-6-sintetico.xml")), "66666666-6", "", kept{Quarantine: "other-root"}),
		real("stamps alone", each(sample("ted/TED-89622400-K-33-10.xml"), sample("ted/TED-78003230-8-39-203-fake.xml")), "66666666-6", "", kept{Quarantine: "other-root other-root"}),
		real("a file for somebody else", each(sample("dte/DTE-60910000-1-33-2336600.xml")), "", "", kept{Quarantine: "other-receiver"}),
	}
}

// mailCases are other ways of mailing.
func mailCases() []corpusCase {
	invoice, unanswered := kept{Documents: "33/0 pass", Answers: "0"}, kept{Documents: "33/0 pass"}
	xml := func(a *author) []entry {
		return []entry{{"leame.txt", []byte("hola")}, {"dte/envio.xml", a.envelope()}}
	}
	return []corpusCase{
		{name: "delivered twice", mails: twice(odd("plain")), want: invoice},
		{name: "attached twice", mails: each(invoiceFile, invoiceFile), want: invoice},
		{name: "envelope and its document", mails: each(invoiceFile, func(a *author) attachment {
			return attachment{name: "dte.xml", data: append([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?>`+"\n"), documentOf(a, a.envelope())...)}
		}), want: invoice},
		{name: "12 MB of PDF in base64", large: true, mails: each(invoiceFile, file("f.pdf", string(many("%PDF-1.4\n", "0123456789", "", 12<<20)))), want: invoice},
		{name: "12 MB of XML", large: true, mails: one(func(_ *author, xml []byte) []byte {
			return bytes.Replace(xml, []byte("</EnvioDTE>"), many("", "<!-- "+strings.Repeat("relleno ", 100)+"-->", "</EnvioDTE>", 12<<20), 1)
		}), want: invoice},
		{name: "more than 20 MB", large: true, mails: each(invoiceFile, file("f.pdf", string(many("%PDF", "0", "", 16<<20)))), want: kept{Documents: "33/0 pass", Quarantine: "truncated", Answers: "0"}},
		{name: "zip of several", mails: each(zipped(xml)), want: invoice},
		{name: "zip in a zip in a zip", mails: each(func(a *author) attachment {
			return attachment{name: "a.zip", data: nested(a.t, 2, entry{"envio.xml", a.envelope()})}
		}), want: invoice},
		{name: "zip called XML", mails: each(func(a *author) attachment {
			return attachment{name: "envio.xml", data: archive(a.t, entry{"envio.xml", a.envelope()})}
		}), want: invoice},
		{name: "forwarded three times", mails: func(a *author) [][]byte { return [][]byte{forwarded(message("", invoiceFile(a)), 3)} }, want: invoice},
		{name: "forwarded as a file", mails: each(func(a *author) attachment {
			return attachment{name: "original.eml", data: message("", invoiceFile(a))}
		}), want: invoice},
		{name: "base64 without saying so", mails: func(a *author) [][]byte {
			text := base64.StdEncoding.EncodeToString(append([]byte(`<?xml version="1.0"?>`), documentOf(a, a.xmlOf("UTF-8 with BOM"))...))
			return [][]byte{[]byte("From: a@b.example\r\nContent-Type: text/xml\r\n\r\n" + text)}
		}, want: unanswered},
		{name: "pasted into the text", mails: func(a *author) [][]byte {
			return [][]byte{append(append([]byte("From: a@b.example\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\nEstimados:\r\n"), a.envelope()...), "\r\nSaludos"...)}
		}, want: invoice},
		{name: "nothing but XML", mails: func(a *author) [][]byte { return [][]byte{a.envelope()} }, want: unanswered},
		{name: "boundary never closed", mails: func(a *author) [][]byte {
			return [][]byte{bytes.TrimSuffix(message("", invoiceFile(a)), []byte("--corpus--\r\n"))}
		}, want: invoice},
		{name: "blanks and NULs around", mails: one(func(_ *author, xml []byte) []byte {
			return append(append([]byte("\r\n  "), xml...), "\r\n\x1a\x00\x00"...)
		}), want: invoice},
		{name: "newsletter with an envelope", mails: func(a *author) [][]byte {
			return [][]byte{message("List-Unsubscribe: <mailto:x@y.example>\r\n", invoiceFile(a))}
		}, want: unanswered},
		{name: "sent by a program", mails: func(a *author) [][]byte {
			return [][]byte{message("Auto-Submitted: auto-generated\r\n", invoiceFile(a))}
		}, want: invoice},
		{name: "our own document comes back", mails: func(a *author) [][]byte { return [][]byte{ownBounced(a)} }, want: kept{Files: "EnvioDTE"}},
		{name: "newsletter", mails: raw("From: a@b.example\nSubject: Ofertas\nList-Unsubscribe: <mailto:x@y.example>\n\nCompre.\n"), want: kept{}},
		{name: "text of a person", mails: raw("From: a@b.example\nSubject: Factura\n\nLe mando la factura en papel.\n"), want: kept{Quarantine: "no-xml"}},
		{name: "picture of an invoice", mails: each(file("factura.jpg", "\xff\xd8\xff\xe0JFIF")), want: kept{Quarantine: "no-xml"}},
		{name: "web page", mails: raw("From: a@b.example\nContent-Type: text/html\n\n<html><body><p>Factura</p></body></html>\n"), want: kept{Quarantine: "no-xml"}},
		{name: "spreadsheet", mails: each(func(a *author) attachment {
			return attachment{name: "libro.xlsx", data: archive(a.t, entry{"[Content_Types].xml", []byte("<Types/>")}, entry{"xl/workbook.xml", []byte("<workbook/>")})}
		}), want: kept{Quarantine: "no-xml"}},
		{name: "invoice of another country", mails: each(file("cfdi.xml", `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4"/>`)), want: kept{Quarantine: "other-root"}},
		{name: "envelope without documents", mails: each(file("e.xml", `<EnvioDTE xmlns="http://www.sii.cl/SiiDte"><SetDTE/></EnvioDTE>`)), want: kept{Quarantine: "no-documents"}},
		{name: "document without folio", mails: func(a *author) [][]byte {
			return replaced(fmt.Sprintf("<Folio>%d</Folio>", a.folio), "")(a)
		}, want: kept{Quarantine: "no-identity", Answers: "1"}},
		{name: "folio of 19 digits", mails: func(a *author) [][]byte {
			return replaced(fmt.Sprintf("<Folio>%d<", a.folio), "<Folio>9999999999999999999<")(a)
		}, want: kept{Quarantine: "no-identity", Answers: "1"}},
		{name: "RUT of the issuer mistyped", mails: replaced("<RUTEmisor>"+other.String(), "<RUTEmisor>1-1"), want: kept{Quarantine: "no-identity", Answers: "2"}},
		{name: "UTF-16", mails: one(func(_ *author, xml []byte) []byte { return utf16(xml) }), want: kept{Quarantine: "bad-text"}},
		{name: "unknown encoding", mails: replaced("ISO-8859-1", "EBCDIC-CP-US"), want: kept{Quarantine: "bad-text", Answers: "91"}},
		{name: "nothing at all", mails: raw("\n"), want: kept{Quarantine: "no-xml"}},
	}
}

// ownBounced is a report on delivery that brings back what the buyer itself sent.
func ownBounced(a *author) []byte {
	xml := bytes.ReplaceAll(a.envelope(), []byte(other.String()), []byte("x"))
	xml = bytes.ReplaceAll(xml, []byte(buyer.String()), []byte(other.String()))
	xml = bytes.ReplaceAll(xml, []byte(">x<"), []byte(">"+buyer.String()+"<"))
	return append([]byte("From: MAILER-DAEMON@correo.example\r\nSubject: Undelivered\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: text/xml\r\n\r\n"),
		append(xml, "\r\n--b--\r\n"...)...)
}

// attackCases want to be believed, or to cost more than they are worth.
func attackCases() []corpusCase {
	forged := kept{Documents: "33/0 fail", Answers: "2"}
	over := kept{Quarantine: "over-limit"}
	const head = `<EnvioDTE xmlns="http://www.sii.cl/SiiDte"><SetDTE>`
	xml := func(data []byte) written {
		return each(func(*author) attachment { return attachment{name: "envio.xml", data: data} })
	}
	return []corpusCase{
		{name: "billion laughs", mails: each(sample("attacks/billion-laughs-1.xml")), want: kept{Quarantine: "doctype"}},
		{name: "quadratic blow-up", mails: each(sample("attacks/quadratic-blowup-entity-expansion.xml")), want: kept{Quarantine: "doctype"}},
		{name: "external entity", mails: xml([]byte(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><DTE>&x;</DTE>`)), want: kept{Quarantine: "doctype"}},
		{name: "deep nesting", large: true, mails: xml(many("", "<a>", "", 6<<20)), want: over},
		{name: "deep and closed", large: true, mails: xml(append(many("", "<a>", "", 3<<20), many("", "</a>", "", 4<<20)...)), want: over},
		{name: "a million elements", large: true, mails: xml(many(head, "<a/>", "</SetDTE></EnvioDTE>", 8<<20)), want: over},
		{name: "attribute of 8 MB", large: true, mails: xml(many(`<DTE a="`, "x", `"/>`, 8<<20)), want: over},
		{name: "a million attributes", large: true, mails: xml(many("<DTE ", `a="1" `, "/>", 6<<20)), want: over},
		{name: "text of 8 MB", large: true, mails: xml(many("<DTE>", "x", "</DTE>", 8<<20)), want: over},
		{name: "2,001 documents", mails: xml(many(head, "<DTE></DTE>", "</SetDTE></EnvioDTE>", 2001*len("<DTE></DTE>"))), want: over},
		{name: "amount changed", mails: replaced("<MntTotal>1190<", "<MntTotal>9190<"), want: forged},
		{name: "stamp changed", mails: replaced("<MNT>1190<", "<MNT>9190<"), want: forged},
		{name: "CAF widened", mails: replaced("<H>", "<H>9"), want: forged},
		{name: "signature taken away", mails: one(func(_ *author, xml []byte) []byte {
			from, to := bytes.Index(xml, []byte("<Signature ")), bytes.Index(xml, []byte("</Signature>"))+len("</Signature>")
			return append(xml[:from:from], xml[to:]...)
		}), want: kept{Documents: "33/0 fail", Answers: "1"}},
		{name: "forged beside the signed", mails: replaced(`<Documento ID="`, `<Documento ID="X"><Encabezado/></Documento><Documento ID="`), want: kept{Quarantine: "no-identity", Answers: "1"}},
		{name: "signed inside the forged", mails: one(func(_ *author, xml []byte) []byte {
			from, to := bytes.Index(xml, []byte("<Documento ID=")), bytes.Index(xml, []byte("</Documento>"))+len("</Documento>")
			signed := xml[from:to]
			fake := bytes.Replace(bytes.Replace(signed, []byte("<MntTotal>1190<"), []byte("<MntTotal>9190<"), 1), []byte(`ID="F`), []byte(`ID="X`), 1)
			fake = bytes.Replace(fake, []byte("</Documento>"), append(bytes.Clone(signed), "</Documento>"...), 1)
			return slices.Concat(xml[:from], fake, xml[to:])
		}), want: kept{Documents: "33/0 fail", Answers: "1"}},
		{name: "an ID twice", mails: replaced("<KeyInfo>", `<KeyInfo Id="SetDoc">`), want: kept{Documents: "33/0 pass", Answers: "1"}},
		{name: "a transform that picks", mails: replaced(`<Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315">`,
			`<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">`), want: forged},
		{name: "a comment in a value", mails: replaced("<MntTotal>1190<", "<MntTotal>11<!-- 0 -->90<"), want: kept{Documents: "33/0 pass", Answers: "0"}},
		{name: "a folio of zeros before", mails: func(a *author) [][]byte {
			return replaced(fmt.Sprintf("<Folio>%d<", a.folio), fmt.Sprintf("<Folio>000%d<", a.folio))(a)
		}, want: forged},
		{name: "zip bomb", large: true, mails: each(zipped(func(*author) []entry { return []entry{{"envio.xml", make([]byte, 80<<20)}} })), want: over},
		{name: "zip bomb of XML", large: true, mails: each(zipped(func(*author) []entry { return []entry{{"envio.xml", many(head, "<a/>", "", 15<<20)}} })), want: over},
		{name: "zip of 1,001 files", mails: each(zipped(func(*author) []entry { return slices.Repeat([]entry{{"a.xml", []byte("<a/>")}}, 1001) })), want: over},
		{name: "zips in zips", mails: each(func(a *author) attachment {
			return attachment{name: "a.zip", data: nested(a.t, 30, entry{"envio.xml", a.envelope()})}
		}), want: over},
		{name: "zip with a password", mails: each(func(a *author) attachment {
			return attachment{name: "a.zip", data: locked(archive(a.t, entry{"envio.xml", a.envelope()}))}
		}), want: kept{Quarantine: "encrypted"}},
		{name: "zip cut short", mails: each(func(a *author) attachment {
			whole := archive(a.t, entry{"envio.xml", a.envelope()})
			return attachment{name: "a.zip", data: whole[:len(whole)-40]}
		}), want: kept{Quarantine: "broken"}},
		{name: "mails in mails", mails: func(a *author) [][]byte { return [][]byte{forwarded(message("", invoiceFile(a)), 40)} }, want: over},
		{name: "2,000 parts", mails: func(a *author) [][]byte {
			return [][]byte{many("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n", "--x\r\n\r\na\r\n", "", 2000*len("--x\r\n\r\na\r\n"))}
		}, want: over},
		{name: "header of 4 MB", large: true, mails: func(a *author) [][]byte {
			return [][]byte{many("From: a@b.example\r\nSubject: x\r\n", " x\r\n", "\r\n<DTE/>", 4<<20)}
		}, want: kept{Quarantine: "no-xml"}},
	}
}
