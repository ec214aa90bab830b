package judge_test

import (
	"crypto/rsa"
	"crypto/sha1" // the SII's digest
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/sii/judge"
)

func reference(tb testing.TB, parts ...string) string {
	tb.Helper()
	base := os.Getenv("REFERENCE_DIR")
	if base == "" {
		base = filepath.Join("..", "..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{base}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("reference folder has no %s here; set REFERENCE_DIR", filepath.Join(parts...))
	}
	return path
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Real envelopes of a company that passed certification, and the SII's own
// example, whose KeyValue is not its certificate's.
func TestRealEnvelopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file      string
		documents int
		envelope  error
		alone     error
	}{
		{"EnvioDTE-762352915-F13T33.xml", 1, nil, nil},
		{"EnvioDTE-762352915-basico.xml", 8, nil, nil},
		{"EnvioDTE-762352915-exportacion1.xml", 3, nil, nil},
		{"F60T33-ejemplo-oficial-SII.xml", 1, judge.ErrKeyMismatch, judge.ErrKeyMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			e, err := judge.Read(readFile(t, reference(t, "sii", "samples", "envio", tt.file)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.VerifyEnvelope(); !errors.Is(err, tt.envelope) {
				t.Errorf("envelope: got %v, want %v", err, tt.envelope)
			}
			if got := len(e.Documents); got != tt.documents {
				t.Fatalf("documents: got %d, want %d", got, tt.documents)
			}
			for _, d := range e.Documents {
				if _, err := d.VerifyAlone(); !errors.Is(err, tt.alone) {
					t.Errorf("%d/%d alone: got %v, want %v", d.Type, d.Folio, err, tt.alone)
				}
				if d.VerifyInPlace() == nil {
					t.Errorf("%d/%d verifies in place, though it was signed without xmlns:xsi", d.Type, d.Folio)
				}
				if !d.StampVerifies() {
					t.Errorf("%d/%d: FRMT does not verify", d.Type, d.Folio)
				}
			}
		})
	}
}

func TestSpoiltEnvelope(t *testing.T) {
	t.Parallel()
	e, err := judge.Read(readFile(t, reference(t, "sii", "samples", "negative", "EnvioDTE-762352915-basico-resigned.xml")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.VerifyEnvelope(); !errors.Is(err, judge.ErrBadSignature) {
		t.Errorf("envelope: got %v, want ErrBadSignature", err)
	}
	for _, d := range e.Documents {
		if _, err := d.VerifyAlone(); !errors.Is(err, judge.ErrBadSignature) {
			t.Errorf("%d/%d: got %v, want ErrBadSignature", d.Type, d.Folio, err)
		}
	}
}

// Bare DTEs as issuers hand them out: with and without namespaces, Latin-1,
// windows-1252 and UTF-8.
func TestBareDocuments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file string
		want error
	}{
		{"dte/DTE-60910000-1-33-2336600.xml", nil},
		{"dte/DTE-60910000-1-33-2336600-cleaned.xml", nil},
		{"dte/DTE-76354771-K-33-170.xml", nil},
		{"dte/DTE-76354771-K-33-170-cleaned.xml", nil},
		{"tampered/DTE-76354771-K-33-170-mod-changed-monto.xml", judge.ErrBadSignature},
		{"tampered/DTE-76354771-K-33-170-mod-removed-signature.xml", judge.ErrNoSignature},
	}
	for _, tt := range tests {
		t.Run(filepath.Base(tt.file), func(t *testing.T) {
			t.Parallel()
			d, err := judge.ReadAlone(bareText(t, readFile(t, reference(t, "sii", "samples", filepath.FromSlash(tt.file)))))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.VerifyAlone(); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// bareText decodes by the declared encoding and cuts the DTE out.
func bareText(t *testing.T, data []byte) string {
	t.Helper()
	text := string(data)
	var err error
	switch head, _, _ := strings.Cut(text, "?>"); {
	case strings.Contains(head, "1252"):
		text, err = charmap.Windows1252.NewDecoder().String(text)
	case strings.Contains(strings.ToUpper(head), "ISO-8859-1"):
		text, err = charmap.ISO8859_1.NewDecoder().String(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?s)<DTE.*</DTE>`).FindString(text)
}

// The known answers of FORMATS §9.2: SHA-1 of the flattened DD of real stamps.
func TestFlatStamps(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"ted/TED-97975000-5-33-27-SII-vector.xml": "71662877c771717f5cbd48da3e9b6940a51c702c",
		"ted/TED-89622400-K-33-10.xml":            "3d08bc12a9f07e0c80a9268664e5d7d42abc2692",
		"dte/DTE-60910000-1-33-2336600.xml":       "88f54ef46c09e6a705d28f91740470d723c9d8e3",
		"dte/DTE-76354771-K-33-170.xml":           "3685d17aec1d8e5662c332017640e37d51e6f7bb",
		"envio/EnvioDTE-762352915-F13T33.xml":     "2a430e13fe9f71e3df4e9f1f427da06ed269eff9",
		"envio/F60T33-ejemplo-oficial-SII.xml":    "35f9c699d6a2911ca05205570dd2ce753b881ac8",
	}
	for file, want := range tests {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := charmap.ISO8859_1.NewDecoder().String(string(readFile(t, reference(t, "sii", "samples", filepath.FromSlash(file)))))
			if err != nil {
				t.Fatal(err)
			}
			stamp := regexp.MustCompile(`(?s)<TED.*</TED>`).FindString(text)
			d, err := judge.ReadAlone("<DTE><Documento>" + stamp + "</Documento></DTE>")
			if err != nil {
				t.Fatal(err)
			}
			sum := sha1.Sum(d.Flat("DD")) // the SII's digest
			if got := hex.EncodeToString(sum[:]); got != want {
				t.Errorf("SHA-1 of DD: got %s, want %s", got, want)
			}
			if !d.StampVerifies() {
				t.Error("FRMT does not verify")
			}
		})
	}
}

// The SII's real keys verify the FRMA of real documents.
func TestRealAuthorizations(t *testing.T) {
	t.Parallel()
	key := siiKey(t, 300)
	d, err := judge.ReadAlone(bareText(t, readFile(t, reference(t, "sii", "samples", "dte", "DTE-60910000-1-33-2336600.xml"))))
	if err != nil {
		t.Fatal(err)
	}
	court := judge.Court{Registry: nobody{}, Environment: judge.Production, SIIKeys: map[int]*rsa.PublicKey{300: key}}
	for _, f := range court.Judge(d, judge.Signature{Err: judge.ErrBadSignature}) {
		if strings.HasPrefix(f.Rule, "caf-") || strings.HasPrefix(f.Rule, "ted-") {
			t.Errorf("unexpected %+v", f)
		}
	}
}

func siiKey(t *testing.T, idk int) *rsa.PublicKey {
	t.Helper()
	name := map[int]string{100: "sii-caf-idk-100.pub.pem", 300: "sii-caf-idk-300.pub.pem"}[idk]
	block, _ := pem.Decode(readFile(t, reference(t, "sii", "certs", name)))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PublicKey)
}

type nobody struct{}

func (nobody) Received(string, int, int) (judge.Record, bool) { return judge.Record{}, false }
func (nobody) Annulled(string, int, int) bool                 { return false }

// XML bombs are refused before anything is expanded.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"billion-laughs-1.xml", "quadratic-blowup-entity-expansion.xml"} {
		data := readFile(t, reference(t, "sii", "samples", "attacks", name))
		_, body, _ := strings.Cut(string(data), "?>")
		if _, err := judge.Parse(body); !errors.Is(err, judge.ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", name, err)
		}
	}
	for name, text := range map[string]string{
		"two roots":          "<a></a><b></b>",
		"text behind":        "<a></a>x",
		"repeated attribute": `<a ID="1" ID="2"></a>`,
		"too deep":           strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200),
	} {
		if _, err := judge.Parse(text); !errors.Is(err, judge.ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", name, err)
		}
	}
}
