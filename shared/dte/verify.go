package dte

import (
	"bytes"
	"errors"
	"fmt"

	"timbre/shared/cert"
	"timbre/shared/format"
	"timbre/shared/xmldsig"
)

// ErrNotOrder says that signed bytes do not say what their order says.
var ErrNotOrder = errors.New("dte: the document is not its order")

// Verify reads finished bytes again, before anything is stored: the schema, the signature where it
// stands and cut out, the signer, every field of the order, and the fields of the TED. The TED's own
// signature is for package ted, which gets its text from the result. id is nil for bytes that stand in
// the archive, whose signer may have been another.
func Verify(signed []byte, o *Order, id *cert.Identity) (*Document, error) {
	doc, err := xmldsig.Parse(latin1Document(signed), xmldsig.Limits{})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	root := doc.Root()
	if findings := format.Validate(rootOf(o.typ), root, ""); len(findings) > 0 {
		return nil, fmt.Errorf("verify: %w: %s: %s", ErrNotOrder, findings[0].Path, findings[0].Code)
	}
	v, err := xmldsig.Verify(xmldsig.SignatureOf(root.Child(o.doc.Def.Name)), xmldsig.InPlace)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if id != nil && (v.Certificate == nil || !bytes.Equal(v.Certificate.Raw, id.Certificate.Raw)) {
		return nil, fmt.Errorf("verify: %w: another certificate", ErrNotOrder)
	}
	if err := o.compare(v.Signed); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return &Document{TED: v.Signed.Child("TED").Source(), SignedAt: v.Signed.Child("TmstFirma").Text()}, nil
}

// Document is what only the signed bytes know.
type Document struct {
	// TED is the stamp as it is written, ISO-8859-1.
	TED []byte
	// SignedAt is TmstFirma as written.
	SignedAt string
}

// declaration says how the bytes of a bare DTE are encoded, which carry none of their own.
const declaration = `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n"

func latin1Document(signed []byte) []byte {
	return append([]byte(declaration), signed...)
}

func rootOf(t Type) *format.Element {
	if t.IsBoleta() {
		return format.Root("DTEBoleta")
	}
	return format.Root("DTE")
}

// compare tells whether the signed element says what the order says, and its TED too.
func (o *Order) compare(signed *xmldsig.Node) error {
	if id, _ := signed.Attr("ID"); id != o.documentID() {
		return fmt.Errorf("%w: ID %.20q", ErrNotOrder, id)
	}
	var parts []*xmldsig.Node
	for e := range signed.Elements() {
		if e.Local != "TED" && e.Local != "TmstFirma" {
			parts = append(parts, e)
		}
	}
	if err := same(o.doc.Kids, parts); err != nil {
		return err
	}
	return o.compareTED(signed.Child("TED").Child("DD"))
}

func same(want []*format.Node, got []*xmldsig.Node) error {
	for i, w := range want {
		if i >= len(got) || got[i].Local != w.Def.Name {
			return fmt.Errorf("%w: %s", ErrNotOrder, w.Def.Name)
		}
		if w.Def.Type != nil && got[i].Text() != w.Text {
			return fmt.Errorf("%w: %s", ErrNotOrder, w.Def.Name)
		}
		if w.Def.Type != nil {
			continue
		}
		var kids []*xmldsig.Node
		for e := range got[i].Elements() {
			kids = append(kids, e)
		}
		if err := same(w.Kids, kids); err != nil {
			return err
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%w: %d elements, not %d", ErrNotOrder, len(got), len(want))
	}
	return nil
}

// compareTED wants the TED to repeat the document (FORMATS section 9; rejections.csv, ted).
func (o *Order) compareTED(dd *xmldsig.Node) error {
	f := o.Stamped()
	for name, want := range map[string]string{
		"RE": f.RE.String(), "TD": f.TD.String(), "F": fmt.Sprint(f.Folio), "FE": f.FE,
		"RR": f.RR.String(), "RSR": f.RSR, "MNT": f.MNT, "IT1": f.IT1,
	} {
		if got := dd.Child(name).Text(); got != want {
			return fmt.Errorf("%w: TED %s is %.50q, not %.50q", ErrNotOrder, name, got, want)
		}
	}
	return nil
}
