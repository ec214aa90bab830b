package envelope

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/format"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// Envelope is what a verified envelope says.
type Envelope struct {
	Caratula
	Sender rut.RUT // RutEnvia
	// SignedAt is TmstFirmaEnv as a wall clock: local time of Chile, here with the zone UTC.
	SignedAt  time.Time
	Subtotals []Subtotal
	Documents []Document
	// Certificate is the one in the envelope's signature, by whose key it verifies. A signature does not cover its own
	// certificate: who knows the signer compares Certificate.Raw.
	Certificate *cert.Certificate
}

// maxLine is where the SII's reader gives up a line (CHR-00002 Line too long).
const maxLine = 4090

// Verify reads an envelope of this product back from its finished bytes: prolog, lines, the signature of SetDTE where it
// stands, that of each DTE cut out (and where it stands, if it declares both namespaces), issuer, subtotals, schema. It answers only what is signed.
func Verify(text []byte) (*Envelope, error) {
	parsed, err := xmldsig.Parse(text, limits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	k, err := kindOfRoot(parsed.Root())
	if err != nil {
		return nil, err
	}
	if err := checkText(text, k); err != nil {
		return nil, err
	}
	set, err := verifySet(parsed)
	if err != nil {
		return nil, err
	}
	e, err := readSet(set, k)
	if err != nil {
		return nil, err
	}
	if found := format.Validate(format.Root(k.root), parsed.Root(), k.root); len(found) > 0 {
		return nil, &SchemaError{found}
	}
	return e, nil
}

// SchemaError lists in what an envelope departs from its schema.
type SchemaError struct{ Findings []format.Finding }

func (e *SchemaError) Error() string {
	first := e.Findings[0]
	return fmt.Sprintf("%v: %d faults, first %s: %s", ErrSchema, len(e.Findings), first.Path, first.Code)
}

// Unwrap is ErrSchema.
func (e *SchemaError) Unwrap() error { return ErrSchema }

// checkText checks what the SII checks before it reads XML (FORMATS 3.1 and 3.3).
func checkText(text []byte, k kind) error {
	if !bytes.HasPrefix(text, []byte(k.prolog())) {
		return fmt.Errorf("%w: first two lines", ErrForm)
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if len(line) > maxLine {
			return fmt.Errorf("%w: line %d has %d bytes", ErrLine, number, len(line))
		}
	}
	return nil
}

func verifySet(parsed *xmldsig.Document) (*xmldsig.Verified, error) {
	set := parsed.Root().Child("SetDTE")
	signature := xmldsig.SignatureOf(set)
	if !isSII(set, "SetDTE") || signature == nil {
		return nil, fmt.Errorf("%w: no signed SetDTE", ErrForm)
	}
	v, err := xmldsig.Verify(signature, xmldsig.InPlace)
	if err != nil {
		return nil, fmt.Errorf("signature of SetDTE: %w", err)
	}
	return v, nil
}

// readSet reads Caratula and documents of a signed SetDTE and compares them.
func readSet(set *xmldsig.Verified, k kind) (*Envelope, error) {
	e := &Envelope{Certificate: set.Certificate}
	first := true
	for n := range set.Signed.Elements() {
		if first {
			if err := e.readCaratula(n); err != nil {
				return nil, err
			}
			first = false
			continue
		}
		d, err := verifyDocument(n)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", len(e.Documents)+1, err)
		}
		e.Documents = append(e.Documents, d)
	}
	if signer := e.Certificate.RUT; !signer.IsZero() && signer != e.Sender {
		return nil, fmt.Errorf("%w: %s is not %s", ErrSender, e.Sender, signer)
	}
	if err := e.check(k); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Envelope) readCaratula(n *xmldsig.Node) error {
	if !isSII(n, "Caratula") {
		return fmt.Errorf("%w: no Caratula", ErrForm)
	}
	return e.read(n)
}

// verifyDocument checks the signature of one DTE.
func verifyDocument(n *xmldsig.Node) (Document, error) {
	if !isSII(n, "DTE") {
		return Document{}, fmt.Errorf("%w: element %.40q", ErrDocument, n.Local)
	}
	d, err := readDocument(n)
	if err != nil {
		return Document{}, err
	}
	contexts := []xmldsig.Context{xmldsig.CutOut}
	if tag, _, _ := bytes.Cut(d.Bytes, []byte(">")); bytes.Contains(tag, []byte(" xmlns:xsi=")) {
		contexts = append(contexts, xmldsig.InPlace)
	}
	for _, context := range contexts {
		v, err := xmldsig.Verify(xmldsig.SignatureOf(signedOf(n)), context)
		if err != nil {
			return Document{}, fmt.Errorf("%w %d/%d: %s: %w", ErrDocument, d.Type, d.Folio, context, err)
		}
		if v.Signed != signedOf(n) {
			return Document{}, fmt.Errorf("%w %d/%d: another element is signed", ErrDocument, d.Type, d.Folio)
		}
	}
	return d, nil
}

// check compares the documents with the Caratula and with one another.
func (e *Envelope) check(k kind) error {
	type key struct {
		kind  dte.Type
		folio int64
	}
	seen := map[key]bool{}
	var counted []Subtotal
	for _, d := range e.Documents {
		id := key{d.Type, d.Folio}
		switch {
		case d.Issuer != e.Issuer:
			return fmt.Errorf("%w: %d/%d of %s", ErrIssuer, d.Type, d.Folio, d.Issuer)
		case seen[id]:
			return fmt.Errorf("%w: %d/%d", ErrDuplicate, d.Type, d.Folio)
		case kindOf(d.Type) != k:
			return fmt.Errorf("%w: %d/%d", ErrMixed, d.Type, d.Folio)
		}
		seen[id] = true
		counted = add(counted, d.Type)
	}
	if len(e.Documents) == 0 {
		return ErrEmpty
	}
	if !slices.Equal(counted, e.Subtotals) {
		return fmt.Errorf("%w: counted %v, written %v", ErrSubtotals, counted, e.Subtotals)
	}
	return nil
}
