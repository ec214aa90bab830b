package xmldsig_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timbre/shared/golden"
	"timbre/shared/xmldsig"
)

// samples are the XML files below a folder of the SII's samples, by path.
func samples(tb testing.TB, folders ...string) map[string][]byte {
	tb.Helper()
	root := golden.Reference(tb, "sii", "samples")
	found := map[string][]byte{}
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(root, folder, "*.xml"))
		if err != nil {
			tb.Fatal(err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				tb.Fatal(err)
			}
			found[folder+"/"+filepath.Base(path)] = b
		}
	}
	if len(found) == 0 {
		tb.Fatal("no samples found")
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

// Each untampered signature verifies in some context: FORMATS section 10.2.
func TestVerifySamples(t *testing.T) {
	t.Parallel()
	for name, b := range samples(t, "aec", "dte", "envio", "generated") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signatures := xmldsig.Signatures(parse(t, b))
			if len(signatures) == 0 {
				t.Error("no signature")
			}
			for _, s := range signatures {
				v, err := xmldsig.Verify(s)
				if strings.Contains(name, "F60T33") && errors.Is(err, xmldsig.ErrKeyMismatch) {
					err = nil // the SII's own example carries another key than its certificate
				}
				if err != nil {
					t.Errorf("%s: %v", s.Parent.Local, err)
					continue
				}
				t.Logf("%s: %s, SignedInfo %s, %s", v.Signed.Local, v.Context, v.InfoContext, v.Certificate.RUT)
			}
		})
	}
}
