package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"timbre/shared/xmldsig"
)

// File is what somebody sent. What it says is not believed before Check.
type File struct {
	Kind Kind
	// Encoding is what the bytes were read in: UTF-8, ISO-8859-1, WINDOWS-1252 or US-ASCII.
	Encoding string
	// Misdeclared says that the file declares another encoding.
	Misdeclared bool
	// Envelope is the Caratula of an EnvioDTE or EnvioBOLETA, else nil.
	Envelope *Envelope
	// Documents are the DTEs, in order. An AEC lists the one that is ceded.
	Documents []*Document
	// Answer is what a RespuestaDTE or EnvioRecibos says, else nil.
	Answer *Answer

	text []byte
	doc  *xmldsig.Document
	set  *xmldsig.Node // what the outer signature covers; nil for a DTE
}

// Bounds of what is read (the project's study of hostile XML; a node costs about 150 bytes).
const (
	maxBytes     = 16 << 20
	maxNodes     = 500_000
	maxDocument  = 2 << 20
	maxDocuments = 2000 // EnvioDTE_v10.xsd, SetDTE/DTE maxOccurs
)

// limits lets pass envelopes of boletas with many short lines, as package envelope does.
var limits = xmldsig.Limits{Bytes: maxBytes, Nodes: maxNodes, NodesPerKB: 256}

// Read takes a file apart, which keeps text and must not be changed then. The error is a *Quarantine.
func Read(text []byte) (*File, error) {
	text = trim(text)
	doc, err := xmldsig.Parse(text, limits)
	if err != nil {
		return nil, quarantineOf(err)
	}
	f, err := take(text, doc)
	if err != nil {
		return nil, err
	}
	if f.Encoding == "UTF-8" || isASCII(text) || !utf8.Valid(text) {
		return f, nil
	}
	return f.orUTF8(text), nil
}

// orUTF8 reads once more a file whose bytes are UTF-8 although it declares another encoding. Some issuers signed what it
// declares, others what it is: the reading under which more signatures hold is the one they meant.
func (f *File) orUTF8(text []byte) *File {
	doc, err := xmldsig.ParseString(string(text), limits)
	if err != nil {
		return f
	}
	other, err := take(text, doc)
	if err != nil || other.holding() <= f.holding() {
		return f
	}
	other.Misdeclared = true
	return other
}

// holding counts the signatures that hold, by whatever key.
func (f *File) holding() int {
	count := 0
	for _, signed := range f.signed() {
		v, _ := xmldsig.Verify(xmldsig.SignatureOf(signed)) // with a weak certificate too there is a result
		if v != nil {
			count++
		}
	}
	return count
}

// signed are the elements that must be signed: the outer one, if there is, and each inner one.
func (f *File) signed() []*xmldsig.Node {
	var all []*xmldsig.Node
	if f.set != nil {
		all = append(all, f.set)
	}
	for _, d := range f.Documents {
		if d.content != nil {
			all = append(all, d.content)
		}
	}
	return append(all, f.inner()...)
}

// inner are signed elements that are no documents: receipts, and the steps of a cession.
func (f *File) inner() []*xmldsig.Node {
	var all []*xmldsig.Node
	switch f.Kind {
	case EnvioRecibos:
		for e := range f.set.Elements() {
			all = appendPresent(all, e.Child("DocumentoRecibo"))
		}
	case AEC:
		for e := range f.set.Child("Cesiones").Elements() {
			all = appendPresent(all, e.Child("DocumentoDTECedido"))
			all = appendPresent(all, e.Child("DocumentoCesion"))
		}
	}
	return all
}

func appendPresent(all []*xmldsig.Node, n *xmldsig.Node) []*xmldsig.Node {
	if n == nil {
		return all
	}
	return append(all, n)
}

// take finds what a document holds; text is what it was read from.
func take(text []byte, doc *xmldsig.Document) (*File, error) {
	k, known := kindOf(doc.Root())
	if !known {
		reason := fmt.Sprintf("la raíz «%s» no es de ningún archivo que se intercambie", clip(doc.Root().Local))
		return nil, &Quarantine{Code: OtherRoot, Reason: reason}
	}
	f := &File{Kind: k, text: text, doc: doc, Encoding: doc.Encoding, Misdeclared: doc.Misdeclared}
	f.set = doc.Root().Child(signedBy[k])
	if err := f.takeDocuments(); err != nil {
		return nil, err
	}
	switch {
	case k.IsEnvelope():
		f.Envelope = readEnvelope(f.set)
	case k == RespuestaDTE || k == EnvioRecibos:
		f.Answer = readAnswer(k, f.set)
	}
	return f, nil
}

// takeDocuments cuts out every DTE where the kind has its documents.
func (f *File) takeDocuments() error {
	root := f.doc.Root()
	switch {
	case f.Kind == DTE:
		f.Documents = append(f.Documents, f.document(root))
	case f.Kind == AEC:
		if e := root.At("DocumentoAEC", "Cesiones", "DTECedido", "DocumentoDTECedido", "DTE"); e != nil {
			f.Documents = append(f.Documents, f.document(e))
		}
	case f.Kind.IsEnvelope():
		return f.takeEnvelope()
	}
	return f.measure()
}

func (f *File) takeEnvelope() error {
	for e := range f.set.Elements() {
		if e.Local != "DTE" {
			continue
		}
		if len(f.Documents) == maxDocuments {
			return &Quarantine{Code: OverLimit, Reason: fmt.Sprintf("el envío trae más de %d documentos", maxDocuments)}
		}
		f.Documents = append(f.Documents, f.document(e))
	}
	if len(f.Documents) == 0 {
		return &Quarantine{Code: NoDocument, Reason: "el envío no trae ningún documento"}
	}
	return f.measure()
}

func (f *File) measure() error {
	for _, d := range f.Documents {
		if len(d.Bytes) > maxDocument {
			return &Quarantine{Code: OverLimit, Reason: fmt.Sprintf("un documento de más de %d MB", maxDocument>>20)}
		}
	}
	return nil
}

// errNoSet says that an envelope lacks what its signature covers.
var errNoSet = errors.New("exchange: nothing that is signed")

// trim takes away blanks and the ends that mail and old editors put around a file.
func trim(text []byte) []byte {
	return bytes.TrimRight(bytes.TrimLeft(text, " \t\r\n"), " \t\r\n\x00\x1A")
}

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// clip keeps hostile names out of texts.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
