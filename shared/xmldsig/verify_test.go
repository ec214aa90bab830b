package xmldsig_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/golden"
	"timbre/shared/xmldsig"
)

// samples are the XML files below folders of the SII's samples, by path.
func samples(tb testing.TB, folders ...string) map[string][]byte {
	tb.Helper()
	root := golden.Reference(tb, "sii", "samples")
	found := map[string][]byte{}
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(root, folder, "*.xml"))
		if err != nil || len(paths) == 0 {
			tb.Fatalf("%s has no samples: %v", folder, err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				tb.Fatal(err)
			}
			found[folder+"/"+filepath.Base(path)] = b
		}
	}
	return found
}

func parse(tb testing.TB, b []byte) *xmldsig.Document {
	tb.Helper()
	doc, err := xmldsig.Parse(b, xmldsig.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	return doc
}

// Each untampered signature verifies in some context, in the one that FORMATS section 10.2 measured.
func TestVerifySamples(t *testing.T) {
	t.Parallel()
	total := 0
	for name, b := range samples(t, "aec", "dte", "envio", "generated") {
		for _, s := range xmldsig.Signatures(parse(t, b)) {
			v, err := xmldsig.Verify(s)
			total++
			if strings.Contains(name, "F60T33") {
				if !errors.Is(err, xmldsig.ErrKeyMismatch) || v == nil {
					t.Errorf("%s: the SII's own example has another key than its certificate: %v", name, err)
				}
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if v == nil {
				continue
			}
			if bits := v.Key.N.BitLen(); v.Certificate == nil || bits < 1024 {
				t.Errorf("%s: key of %d bits, certificate %v", name, bits, v.Certificate)
			}
		}
	}
	if total < 30 {
		t.Errorf("only %d signatures", total)
	}
	t.Logf("%d signatures", total)
}

func TestVerifySampleContexts(t *testing.T) {
	t.Parallel()
	type contexts struct{ Signed, Digest, Info string }
	for _, tt := range []struct {
		sample string
		want   []contexts
	}{
		{"dte/DTE-60910000-1-33-2336600.xml", []contexts{{"Documento", "in-place", "in-place"}}},
		{"dte/DTE-60910000-1-33-2336600-cleaned.xml", []contexts{{"Documento", "no-namespace", "in-place"}}},
		{"dte/DTE-76354771-K-33-170.xml", []contexts{{"Documento", "only-sii", "in-place"}}},
		{"dte/DTE-76354771-K-33-170-cleaned.xml", []contexts{{"Documento", "in-place", "in-place"}}},
		{"envio/EnvioDTE-762352915-F13T33.xml", []contexts{{"Documento", "cut-out", "cut-out"}, {"SetDTE", "in-place", "in-place"}}},
		{"envio/F60T33-ejemplo-oficial-SII.xml", []contexts{{"Documento", "cut-out", "cut-out"}, {"SetDTE", "in-place", "in-place"}}},
		{"aec/AEC-76399752-9-33-25568-SEQ-1.xml", []contexts{
			{"Documento", "only-sii", "cut-out"}, {"DocumentoDTECedido", "cut-out", "cut-out"},
			{"DocumentoCesion", "cut-out", "cut-out"}, {"DocumentoAEC", "in-place", "in-place"},
		}},
	} {
		t.Run(tt.sample, func(t *testing.T) {
			t.Parallel()
			var got []contexts
			for _, s := range xmldsig.Signatures(parse(t, samples(t, filepath.Dir(tt.sample))[tt.sample])) {
				v, err := xmldsig.Verify(s)
				if v == nil {
					t.Fatal(err)
				}
				got = append(got, contexts{v.Signed.Local, v.Context.String(), v.InfoContext.String()})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The documents of the oracle, made by another program in the form that this one writes, verify both
// where they stand and cut out.
func TestVerifyOracleExamples(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(golden.Reference(t, "oracle", "examples"), "*.xml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	total := 0
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range xmldsig.Signatures(parse(t, b)) {
			total++
			if _, err := xmldsig.Verify(s, xmldsig.InPlace); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(path), s.Parent.Local, err)
			}
			if _, err := xmldsig.Verify(s, xmldsig.CutOut); err != nil {
				t.Errorf("%s: %s, cut out: %v", filepath.Base(path), s.Parent.Local, err)
			}
		}
	}
	t.Logf("%d signatures", total)
}

// What verifies in the context CutOut verifies when it really is cut out, and nothing else does.
func TestVerifyCutOut(t *testing.T) {
	t.Parallel()
	inputs := samples(t, "aec", "dte", "envio", "generated")
	signer := identity(t, "a-modern")
	inputs["both"] = signedEnvelope(t, signer, signedDTE(t, signer, xmldsig.Both))
	for name, b := range inputs {
		for _, s := range xmldsig.Signatures(parse(t, b)) {
			cut, err := s.Parent.CutOut()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			alone, errAlone := xmldsig.Verify(cut.Root().Child("Signature"), xmldsig.InPlace)
			inside, errInside := xmldsig.Verify(s, xmldsig.CutOut)
			if (alone == nil) != (inside == nil) || alone != nil && !bytes.Equal(alone.Canonical(), inside.Canonical()) {
				t.Errorf("%s: %s: alone %v, inside %v", name, s.Parent.Local, errAlone, errInside)
			}
		}
	}
}

// What was changed after signing verifies in no context.
func TestVerifyTampered(t *testing.T) {
	t.Parallel()
	total := 0
	for name, b := range samples(t, "tampered", "negative", "boleta") {
		for _, s := range xmldsig.Signatures(parse(t, b)) {
			total++
			if v, err := xmldsig.Verify(s); v != nil || err == nil {
				t.Errorf("%s: %s verifies", name, v.Signed.Local)
			}
		}
	}
	if total < 12 {
		t.Errorf("only %d signatures", total)
	}
}

// Whatever part of a real document changes, either nothing verifies, or the signed bytes are the same
// as before: the change was to what is not signed, as blanks in a tag.
func TestVerifyMutations(t *testing.T) {
	t.Parallel()
	step := many(41, 1)
	signer := identity(t, "x-rsa1024-sha1")
	inputs := samples(t, "dte", "envio")
	inputs["own"] = signedEnvelope(t, signer, signedDTE(t, signer, xmldsig.Both))
	for name, b := range inputs {
		if len(b) > 20_000 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := canonicals(parse(t, b))
			for at := 0; at < len(b); at += step {
				for _, change := range []byte{b[at] ^ 1, b[at] ^ 0x20, '<', ' '} {
					mutant := slices.Clone(b)
					mutant[at] = change
					doc, err := xmldsig.Parse(mutant, xmldsig.Limits{})
					if err != nil {
						continue
					}
					for _, got := range canonicals(doc) {
						if !slices.ContainsFunc(before, func(was []byte) bool { return bytes.Equal(got, was) }) {
							t.Fatalf("byte %d as %q: verifies %s", at, change, got)
						}
					}
				}
			}
		})
	}
}

// canonicals are the signed bytes of all signatures that verify.
func canonicals(doc *xmldsig.Document) [][]byte {
	var out [][]byte
	for _, s := range xmldsig.Signatures(doc) {
		if v, err := xmldsig.Verify(s); err == nil {
			out = append(out, v.Canonical())
		}
	}
	return out
}

// A changed amount is found wherever it is changed.
func TestVerifyChanged(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern")
	b := signedEnvelope(t, signer, signedDTE(t, signer, xmldsig.Both))
	for _, tt := range []struct {
		name, from, to, element string
		err                     error
	}{
		{"amount", "4760", "4761", "Documento", xmldsig.ErrDigest},
		{"amount, for the envelope", "4760", "4761", "SetDTE", xmldsig.ErrDigest},
		{"the inner signature, for the envelope", "<X509Data>", "<X509Data >", "SetDTE", nil},
		{"line end", "\n<Detalle>", "<Detalle>", "Documento", xmldsig.ErrDigest},
		{"carátula", `<Caratula version="1.0">`, `<Caratula version="2.0">`, "SetDTE", xmldsig.ErrDigest},
		{"carátula, for the DTE", `<Caratula version="1.0">`, `<Caratula version="2.0">`, "Documento", nil},
		{"SignedInfo", "\n<SignatureMethod", " <SignatureMethod", "Documento", xmldsig.ErrSignature},
		{"comment inside", "4760", "47<!-- -->60", "Documento", nil},
		{"CDATA inside", "4760", "<![CDATA[4760]]>", "Documento", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			doc := parse(t, replace(t, b, tt.from, tt.to))
			if _, err := xmldsig.Verify(xmldsig.SignatureOf(doc.Root().Find(tt.element))); !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
		})
	}
}

// A document that was signed with both namespaces, and lost the SII's on its way, is what was signed; one that has another
// default is not.
func TestVerifyLostNamespace(t *testing.T) {
	t.Parallel()
	signer := identity(t, "a-modern")
	whole := signedEnvelope(t, signer, signedDTE(t, signer, xmldsig.Both))
	for name, tt := range map[string]struct {
		to   string
		want xmldsig.Context
	}{"lost": {"", xmldsig.WithSII}, "another": {` xmlns="urn:x"`, 0}} {
		for _, s := range xmldsig.Signatures(parse(t, replace(t, whole, ` xmlns="`+xmldsig.NamespaceSII+`"`, tt.to))) {
			v, err := xmldsig.Verify(s)
			if tt.want == 0 && !errors.Is(err, xmldsig.ErrDigest) || tt.want != 0 && (err != nil || v.Context != tt.want) {
				t.Errorf("%s, %s: %v, %v", name, s.Parent.Local, v, err)
			}
		}
	}
}
