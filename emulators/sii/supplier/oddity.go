package supplier

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// Kinds of what a letter brings, by the root of its XML.
const (
	Envio      = "EnvioDTE"
	Bare       = "DTE"
	Result     = "RESULTADO_ENVIO"
	Reply      = "RespuestaDTE"
	Receipts   = "EnvioRecibos"
	Nothing    = ""           // no candidate at all
	Quarantine = "quarantine" // XML that cannot be read safely
)

// What an honest check of the DTEs' signatures finds.
const (
	Valid   = "valid"   // of a DTE cut out of its envelope, the SII's namespace put back where it is missing
	Recoded = "recoded" // only when the bytes are read in their true encoding
	Broken  = "broken"
	Unasked = "" // no DTE
)

// Outcome is what a good receiver makes of a letter.
type Outcome struct {
	Kind      string `json:"kind"`
	Documents int    `json:"documents"` // new documents of the customer in its register
	Variants  int    `json:"variants"`  // different bytes of them that are kept
	Signature string `json:"signature"` // of the first variant
	Answers   []int  `json:"answers"`   // EstadoRecepEnv of each technical answer, in order (WEBSERVICES §9.3); none: stay silent
}

// Oddity is one way of mailing documents.
type Oddity struct {
	Name  string  `json:"name"`
	Want  Outcome `json:"want"`
	write func(*writer)
}

func brings(answers ...int) Outcome {
	return Outcome{Kind: Envio, Documents: 1, Variants: 1, Signature: Valid, Answers: answers}
}

func silent(kind string) Outcome { return Outcome{Kind: kind} }

// attached is an invoice's envelope under a name and a type.
func attached(name, file, kind string) Oddity {
	return Oddity{name, brings(0), func(w *writer) { w.send(part{kind: kind, file: file, data: w.latin1(w.invoice())}) }}
}

// Oddities is the table; each phrase of WEBSERVICES §9.2 has its rows.
func Oddities() []Oddity { return slices.Concat(names(), wraps(), texts(), contents(), noise()) }

// names: "XML named anything", "MIME application/octet-stream, text/xml, text/plain".
func names() []Oddity {
	return []Oddity{
		attached("plain", "EnvioDTE.xml", "text/xml"),
		attached("application/xml", "EnvioDTE.xml", "application/xml"),
		attached("upper-case extension", "ENVIO.XML", "application/octet-stream"),
		attached("double extension", "DTE_33_123.xml.xml", "application/octet-stream"),
		attached("odd name", "Archivo_Intercambio.dat", "application/octet-stream"),
		attached("text/plain", "EnvioDTE.xml", "text/plain"),
		attached("no name", "", "text/xml"),
	}
}

// wraps: "PDF + XML", "inside forwarded message/rfc822 or a ZIP", "the same
// EnvioDTE sent several times", "mails over 10 MB".
func wraps() []Oddity {
	return []Oddity{
		{"PDF and XML", brings(0), func(w *writer) { w.send(pdf(100), w.file(w.invoice())) }},
		{"over 10 MB", brings(0), func(w *writer) { w.send(pdf(9<<20), w.file(w.invoice())) }},
		{"forwarded", brings(0), func(w *writer) {
			inner := w.mail("multipart/mixed", "Message-ID: <original@otro.example>\r\n", []part{w.file(w.invoice())})
			w.send(part{kind: "message/rfc822", data: inner, raw: true})
		}},
		{"zip", brings(0), func(w *writer) {
			w.send(part{kind: "application/zip", file: "dte.zip", data: w.zipped("envio.xml", w.latin1(w.invoice()))})
		}},
		{"sent twice", brings(0), func(w *writer) {
			file := w.file(w.invoice())
			w.send(file)
			w.send(file)
		}},
		{"forwarded besides", brings(0), func(w *writer) {
			file := w.file(w.invoice())
			w.send(file)
			w.send(part{kind: "message/rfc822", data: w.mails[0], raw: true})
		}},
		{"Message-ID used twice", Outcome{Envio, 2, 2, Valid, []int{0, 0}}, func(w *writer) {
			for range 2 {
				w.mails = append(w.mails, w.mail("multipart/mixed", "Message-ID: <lote@proveedor.example>\r\n", []part{w.file(w.invoice())}))
			}
		}},
	}
}

func pdf(size int) part {
	return part{kind: "application/pdf", file: "factura.pdf", data: append([]byte("%PDF-1.4\n"), bytes.Repeat([]byte("0"), size)...)}
}

