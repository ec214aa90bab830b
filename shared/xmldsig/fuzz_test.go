package xmldsig_test

import (
	"bytes"
	"crypto/sha1"
	"iter"
	"maps"
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

// small is the size up to which samples are seeds: larger ones are too slow to change often.
const small = 20_000

// An element is canonical in its place exactly when its canonical form, read alone, is; cut out it is what it is as a document.
func FuzzCanonical(f *testing.F) {
	for seed := range uint64(50) {
		with, _ := generate(seed, false)
		f.Add(with)
	}
	for _, b := range samples(f, "dte", "envio", "generated") {
		if len(b) < small {
			f.Add(b)
		}
	}
	wide := xmldsig.Limits{Bytes: 1 << 24, NodesPerKB: 1024, Namespaces: 64, Attributes: 64}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := xmldsig.Parse(b, xmldsig.Limits{Bytes: 1 << 16})
		if err != nil {
			return
		}
		for e := range doc.Root().All() {
			form := e.Canonical()
			alone, err := xmldsig.Parse(form, wide)
			if err != nil {
				t.Fatalf("canonical form of %s is refused: %v: %q", e.Local, err, form)
			}
			if got := alone.Canonical(); !bytes.Equal(got, form) {
				t.Errorf("canonical form of %s changes from %q to %q", e.Local, form, got)
			}
			sameCutOut(t, e)
		}
	})
}

// sameCutOut compares the children of e, in the context of e alone, with those of e read alone.
func sameCutOut(t *testing.T, e *xmldsig.Node) {
	t.Helper()
	cut, err := e.CutOut()
	if err != nil {
		return // it uses prefixes that are declared above
	}
	next, stop := iter.Pull(cut.Root().Elements())
	defer stop()
	for child := range e.Elements() {
		alone, _ := next()
		if got, want := child.AppendCanonical(nil, xmldsig.CutOut), alone.Canonical(); !bytes.Equal(got, want) {
			t.Errorf("%s is %q in the context of its parent, %q in its parent cut out", child.Local, got, want)
		}
	}
}

// A changed document verifies only with the signed bytes that were signed.
func FuzzVerify(f *testing.F) {
	signer := identity(f, "x-rsa1024-sha1")
	dte := signedDTE(f, signer, xmldsig.Both)
	whole := signedEnvelope(f, signer, dte)
	seeds := map[string][]byte{"document": []byte(dte), "envelope": whole}
	maps.Copy(seeds, samples(f, "aec", "dte", "envio"))
	signed, trusted := map[string]bool{}, map[string]bool{}
	for _, b := range seeds {
		if len(b) < small {
			f.Add(b)
		}
		for _, s := range xmldsig.Signatures(parse(f, b)) {
			if v, err := xmldsig.Verify(s); err == nil {
				signed[string(v.Canonical())], trusted[string(v.Certificate.Raw)] = true, true
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := xmldsig.Parse(b, xmldsig.Limits{Bytes: 1 << 18})
		if err != nil {
			return
		}
		for _, s := range xmldsig.Signatures(doc) {
			v, err := xmldsig.Verify(s)
			if err != nil || !trusted[string(v.Certificate.Raw)] {
				continue
			}
			if !signed[string(v.Canonical())] || sha1.Sum(v.Canonical()) != v.Digest {
				t.Errorf("verifies %s", v.Canonical())
			}
		}
	})
}
