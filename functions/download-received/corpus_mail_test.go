package downloadreceived_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timbre/emulators/sii/supplier"
	"timbre/shared/golden"
	"timbre/shared/mailbox/parts"
)

// author writes the mails of one case of the corpus; its folios are its own.
type author struct {
	t     *testing.T
	folio int
	// letter writes the mails of one of the supplier's oddities.
	letter func(t *testing.T, name string, folio int) supplier.Letter
}

// written is what a case puts into the mailbox.
type written func(a *author) [][]byte

// odd is one of the supplier's oddities.
func odd(name string) written {
	return func(a *author) [][]byte { return a.letter(a.t, name, a.folio).Mails }
}

// each is one mail with these attachments.
func each(files ...func(a *author) attachment) written {
	return func(a *author) [][]byte {
		all := make([]attachment, len(files))
		for i, f := range files {
			all[i] = f(a)
		}
		return [][]byte{message("", all...)}
	}
}

// one is a mail with the supplier's envelope, changed.
func one(change func(a *author, xml []byte) []byte) written {
	return each(func(a *author) attachment { return attachment{name: "envio.xml", data: change(a, a.envelope())} })
}

// raw is a mail to the letter; lines end with LF in the source.
func raw(text string) written {
	return func(*author) [][]byte { return [][]byte{[]byte(strings.ReplaceAll(text, "\n", "\r\n"))} }
}

// twice is a case's mails, delivered twice.
func twice(w written) written {
	return func(a *author) [][]byte { all := w(a); return append(all, all...) }
}

// envelope is the XML of an invoice to the buyer.
func (a *author) envelope() []byte { return a.xmlOf("plain") }

// xmlOf is the first XML of an oddity.
func (a *author) xmlOf(name string) []byte {
	a.t.Helper()
	var found []byte
	_, err := parts.Walk(a.letter(a.t, name, a.folio).Mails[0], parts.Limits{}, func(f parts.File) error {
		if found == nil {
			found = f.Content
		}
		return nil
	})
	if err != nil || found == nil {
		a.t.Fatalf("%s: no XML: %v", name, err)
	}
	return found
}

// replaced changes the envelope's text once.
func replaced(from, to string) written {
	return one(func(a *author, xml []byte) []byte {
		if !bytes.Contains(xml, []byte(from)) {
			a.t.Fatalf("%q does not occur", from)
		}
		return bytes.Replace(xml, []byte(from), []byte(to), 1)
	})
}

// sample is a real file as an attachment.
func sample(path string) func(a *author) attachment {
	return func(a *author) attachment {
		a.t.Helper()
		data, err := os.ReadFile(golden.Reference(a.t, "sii", "samples", filepath.FromSlash(path)))
		if err != nil {
			a.t.Fatal(err)
		}
		return attachment{name: filepath.Base(path), data: data}
	}
}

// file is an attachment of these bytes.
func file(name, text string) func(a *author) attachment {
	return func(*author) attachment { return attachment{name: name, data: []byte(text)} }
}

// invoiceFile is the supplier's envelope.
func invoiceFile(a *author) attachment { return attachment{name: "envio.xml", data: a.envelope()} }

// attachment is a part of a mail, in base64.
type attachment struct {
	name, kind string
	data       []byte
}

// message is a mail of a person with attachments. Extra header lines end with CR LF.
func message(extra string, files ...attachment) []byte {
	var b bytes.Buffer
	b.WriteString("From: Ventas <ventas@proveedor.example>\r\nTo: dte@empresa.example\r\nSubject: Factura\r\n" + extra +
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"corpus\"\r\n\r\n--corpus\r\nContent-Type: text/plain\r\n\r\nAdjunto.\r\n")
	for _, f := range files {
		kind := f.kind
		if kind == "" {
			kind = "application/octet-stream"
		}
		fmt.Fprintf(&b, "--corpus\r\nContent-Type: %s\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", kind, f.name)
		b.WriteString(lines(base64.StdEncoding.EncodeToString(f.data)))
	}
	b.WriteString("--corpus--\r\n")
	return b.Bytes()
}

// lines breaks base64 as mails do.
func lines(text string) string {
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.String()
}

// entry is a file of an archive.
type entry struct {
	name string
	data []byte
}

// zipped is an attachment that is an archive.
func zipped(entries func(a *author) []entry) func(a *author) attachment {
	return func(a *author) attachment { return attachment{name: "dte.zip", data: archive(a.t, entries(a)...)} }
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.Create(e.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// nested is an archive in so many others.
func nested(t *testing.T, depth int, inner entry) []byte {
	t.Helper()
	data := archive(t, inner)
	for range depth {
		data = archive(t, entry{"a.zip", data})
	}
	return data
}

// locked sets the flag of encryption on the first file of an archive.
func locked(zip []byte) []byte {
	for sign, flags := range map[string]int{"PK\x03\x04": 6, "PK\x01\x02": 8} {
		zip[bytes.Index(zip, []byte(sign))+flags] |= 1
	}
	return zip
}

// many repeats a piece between a head and a tail, up to a size.
func many(head, piece, tail string, size int) []byte {
	return []byte(head + strings.Repeat(piece, size/len(piece)) + tail)
}

// forwarded is a mail in others.
func forwarded(raw []byte, depth int) []byte {
	for range depth {
		raw = append([]byte("From: ventas@proveedor.example\r\nSubject: Fwd\r\nContent-Type: message/rfc822\r\n\r\n"), raw...)
	}
	return raw
}

// utf16 is a text of ASCII in UTF-16.
func utf16(text []byte) []byte {
	out := []byte{0xFF, 0xFE}
	for _, b := range text {
		out = append(out, b, 0)
	}
	return out
}

// documentOf is <DTE>…</DTE> of an envelope.
func documentOf(a *author, envelope []byte) []byte {
	from, to := bytes.Index(envelope, []byte("<DTE")), bytes.Index(envelope, []byte("</DTE>"))
	if from < 0 || to < from {
		a.t.Fatal("no document in the envelope")
	}
	return envelope[from : to+len("</DTE>")]
}
