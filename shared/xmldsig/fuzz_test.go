package xmldsig_test

import (
	"bytes"
	"slices"
	"testing"

	"timbre/shared/xmldsig"
)

// What is read and written in canonical form reads as the same, and nothing makes the reader panic.
func FuzzParse(f *testing.F) {
	for _, tt := range refused {
		f.Add([]byte(tt.in))
	}
	for seed := range uint64(50) {
		with, _ := generate(seed, false)
		f.Add(with)
	}
	lim := xmldsig.Limits{Bytes: 1 << 16, Attribute: 1 << 10, Text: 1 << 12}
	wide := xmldsig.Limits{Bytes: 1 << 20, NodesPerKB: 1024} // canonical form may be longer
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := xmldsig.Parse(b, lim)
		if err != nil {
			return
		}
		once := doc.Canonical()
		again, err := xmldsig.Parse(once, wide)
		if err != nil {
			t.Fatalf("canonical form is refused: %v: %q", err, once)
		}
		if twice := again.Canonical(); !bytes.Equal(once, twice) {
			t.Errorf("canonical form changes from %q to %q", once, twice)
		}
		for e := range doc.Root().All() {
			start, end := e.Range()
			if !bytes.Equal(e.Source(), b[start:end]) || b[start] != '<' || b[end-1] != '>' {
				t.Errorf("Source of %s is %q", e.Local, e.Source())
			}
			e.AppendCanonical(nil, xmldsig.OnlySII)
		}
	})
}

// A changed document verifies only with the signed bytes that were signed.
func FuzzVerify(f *testing.F) {
	signer := identity(f, "x-rsa1024-sha1")
	dte := signedDTE(f, signer, xmldsig.Both)
	whole := signedEnvelope(f, signer, dte)
	f.Add([]byte(dte))
	f.Add(whole)
	signed := append(canonicals(parse(f, []byte(dte))), canonicals(parse(f, whole))...)
	if len(signed) != 3 {
		f.Fatalf("%d signatures verify", len(signed))
	}
	trusted := signer.Certificate.Raw
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := xmldsig.Parse(b, xmldsig.Limits{Bytes: 1 << 16})
		if err != nil {
			return
		}
		for _, s := range xmldsig.Signatures(doc) {
			v, err := xmldsig.Verify(s)
			if err != nil || !bytes.Equal(v.Certificate.Raw, trusted) {
				continue
			}
			if !slices.ContainsFunc(signed, func(was []byte) bool { return bytes.Equal(v.Canonical, was) }) {
				t.Errorf("verifies %s", v.Canonical)
			}
		}
	})
}
