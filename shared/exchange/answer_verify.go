package exchange

import (
	"bytes"
	"fmt"

	"timbre/shared/cert"
	"timbre/shared/format"
	"timbre/shared/xmldsig"
)

// verifyWritten reads an answer of ours back: its schema, the outer signature in place, and each receipt's both in place and
// cut out, all by the signer's certificate.
func verifyWritten(text []byte, k Kind, signer *cert.Identity) error {
	f, err := Read(text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWritten, err)
	}
	if found := format.Validate(f.schema(), f.doc.Root(), string(k)); len(found) > 0 {
		return fmt.Errorf("%w: %s: %s", ErrWritten, found[0].Path, found[0].Code)
	}
	if err := verifyBy(f.set, signer, xmldsig.InPlace); err != nil {
		return err
	}
	for _, signed := range f.inner() {
		for _, context := range []xmldsig.Context{xmldsig.InPlace, xmldsig.CutOut} {
			if err := verifyBy(signed, signer, context); err != nil {
				return err
			}
		}
	}
	return nil
}

func verifyBy(signed *xmldsig.Node, signer *cert.Identity, context xmldsig.Context) error {
	v, err := xmldsig.Verify(xmldsig.SignatureOf(signed), context)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrWritten, context, err)
	}
	if v.Signed != signed || !bytes.Equal(v.Certificate.Raw, signer.Certificate.Raw) {
		return fmt.Errorf("%w: another element or certificate", ErrWritten)
	}
	return nil
}
