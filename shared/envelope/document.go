package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// Document is one signed DTE.
type Document struct {
	Type   dte.Type
	Folio  int64
	Issuer rut.RUT
	Bytes  []byte // <DTE>…</DTE> as written
}

// limits lets an envelope of boletas with a thousand short lines each pass; everything in it was made here.
var limits = xmldsig.Limits{Bytes: MaxBytes, NodesPerKB: 256}

// trim is the element <DTE> of a document's file: without XML declaration and the blanks around.
func trim(document []byte) []byte {
	document = bytes.TrimSpace(document)
	if bytes.HasPrefix(document, []byte("<?xml")) {
		if _, rest, found := bytes.Cut(document, []byte("?>")); found {
			document = bytes.TrimSpace(rest)
		}
	}
	return document
}

// peek finds the type by the text alone, to count documents before any is read; readInSet must agree with it.
func peek(document []byte) (dte.Type, error) {
	_, rest, _ := bytes.Cut(document, []byte("<TipoDTE>"))
	code, _, found := bytes.Cut(rest, []byte("<"))
	if !found {
		return 0, fmt.Errorf("%w: no TipoDTE", ErrDocument)
	}
	t, err := dte.ParseType(string(code))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return t, nil
}

// What readInSet puts around a document, and the canonical form of the nearer half.
var (
	setHead      = []byte(declaration + "<EnvioDTE" + xmldsig.Both.Attributes() + "><SetDTE>")
	setTail      = []byte("</SetDTE></EnvioDTE>")
	setCanonical = "<SetDTE" + xmldsig.Both.Attributes() + ">"
)

// readInSet reads a document as it will stand in an envelope, and its canonical form there: <DTE> without the namespaces
// that the envelope declares already.
func readInSet(document []byte) (Document, []byte, error) {
	parsed, err := xmldsig.Parse(bytes.Join([][]byte{setHead, document, setTail}, nil), limits)
	if err != nil {
		return Document{}, nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	set := parsed.Root().Child("SetDTE")
	element := set.Child("DTE")
	start, end := element.Range()
	if start != len(setHead) || end != len(setHead)+len(document) {
		return Document{}, nil, fmt.Errorf("%w: not exactly one element DTE", ErrDocument)
	}
	d, err := readDocument(element)
	if err != nil {
		return Document{}, nil, err
	}
	canonical := set.Canonical()
	return d, canonical[len(setCanonical) : len(canonical)-len("</SetDTE>")], nil
}

// readDocument takes what the envelope must know from a DTE.
func readDocument(element *xmldsig.Node) (Document, error) {
	content := signedOf(element)
	id := content.At("Encabezado", "IdDoc")
	t, typeErr := dte.ParseType(id.Child("TipoDTE").Text())
	folio, folioErr := strconv.ParseInt(id.Child("Folio").Text(), 10, 64)
	issuer, issuerErr := rut.Parse(content.At("Encabezado", "Emisor", "RUTEmisor").Text())
	if err := errors.Join(typeErr, folioErr, issuerErr); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if xmldsig.SignatureOf(content) == nil {
		return Document{}, fmt.Errorf("%w: not signed", ErrDocument)
	}
	return Document{Type: t, Folio: folio, Issuer: issuer, Bytes: element.Source()}, nil
}

// signedOf is Documento, Liquidacion or Exportaciones: the first element.
func signedOf(element *xmldsig.Node) *xmldsig.Node {
	for content := range element.Elements() {
		return content
	}
	return nil
}

// isSII tells whether n is this element of the SII's namespace.
func isSII(n *xmldsig.Node, local string) bool {
	return n != nil && n.Local == local && n.Space == xmldsig.NamespaceSII
}

// Documents cuts every <DTE>…</DTE> out of an envelope of whatever origin, in the encoding of the envelope. Nothing is
// verified.
func Documents(envelope []byte) ([][]byte, error) {
	parsed, err := xmldsig.Parse(envelope, xmldsig.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	var all [][]byte
	for n := range parsed.Root().All() {
		if n.Local == "DTE" && (n.Parent == nil || n.Parent.Local != "DTE") {
			all = append(all, n.Source())
		}
	}
	return all, nil
}
