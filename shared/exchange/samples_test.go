package exchange_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/caf"
	"timbre/shared/exchange"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// verdict is what must come out for a sample: of the file and of each of its documents.
type verdict struct {
	kind      exchange.Kind
	documents int
	// outer and inner are the strict checks that fail, of the file and of every document.
	outer, inner []exchange.Code
	// digest is the context in which the documents' signatures hold.
	digest xmldsig.Context
}

var (
	changed  = []exchange.Code{exchange.CheckSignature}
	restated = []exchange.Code{exchange.CheckSignature, exchange.CheckFRMT}
	mismatch = []exchange.Code{exchange.CheckCertificateKey}
	tooEarly = []exchange.Code{exchange.CheckCertificateTime} // made by a throw-away certificate of a later day
)

// verdicts are of every sample that is a file of the exchange; the README of the samples says why.
var verdicts = map[string]verdict{
	"aec/AEC-76399752-9-33-25568-SEQ-1.xml":         {kind: exchange.AEC, documents: 1, digest: xmldsig.OnlySII},
	"dte/DTE-60910000-1-33-2336600-cleaned.xml":     {kind: exchange.DTE, documents: 1, digest: xmldsig.NoNamespace},
	"dte/DTE-60910000-1-33-2336600.xml":             {kind: exchange.DTE, documents: 1, digest: xmldsig.InPlace},
	"dte/DTE-76354771-K-33-170-cleaned.xml":         {kind: exchange.DTE, documents: 1, digest: xmldsig.InPlace},
	"dte/DTE-76354771-K-33-170.xml":                 {kind: exchange.DTE, documents: 1, digest: xmldsig.OnlySII},
	"envio/EnvioDTE-762352915-F13T33.xml":           {kind: exchange.EnvioDTE, documents: 1, digest: xmldsig.CutOut},
	"envio/EnvioDTE-762352915-basico.xml":           {kind: exchange.EnvioDTE, documents: 8, digest: xmldsig.OnlySII},
	"envio/EnvioDTE-762352915-exportacion1.xml":     {kind: exchange.EnvioDTE, documents: 3, digest: xmldsig.OnlySII},
	"envio/F60T33-ejemplo-oficial-SII.xml":          {kind: exchange.EnvioDTE, documents: 1, outer: mismatch, inner: mismatch, digest: xmldsig.CutOut},
	"generated/EnvioDTE-generado-regla-10.2.xml":    {kind: exchange.EnvioDTE, documents: 1, outer: tooEarly, inner: tooEarly, digest: xmldsig.CutOut},
	"generated/EnvioBOLETA-generado.xml":            {kind: exchange.EnvioBOLETA, documents: 1, outer: tooEarly, inner: tooEarly, digest: xmldsig.CutOut},
	"generated/RespuestaDTE-recepcion-generada.xml": {kind: exchange.RespuestaDTE, outer: tooEarly},
	"generated/RespuestaDTE-resultado-generada.xml": {kind: exchange.RespuestaDTE, outer: tooEarly},
	"generated/EnvioRecibos-generado.xml":           {kind: exchange.EnvioRecibos, outer: tooEarly},

	"negative/EnvioDTE-762352915-basico-resigned.xml": {kind: exchange.EnvioDTE, documents: 8, outer: changed, inner: restated},
	"boleta/EnvioBOLETA-softcomsas-altered.xml": {
		kind: exchange.EnvioBOLETA, documents: 1, outer: changed,
		inner: []exchange.Code{exchange.CheckSignature, exchange.CheckFRMT, exchange.CheckFRMA},
	},
	"tampered/DTE-76354771-K-33-170-mod-changed-monto.xml":     {kind: exchange.DTE, documents: 1, inner: restated},
	"tampered/DTE-76354771-K-33-170-mod-removed-signature.xml": {kind: exchange.DTE, documents: 1, inner: changed},
}

// others are samples that are no files of the exchange, and why they are put aside.
var others = map[string]string{
	"attacks/billion-laughs-1.xml":                  exchange.Doctype,
	"attacks/quadratic-blowup-entity-expansion.xml": exchange.Doctype,
	"caf/CAF-66666666-6-sintetico.xml":              exchange.OtherRoot,
	"ted/TED-76071816-5-33-17961.xml":               exchange.OtherRoot,
	"ted/TED-76554369-K-39-9762.xml":                exchange.OtherRoot,
	"ted/TED-78003230-8-39-203-fake.xml":            exchange.OtherRoot,
	"ted/TED-89622400-K-33-10.xml":                  exchange.OtherRoot,
	"ted/TED-97975000-5-33-27-SII-vector.xml":       exchange.OtherRoot,
}

func TestSamples(t *testing.T) {
	t.Parallel()
	root := golden.Reference(t, "sii", "samples")
	seen := 0
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".xml" {
			return err
		}
		seen++
		name := strings.TrimPrefix(filepath.ToSlash(path[len(root):]), "/")
		t.Run(name, func(t *testing.T) { judgeSample(t, name, path) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < len(verdicts)+len(others) {
		t.Errorf("only %d samples", seen)
	}
}

func judgeSample(t *testing.T, name, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if code, ok := others[name]; ok {
		wantQuarantine(t, text, code)
		return
	}
	want, ok := verdicts[name]
	if !ok {
		t.Fatal("a sample without an expected verdict")
	}
	f := read(t, text)
	if f.Kind != want.kind || len(f.Documents) != want.documents {
		t.Fatalf("%s with %d documents", f.Kind, len(f.Documents))
	}
	c := exchange.Checker{Company: rut.SII, Keys: caf.SIIKeys(), Zone: chile}
	r := c.Check(f)
	wantStrict(t, "file", r.Checks, want.outer)
	for _, d := range r.Documents {
		wantStrict(t, d.Type.String(), d.Checks, want.inner)
		if d.Signature.Digest != want.digest {
			t.Errorf("%d/%d holds %s, want %s", d.Type, d.Folio, d.Signature.Digest, want.digest)
		}
	}
}

// wantStrict compares the failed checks of signature, certificate and timbre.
func wantStrict(t *testing.T, what string, checks exchange.Checks, want []exchange.Code) {
	t.Helper()
	var got []exchange.Code
	for _, code := range failing(checks, exchange.Fail) {
		if (exchange.Checks{{Code: code, Result: exchange.Fail}}).Strict() == exchange.Fail {
			got = append(got, code)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: failed strict checks (-want +got):\n%s", what, diff)
	}
	if (len(want) == 0) != (checks.Strict() != exchange.Fail) {
		t.Errorf("%s: strict verdict %s", what, checks.Strict())
	}
}
