package answer

import (
	"bytes"
	"fmt"

	"timbre/shared/cert"
	"timbre/shared/format"
	"timbre/shared/xmldsig"
)

// verifyWritten reads an answer back: its schema, the outer signature in place, and each receipt's both in place and
// cut out, all by the signer's certificate.
func verifyWritten(text []byte, root string, signer *cert.Identity) error {
	doc, err := xmldsig.Parse(text, xmldsig.Limits{})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWritten, err)
	}
	if found := format.Validate(format.Root(root), doc.Root(), root); len(found) > 0 {
		return fmt.Errorf("%w: %s: %s", ErrWritten, found[0].Path, found[0].Code)
	}
	signatures := xmldsig.Signatures(doc)
	if len(signatures) == 0 {
		return fmt.Errorf("%w: unsigned", ErrWritten)
	}
	for _, signature := range signatures {
		contexts := []xmldsig.Context{xmldsig.InPlace, xmldsig.CutOut}
		if signature.Parent == doc.Root() {
			contexts = contexts[:1]
		}
		for _, context := range contexts {
			if err := verifyBy(signature, signer, context); err != nil {
				return err
			}
		}
	}
	return nil
}

func verifyBy(signature *xmldsig.Node, signer *cert.Identity, context xmldsig.Context) error {
	v, err := xmldsig.Verify(signature, context)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrWritten, context, err)
	}
	if !bytes.Equal(v.Certificate.Raw, signer.Certificate.Raw) {
		return fmt.Errorf("%w: another certificate", ErrWritten)
	}
	return nil
}
