package envelope

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the SII's signatures are RSA with SHA-1 (xmldsignature_v10.xsd)
	"errors"
	"fmt"
	"hash"
	"time"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/xmldsig"
)

// Reasons why an envelope is not written, or not believed when read back.
var (
	ErrEmpty     = errors.New("envelope: no documents")
	ErrTooMany   = errors.New("envelope: more documents than the schema allows")
	ErrTooLarge  = errors.New("envelope: larger than MaxBytes")
	ErrMixed     = errors.New("envelope: boletas travel apart from other documents")
	ErrIssuer    = errors.New("envelope: a document is of another issuer")
	ErrDuplicate = errors.New("envelope: a document stands twice")
	ErrDocument  = errors.New("envelope: not a signed DTE")
	ErrSetID     = errors.New("envelope: the ID of SetDTE is no XML name")
	ErrForm      = errors.New("envelope: not of the form that the SII takes")
	ErrSchema    = errors.New("envelope: not valid by its schema")
	ErrLine      = errors.New("envelope: a line is too long for the SII")
	ErrSubtotals = errors.New("envelope: SubTotDTE is not the number of documents")
	ErrSender    = errors.New("envelope: RutEnvia is not who signed")
)

// Write makes an envelope of signed documents, given as the bytes of <DTE> with or without an XML declaration, in
// ISO-8859-1. TmstFirmaEnv is the wall clock of at, which the caller gives in America/Santiago. The result was read back by Verify.
func Write(c Caratula, documents [][]byte, signer *cert.Identity, at time.Time, setID string) ([]byte, error) {
	if err := signer.Check(at); err != nil {
		return nil, fmt.Errorf("write envelope: %w", err)
	}
	if !isName(setID) {
		return nil, fmt.Errorf("write envelope: %w: %.40q", ErrSetID, setID)
	}
	p, err := plan(documents)
	if err != nil {
		return nil, fmt.Errorf("write envelope: %w", err)
	}
	w := &writer{out: make([]byte, 0, p.size), digest: sha1.New()} //nolint:gosec // see the import
	if err := w.write(p, c.appendXML(nil, signer.RUT, at, p.subtotals), signer, setID); err != nil {
		return nil, fmt.Errorf("write envelope: %w", err)
	}
	e, err := Verify(w.out)
	if err != nil {
		return nil, fmt.Errorf("read back the envelope: %w", err)
	}
	if !bytes.Equal(e.Certificate.Raw, signer.Certificate.Raw) {
		return nil, fmt.Errorf("read back the envelope: %w", ErrSender)
	}
	return w.out, nil
}

// isName tells whether s can be an xs:ID here; a subset of what XML allows.
func isName(s string) bool {
	for i := range len(s) {
		letter := 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z' || s[i] == '_'
		other := '0' <= s[i] && s[i] <= '9' || s[i] == '-' || s[i] == '.'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != "" && len(s) <= 80
}

// planned is what must be known before the Caratula is written.
type planned struct {
	kind      kind
	documents [][]byte
	types     []dte.Type
	subtotals []Subtotal
	size      int
}

// MaxBytes bounds an envelope with its documents. The SII publishes no limit (its upload answers STATUS 2 beyond it).
const MaxBytes = 16 << 20

// extra is room for all that is no document: prolog, Caratula, Signature with its certificate.
const extra = 16 << 10

func plan(documents [][]byte) (*planned, error) {
	if len(documents) == 0 {
		return nil, ErrEmpty
	}
	p := &planned{size: extra}
	for i, document := range documents {
		document = trim(document)
		t, err := peek(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		if i == 0 {
			p.kind = kindOf(t)
		}
		if p.kind != kindOf(t) {
			return nil, fmt.Errorf("document %d: %w", i+1, ErrMixed)
		}
		p.documents, p.types = append(p.documents, document), append(p.types, t)
		p.subtotals = add(p.subtotals, t)
		p.size += len(document) + 1
	}
	switch {
	case len(documents) > p.kind.max:
		return nil, fmt.Errorf("%w: %d", ErrTooMany, len(documents))
	case p.size > MaxBytes:
		return nil, fmt.Errorf("%w: %d", ErrTooLarge, p.size)
	}
	return p, nil
}

// writer holds the one copy of the text, and the digest of the canonical form of its SetDTE.
type writer struct {
	out    []byte
	digest hash.Hash
}

func (w *writer) write(p *planned, caratula []byte, signer *cert.Identity, setID string) error {
	id := ` ID="` + setID + `">` + "\n"
	w.out = append(w.out, p.kind.prolog()...)
	w.out = append(w.out, "<SetDTE"+id...)
	w.digest.Write([]byte("<SetDTE" + xmldsig.Both.Attributes() + id))
	w.signed(string(caratula))
	for i, document := range p.documents {
		if err := w.document(document, p.types[i]); err != nil {
			return fmt.Errorf("document %d: %w", i+1, err)
		}
	}
	w.signed("</SetDTE>")
	signature, err := xmldsig.Sign(signer, [sha1.Size]byte(w.digest.Sum(nil)), "#"+setID, xmldsig.Both)
	if err != nil {
		return err
	}
	w.out = append(append(append(w.out, '\n'), signature...), "\n</"+p.kind.root+">"...)
	return nil
}

// signed writes text that is its own canonical form.
func (w *writer) signed(text string) {
	w.out = append(w.out, text...)
	w.digest.Write([]byte(text))
}

// document copies the bytes and digests their canonical form.
func (w *writer) document(document []byte, peeked dte.Type) error {
	d, canonical, err := readInSet(document)
	if err != nil {
		return err
	}
	if d.Type != peeked {
		return fmt.Errorf("%w: TipoDTE twice", ErrDocument)
	}
	w.out = append(w.out, document...)
	w.digest.Write(canonical)
	w.signed("\n")
	return nil
}
