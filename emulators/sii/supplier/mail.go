package supplier

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"timbre/emulators/sii/authority"
)

// writer collects the mails of a letter; its first error stops it.
type writer struct {
	bot                *Bot
	order              Order
	customer, stranger authority.Company
	mails              [][]byte
	documents          []Document
	issued             map[string]Document // all, by their DTE
	envelopes          []Envelope
	used               int // folios
	err                error
}

// part is an attachment, or a text without a file name.
type part struct {
	kind, file string
	data       []byte
	raw        bool // as it is, not in base64
}

// dte signs an invoice; only those of the customer count as brought.
func (w *writer) dte(to authority.Company) string {
	text, d, err := w.bot.dte(to, w.order, w.order.Folio+w.used)
	w.used++
	w.fail(err)
	if w.issued == nil {
		w.issued = map[string]Document{}
	}
	w.issued[text] = d
	if to.RUT == w.customer.RUT {
		w.documents = append(w.documents, d)
	}
	return text
}

// invoice is an envelope with one invoice of the customer.
func (w *writer) invoice() string { return w.envelope(w.customer.RUT, w.dte(w.customer)) }

func (w *writer) envelope(receiver string, dtes ...string) string {
	text, err := w.bot.envelope(receiver, w.order, dtes...)
	w.fail(err)
	e := Envelope{ID: "SetDoc", Receiver: receiver, Customer: w.customer.RUT}
	for _, dte := range dtes {
		e.Documents = append(e.Documents, w.issued[dte])
	}
	if digests := digestValue.FindAllStringSubmatch(text, -1); len(digests) > 0 {
		e.Digest = digests[len(digests)-1][1]
	}
	w.envelopes = append(w.envelopes, e)
	return text
}

var digestValue = regexp.MustCompile(`<DigestValue>([^<]*)</DigestValue>`)

// expect shares the answers among the envelopes: all to the only one, or one to each.
func (w *writer) expect(answers []int) []Envelope {
	for i := range w.envelopes {
		switch {
		case len(w.envelopes) == 1:
			w.envelopes[i].Want = answers
		case i < len(answers):
			w.envelopes[i].Want = answers[i : i+1]
		}
	}
	return w.envelopes
}

func (w *writer) from() string { return cmp.Or(w.order.From, DefaultFrom) }

func (w *writer) latin1(text string) []byte {
	data, err := latin1(text)
	w.fail(err)
	return data
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// file is an XML attachment under a usual name.
func (w *writer) file(text string) part {
	return part{kind: "text/xml", file: "EnvioDTE.xml", data: w.latin1(text)}
}

// send adds a mail with a note and attachments.
func (w *writer) send(parts ...part) {
	note := part{kind: "text/plain; charset=utf-8", data: []byte("Adjuntamos documento tributario.\r\n"), raw: true}
	w.mails = append(w.mails, w.mail("multipart/mixed", "", append([]part{note}, parts...)))
}

// mail writes a whole mail of several parts. Extra headers end with CR LF.
func (w *writer) mail(kind, extra string, parts []part) []byte {
	boundary := fmt.Sprintf("=_timbre_%d_%d", w.order.Folio, len(w.mails))
	var b bytes.Buffer
	b.WriteString(w.header(extra) + "Content-Type: " + kind + "; boundary=\"" + boundary + "\"\r\n\r\n")
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n")
		p.write(&b)
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes()
}

func (w *writer) header(extra string) string {
	id := ""
	if !strings.Contains(extra, "Message-ID:") {
		id = fmt.Sprintf("Message-ID: <%d.%d@proveedor.example>\r\n", w.order.Folio, len(w.mails))
	}
	return "From: Facturador <" + w.from() + ">\r\nTo: " + w.order.To + "\r\nSubject: Envio de DTE\r\nDate: " + w.order.At.Format("Mon, 02 Jan 2006 15:04:05 -0700") +
		"\r\n" + id + extra + "MIME-Version: 1.0\r\n"
}

func (p part) write(b *bytes.Buffer) {
	b.WriteString("Content-Type: " + p.kind + "\r\n")
	if p.file != "" {
		b.WriteString("Content-Disposition: attachment; filename=\"" + p.file + "\"\r\n")
	}
	if p.raw {
		b.WriteString("\r\n")
		b.Write(p.data)
		b.WriteString("\r\n")
		return
	}
	b.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
	text := base64.StdEncoding.EncodeToString(p.data)
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
}

// zipped packs one file.
func (w *writer) zipped(name string, data []byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(name)
	w.fail(err)
	if err == nil {
		_, err = f.Write(data)
		w.fail(err)
	}
	w.fail(z.Close())
	return b.Bytes()
}
