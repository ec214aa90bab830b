package dte

import (
	"crypto/sha1" //nolint:gosec // the SII's signatures are RSA with SHA-1 (xmldsignature_v10.xsd)
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"timbre/shared/cert"
	"timbre/shared/format"
	"timbre/shared/xmldsig"
)

// Reasons why an order cannot be written.
var (
	ErrNoFolio = errors.New("dte: the order has no folio")
	ErrTED     = errors.New("dte: the TED is not text that can be put into a document")
	ErrForm    = errors.New("dte: unknown namespace form")
)

// TimeLayout is a date with time of the SII, without a zone (FechaHoraType).
const TimeLayout = "2006-01-02T15:04:05"

// buffers hold the canonical text while a document is written.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// Write makes the signed document: <DTE>…</DTE> in ISO-8859-1 without an XML declaration, as it is put
// verbatim into envelopes. The TED goes in as it is (ISO-8859-1, flat). TmstFirma is the wall clock of
// signedAt, which the caller gives in America/Santiago. The same arguments give the same bytes.
//
// The text arises in canonical form (UTF-8), so its SHA-1 is the digest of the signature; only then is
// it converted. Each element ends its line, as the SII's parser refuses lines of 4,090 bytes.
func Write(o *Order, ted []byte, signedAt time.Time, form NamespaceForm, id *cert.Identity) ([]byte, error) {
	if o.Folio() == 0 {
		return nil, ErrNoFolio
	}
	if !form.Valid() {
		return nil, fmt.Errorf("%w: %.20q", ErrForm, string(form))
	}
	buffer, _ := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	w := writer{out: (*buffer)[:0], ns: form.namespaces(), name: o.doc.Def.Name, id: o.documentID()}
	if err := w.content(o.doc, ted, signedAt.Format(TimeLayout)); err != nil {
		return nil, err
	}
	*buffer = w.out
	signature, err := xmldsig.Sign(id, w.digest(), "#"+w.id, w.ns)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", w.id, err)
	}
	return w.document(ted, signature), nil
}

// documentID is the ID attribute, unique within an envelope: type and folio are.
func (o *Order) documentID() string {
	return "F" + strconv.FormatInt(o.Folio(), 10) + "T" + o.typ.String()
}

type writer struct {
	out      []byte // canonical text of what stands between the start and the end tag
	from, to int    // where the TED is in it
	ns       xmldsig.Namespaces
	name, id string
}

// content writes the children. The TED follows all of them and TmstFirma ends the document, in each
// of the three roots (DTE_v10.xsd, EnvioBOLETA_v11.xsd).
func (w *writer) content(doc *format.Node, ted []byte, signedAt string) error {
	w.out = append(w.out, '\n')
	for _, k := range doc.Kids {
		w.out = appendElement(w.out, k)
	}
	w.from = len(w.out)
	var ok bool
	if w.out, ok = appendCanonicalTED(w.out, ted); !ok {
		return ErrTED
	}
	w.to = len(w.out)
	w.out = append(w.out, "\n<TmstFirma>"...)
	w.out = append(w.out, signedAt...)
	w.out = append(w.out, "</TmstFirma>\n"...)
	return nil
}

// digest is the SHA-1 of the signed element: its start tag as it is in canonical form, with the
// namespaces that it inherits from <DTE>, and the text that was written.
func (w *writer) digest() [sha1.Size]byte {
	h := sha1.New() //nolint:gosec // see the import
	h.Write([]byte("<" + w.name + w.ns.Attributes() + ` ID="` + w.id + `">`))
	h.Write(w.out)
	h.Write([]byte("</" + w.name + ">"))
	return [sha1.Size]byte(h.Sum(nil))
}

// document puts the bytes together.
func (w *writer) document(ted, signature []byte) []byte {
	out := make([]byte, 0, len(w.out)+len(ted)+len(signature)+300)
	out = append(out, "<DTE"+w.ns.Attributes()+` version="1.0">`+"\n<"+w.name+` ID="`+w.id+`">`...)
	out = appendLatin1(out, w.out[:w.from])
	out = append(out, ted...)
	out = appendLatin1(out, w.out[w.to:])
	out = append(out, "</"+w.name+">\n"...)
	out = append(out, signature...)
	return append(out, "\n</DTE>"...)
}

// appendElement writes an element in canonical form and ends its line.
func appendElement(b []byte, n *format.Node) []byte {
	b = append(append(append(b, '<'), n.Def.Name...), '>')
	if n.Def.Type != nil {
		b = xmldsig.AppendText(b, n.Text)
	} else {
		b = append(b, '\n')
		for _, k := range n.Kids {
			b = appendElement(b, k)
		}
	}
	b = append(append(append(b, "</"...), n.Def.Name...), ">\n"...)
	return b
}

// appendLatin1 converts text whose characters are all in ISO-8859-1, as the text pipeline left them.
func appendLatin1(b, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 0x80 { // U+0080 to U+00FF are two bytes, C2 or C3 and the rest
			i++
			c = c<<6 | text[i]&0x3F
		}
		b = append(b, c)
	}
	return b
}