// texts: "UTF-8 bytes under an ISO-8859-1 prolog and vice versa, BOM",
// "re-indented files", "namespace missing".
func texts() []Oddity {
	recoded := Outcome{Envio, 1, 1, Recoded, []int{0}}
	xml := func(w *writer, data []byte) { w.send(part{kind: "text/xml", file: "envio.xml", data: data}) }
	declare := func(text, encoding string) string { return strings.Replace(text, "ISO-8859-1", encoding, 1) }
	return []Oddity{
		{"UTF-8 called ISO-8859-1", recoded, func(w *writer) { xml(w, []byte(w.invoice())) }},
		{"ISO-8859-1 called UTF-8", recoded, func(w *writer) { xml(w, w.latin1(declare(w.invoice(), "UTF-8"))) }},
		{"UTF-8 with BOM", brings(0), func(w *writer) { xml(w, []byte("\ufeff"+declare(w.invoice(), "UTF-8"))) }},
		{"windows-1252", brings(0), func(w *writer) {
			data, err := charmap.Windows1252.NewEncoder().Bytes([]byte(declare(w.invoice(), "windows-1252")))
			w.fail(err)
			xml(w, data)
		}},
		{"re-indented", Outcome{Envio, 1, 1, Broken, []int{2}}, func(w *writer) { xml(w, w.latin1(strings.ReplaceAll(w.invoice(), ">\n<", ">\n\t<"))) }},
		{"namespace missing", brings(1), func(w *writer) { xml(w, w.latin1(strings.ReplaceAll(w.invoice(), " "+nsSII, ""))) }},
		{"cut short", Outcome{Kind: Quarantine, Answers: []int{91}}, func(w *writer) {
			data := w.latin1(w.envelope(w.customer.RUT, w.dte(w.stranger)))
			xml(w, data[:len(data)-200])
		}},
		{"entities", Outcome{Kind: Quarantine, Answers: []int{91}}, func(w *writer) {
			text := strings.Replace(w.envelope(w.customer.RUT, w.dte(w.stranger)), prolog, prolog+`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`+"\n", 1)
			xml(w, w.latin1(strings.Replace(text, "Pan de", "&b;", 1)))
		}},
	}
}

// contents: "a bare <DTE> without envelope", "envelopes addressed to RUT
// 60803000-K", "several receptors in one envelope", other bytes of a known key.
func contents() []Oddity {
	return []Oddity{
		{"bare DTE", Outcome{Bare, 1, 1, Valid, nil}, func(w *writer) { w.send(w.file(prolog + w.dte(w.customer))) }},
		{"three documents", Outcome{Envio, 3, 3, Valid, []int{0}}, func(w *writer) {
			w.send(w.file(w.envelope(w.customer.RUT, w.dte(w.customer), w.dte(w.customer), w.dte(w.customer))))
		}},
		{"the SII's copy", brings(3), func(w *writer) { w.send(w.file(w.envelope("60803000-K", w.dte(w.customer)))) }},
		{"several receivers", brings(0), func(w *writer) {
			w.send(w.file(w.envelope(w.customer.RUT, w.dte(w.customer), w.dte(w.stranger))))
		}},
		{"another's envelope", Outcome{Kind: Envio, Answers: []int{3}}, func(w *writer) {
			w.send(w.file(w.envelope(w.stranger.RUT, w.dte(w.stranger))))
		}},
		{"amount changed later", Outcome{Envio, 1, 2, Valid, []int{0, 2}}, func(w *writer) {
			text := w.invoice()
			w.send(w.file(text))
			w.send(w.file(strings.Replace(text, "<MntTotal>1190<", "<MntTotal>9190<", 1)))
		}},
	}
}

// noise: "DSN/out-of-office; the SII's own DTEMAIL; answers to us".
func noise() []Oddity {
	root := func(text string) func(*writer) {
		return func(w *writer) { w.send(w.file(prolog + text)) }
	}
	return []Oddity{
		{"delivery failed", silent(Nothing), func(w *writer) {
			report := part{kind: "message/delivery-status", data: []byte("Reporting-MTA: dns; proveedor.example\r\n\r\nFinal-Recipient: rfc822; x@y.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"), raw: true}
			w.mails = append(w.mails, w.mail("multipart/report; report-type=delivery-status", "Auto-Submitted: auto-replied\r\n", []part{report}))
		}},
		{"out of office", silent(Nothing), func(w *writer) {
			w.mails = append(w.mails, []byte(w.header("Auto-Submitted: auto-replied\r\n")+"Content-Type: text/plain\r\n\r\nEstoy de vacaciones.\r\n"))
		}},
		{"result mail", silent(Result), root(`<RESULTADO_ENVIO><IDENTIFICACION><TRACKID>1</TRACKID></IDENTIFICACION></RESULTADO_ENVIO>`)},
		{"answer", silent(Reply), root(`<RespuestaDTE ` + nsSII + ` version="1.0"><Resultado ID="R"></Resultado></RespuestaDTE>`)},
		{"receipts", silent(Receipts), root(`<EnvioRecibos ` + nsSII + ` version="1.0"><SetRecibos ID="R"></SetRecibos></EnvioRecibos>`)},
	}
}
