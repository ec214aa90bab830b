package ted_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/caf"
	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/ted"
)

var stampedAt = time.Date(2026, 11, 20, 10, 11, 12, 0, time.FixedZone("CLST", -3*3600))

func reference(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	content, err := os.ReadFile(golden.Reference(tb, parts...))
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func testKeys(tb testing.TB) caf.Keys {
	tb.Helper()
	key, err := caf.ParseKey(reference(tb, "testpki", "sii", "100.pub"))
	if err != nil {
		tb.Fatal(err)
	}
	return caf.Keys{caf.IDKCertificacion: key}
}

func testCAF(tb testing.TB, parts ...string) *caf.CAF {
	tb.Helper()
	c, err := caf.Parse(reference(tb, append([]string{"testpki", "caf"}, parts...)...), testKeys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func fields() dte.StampFields {
	return dte.StampFields{
		RE: rut.MustParse("99928793-K"), TD: dte.Factura, Folio: 1, FE: "2026-11-20", RR: rut.MustParse("99923634-0"),
		RSR: "Ferretería O'Higgins y Cía. S.A.", MNT: "4760", IT1: `Pan "ñandú" d'oro <grande> & más, en caja de doce unidades`,
	}
}

func dd(text []byte) []byte {
	flat := ted.Payload(text)
	return flat[bytes.Index(flat, []byte("<DD>")) : bytes.Index(flat, []byte("</DD>"))+len("</DD>")]
}

// The SII's published vector: key, DD and the FRMT that they give.
func TestSigningVector(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(reference(t, "sii", "samples", "ted", "sii-vector-private-key.pem"))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha1.Sum(dd(reference(t, "sii", "samples", "ted", "TED-97975000-5-33-27-SII-vector.xml")))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	const want = "pqjXHHQLJmyFPMRvxScN7tYHvIsty0pqL2LLYaG43jMmnfiZfllLA0wb32lP+HBJ/tf8nziSeorvjlx410ZImw=="
	if got := base64.StdEncoding.EncodeToString(signature); got != want {
		t.Errorf("got %s", got)
	}
}

// The SII's vector written by Stamp's own writer: the same key in a CAF gives the same TED to the byte.
func TestStampReproducesVector(t *testing.T) {
	t.Parallel()
	sample := bytes.TrimSpace(reference(t, "sii", "samples", "ted", "TED-97975000-5-33-27-SII-vector.xml"))
	start, end := bytes.Index(sample, []byte("<CAF")), bytes.Index(sample, []byte("</CAF>"))+len("</CAF>")
	file := fmt.Sprintf("<AUTORIZACION>%s<RSASK>%s</RSASK></AUTORIZACION>", sample[start:end],
		reference(t, "sii", "samples", "ted", "sii-vector-private-key.pem"))
	c, err := caf.Parse([]byte(file), caf.SIIKeys())
	if err != nil {
		t.Fatal(err)
	}
	got, err := ted.Stamp(dte.StampFields{
		RE: rut.MustParse("97975000-5"), TD: dte.Factura, Folio: 27, FE: "2003-09-08", RR: rut.MustParse("8414240-9"),
		RSR: "JORGE GONZALEZ LTDA", MNT: "502946", IT1: "Cajon AFECTO",
	}, c, time.Date(2003, 9, 8, 12, 28, 31, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(sample), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	c := testCAF(t, "a", "33-1-100.xml")
	text, err := ted.Stamp(fields(), c, stampedAt)
	if err != nil {
		t.Fatal(err)
	}
	head := "<TED version=\"1.0\"><DD><RE>99928793-K</RE><TD>33</TD><F>1</F><FE>2026-11-20</FE><RR>99923634-0</RR>" +
		"<RSR>Ferreter\xeda O&apos;Higgins y C\xeda. S.A.</RSR><MNT>4760</MNT>" +
		"<IT1>Pan &quot;\xf1and\xfa&quot; d&apos;oro &lt;grande&gt; &amp; m\xe1s, en caj</IT1>" +
		"<CAF version=\"1.0\"><DA><RE>99928793-K</RE><RS>Panader\xeda \xd1u\xf1oa &amp; Hijos Ltda.</RS>"
	if !bytes.HasPrefix(text, []byte(head)) {
		t.Errorf("starts\n%q, want\n%q", text[:len(head)], head)
	}
	if !bytes.Contains(text, append(c.Element(), "<TSTED>2026-11-20T10:11:12</TSTED></DD><FRMT algoritmo=\"SHA1withRSA\">"...)) {
		t.Errorf("CAF or TSTED out of place: %q", text)
	}
	if !bytes.Equal(ted.Payload(text), text) || bytes.ContainsAny(text, "\r\n") {
		t.Error("not flat")
	}
	// The oracle's example holds the same document under the same CAF, indented.
	example, err := ted.Find(reference(t, "oracle", "examples", "bare-dte.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(ted.Payload(example)), string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	keys, c := testKeys(t), testCAF(t, "a", "33-1-100.xml")
	tests := map[string]dte.StampFields{"plain": fields()}
	for name, text := range map[string]string{
		"forty characters":     strings.Repeat("ñ", 40),
		"blank after the cut":  strings.Repeat("x", 39) + " and more",
		"blanks at the edges":  "  a  b  ",
		"like tags":            "> < ]]> <b>",
		"entity by name":       "&amp; &#38; &quot;",
		"whole Latin-1":        "\u00a1\u00ff\u00d7 »«",
		"escapes past the cut": strings.Repeat("&", 60),
		"one letter":           "x",
	} {
		f := fields()
		f.RSR, f.IT1 = text, text
		tests[name] = f
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := ted.Stamp(f, c, stampedAt)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ted.Verify(text, keys)
			if err != nil {
				t.Fatal(err)
			}
			if d := got.Differences(f); d != nil {
				t.Errorf("differs from its document: %v", d)
			}
			if !got.At.Equal(time.Date(2026, 11, 20, 10, 11, 12, 0, time.UTC)) || got.CAF.To != 100 {
				t.Errorf("read %+v", got)
			}
		})
	}
}

func TestStampRefuses(t *testing.T) {
	t.Parallel()
	c := testCAF(t, "a", "33-1-100.xml")
	tests := map[string]struct {
		change func(*dte.StampFields)
		at     time.Time
		want   error
	}{
		"folio after the range": {func(f *dte.StampFields) { f.Folio = 101 }, stampedAt, ted.ErrFolio},
		"folio zero":            {func(f *dte.StampFields) { f.Folio = 0 }, stampedAt, ted.ErrFolio},
		"other type":            {func(f *dte.StampFields) { f.TD = dte.FacturaExenta }, stampedAt, ted.ErrType},
		"other company":         {func(f *dte.StampFields) { f.RE = f.RR }, stampedAt, ted.ErrIssuer},
		"no receiver":           {func(f *dte.StampFields) { f.RR = rut.RUT{} }, stampedAt, ted.ErrText},
		"blank name":            {func(f *dte.StampFields) { f.RSR = " \u00a0 " }, stampedAt, ted.ErrText},
		"blank before the cut":  {func(f *dte.StampFields) { f.IT1 = strings.Repeat(" ", 40) + "x" }, stampedAt, ted.ErrText},
		"euro":                  {func(f *dte.StampFields) { f.IT1 = "10 €" }, stampedAt, ted.ErrText},
		"line end":              {func(f *dte.StampFields) { f.IT1 = "a\nb" }, stampedAt, ted.ErrText},
		"not UTF-8":             {func(f *dte.StampFields) { f.IT1 = "a\xf1" }, stampedAt, ted.ErrText},
		"before the CAF":        {func(*dte.StampFields) {}, time.Date(2026, 11, 1, 23, 59, 0, 0, time.UTC), ted.ErrDate},
		"expired":               {func(*dte.StampFields) {}, time.Date(2027, 5, 2, 0, 0, 0, 0, time.UTC), caf.ErrExpired},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fields()
			test.change(&f)
			if text, err := ted.Stamp(f, c, test.at); !errors.Is(err, test.want) || text != nil {
				t.Errorf("got %q, %v, want %v", text, err, test.want)
			}
		})
	}
}

// The CAF goes into the TED as the SII wrote it, entities included.
func TestStampKeepsCAF(t *testing.T) {
	t.Parallel()
	f := fields()
	f.RE, f.RR = f.RR, f.RE
	text, err := ted.Stamp(f, testCAF(t, "x", "33-apos-b.xml"), stampedAt)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("<RS>Ferreter\xeda O&apos;Higgins y C\xeda. S.A.</RS>")) {
		t.Errorf("%q", text)
	}
	if _, err := ted.Verify(text, testKeys(t)); err != nil {
		t.Error(err)
	}
}

func BenchmarkStamp(b *testing.B) {
	c, f := testCAF(b, "a", "33-1-100.xml"), fields()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ted.Stamp(f, c, stampedAt); err != nil {
			b.Fatal(err)
		}
	}
}
