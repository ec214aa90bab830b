package caf_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/shared/caf"
	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/rut"
)

var companyA = rut.MustParse("99928793-K")

func testKeys(tb testing.TB) caf.Keys {
	tb.Helper()
	keys := caf.Keys{}
	for _, idk := range []int{caf.IDKCertificacion, caf.IDKProduccion} {
		key, err := caf.ParseKey(read(tb, golden.Reference(tb, "testpki", "sii", fmt.Sprintf("%d.pub", idk))))
		if err != nil {
			tb.Fatal(err)
		}
		keys[idk] = key
	}
	return keys
}

func read(tb testing.TB, path string) []byte {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func cafFile(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	return read(tb, golden.Reference(tb, append([]string{"testpki", "caf"}, parts...)...))
}

func parseCAF(tb testing.TB, parts ...string) *caf.CAF {
	tb.Helper()
	c, err := caf.Parse(cafFile(tb, parts...), testKeys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// The whole of caf/a, b and c is good; the name of each file says type and range.
func TestParseGood(t *testing.T) {
	t.Parallel()
	keys := testKeys(t)
	folders := map[string]rut.RUT{"a": companyA, "b": rut.MustParse("99923634-0"), "c": rut.MustParse("99952202-5")}
	count := 0
	for id, company := range folders {
		files, err := filepath.Glob(filepath.Join(golden.Reference(t, "testpki", "caf", id), "*.xml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			count++
			c, err := caf.Parse(read(t, file), keys)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if got, want := fmt.Sprintf("%d-%d-%d.xml", c.Type, c.From, c.To), filepath.Base(file); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if err := c.CheckFor(company, caf.Certificacion); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if !bytes.HasPrefix(c.Element(), []byte(`<CAF version="1.0"><DA><RE>`+company.String()+"</RE><RS>")) {
				t.Errorf("%s: element %.60q", file, c.Element())
			}
		}
	}
	if count < 54 {
		t.Errorf("saw %d files, want 54 or more", count)
	}
}

// The faulty and odd files of testpki, each as its README says.
func TestParseOdd(t *testing.T) {
	t.Parallel()
	keys := testKeys(t)
	tests := map[string][]*caf.Error{
		"33-expired.xml":        nil, // see TestExpiry
		"33-other-rut.xml":      nil, // see TestCheckFor
		"33-idk300.xml":         nil, // see TestCheckFor
		"33-bad-frma.xml":       {caf.ErrFRMA},
		"33-key-mismatch.xml":   {caf.ErrKeyMismatch},
		"33-unknown-idk.xml":    {caf.ErrUnknownIDK},
		"33-widened.xml":        {caf.ErrFRMA},
		"33-no-rsask.xml":       {caf.ErrNoKey},
		"33-truncated.xml":      {caf.ErrMalformed},
		"33-declared.xml":       nil,
		"33-declared-utf8.xml":  nil,
		"33-apos-b.xml":         nil,
		"33-crlf.xml":           nil,
		"33-no-declaration.xml": nil,
		"33-pem-one-line.xml":   nil,
	}
	files, err := filepath.Glob(filepath.Join(golden.Reference(t, "testpki", "caf", "x"), "*.xml"))
	if err != nil || len(files) != len(tests) {
		t.Fatalf("%d files, %d expectations: %v", len(files), len(tests), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, known := tests[name]
			if !known {
				t.Fatal("no expectation")
			}
			_, err := caf.Parse(read(t, file), keys)
			expectFaults(t, err, want)
		})
	}
}

func expectFaults(t *testing.T, err error, want []*caf.Error) {
	t.Helper()
	got := caf.Faults(err)
	if len(got) != len(want) || (err == nil) != (len(want) == 0) {
		t.Fatalf("got %v (%v), want %v", got, err, want)
	}
	for i := range want {
		if got[i] != want[i] || !errors.Is(err, want[i]) {
			t.Errorf("fault %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestParseReportsAllFaults(t *testing.T) {
	t.Parallel()
	file := cafFile(t, "a", "33-1-100.xml")
	file = bytes.Replace(file, []byte("<D>1</D>"), []byte("<D>101</D>"), 1)
	file = bytes.Replace(file, []byte("<TD>33</TD>"), []byte("<TD>99</TD>"), 1)
	file = bytes.Replace(file, []byte("RSASK>"), []byte("OTHER>"), 2)
	_, err := caf.Parse(file, testKeys(t))
	expectFaults(t, err, []*caf.Error{caf.ErrFRMA, caf.ErrType, caf.ErrRange, caf.ErrNoKey})
}

// Forms that mail and editors leave behind; each must end in the element that the SII signed.
func TestParseForms(t *testing.T) {
	t.Parallel()
	keys, file := testKeys(t), cafFile(t, "a", "33-1-100.xml")
	want := parseCAF(t, "a", "33-1-100.xml").Element()
	tests := map[string][]byte{
		"byte order mark":       append([]byte("\xef\xbb\xbf"), file...),
		"UTF-8":                 toUTF8(file),
		"UTF-8 with mark":       append([]byte("\xef\xbb\xbf"), toUTF8(file)...),
		"indented":              bytes.ReplaceAll(file, []byte("\n<"), []byte("\n\t  <")),
		"blank at the ends":     append(append([]byte("\r\n "), file...), "\n\n"...),
		"blanks inside values":  bytes.Replace(bytes.Replace(file, []byte("<M>"), []byte("<M>\n "), 1), []byte("</FRMA>"), []byte("\n</FRMA>"), 1),
		"UTF-8 and blanks":      bytes.Replace(toUTF8(file), []byte("<RS>"), []byte("<RS>\n"), 1),
		"on one line":           bytes.ReplaceAll(file, []byte(">\n<"), []byte("><")),
		"attributes with '":     bytes.Replace(file, []byte(`version="1.0">`+"\n<DA>"), []byte("version='1.0'>\n<DA>"), 1),
		"namespace on CAF tags": bytes.Replace(file, []byte("<DA>"), []byte(`<DA xmlns="http://www.sii.cl/SiiDte">`), 1),
	}
	for name, form := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := caf.Parse(form, keys)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.ReplaceAll(c.Element(), []byte("'"), []byte(`"`)); !bytes.Equal(got, want) {
				t.Errorf("element %q\nwant %q", got, want)
			}
		})
	}
}

func toUTF8(latin1 []byte) []byte {
	var out []rune
	for _, b := range latin1 {
		out = append(out, rune(b))
	}
	return []byte(string(out))
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	keys, file := testKeys(t), cafFile(t, "a", "33-1-100.xml")
	swap := func(old, replacement string) []byte {
		if !bytes.Contains(file, []byte(old)) {
			t.Fatalf("no %q in the file", old)
		}
		return bytes.Replace(file, []byte(old), []byte(replacement), 1)
	}
	tests := map[string]struct {
		file []byte
		want *caf.Error
	}{
		"empty":                  {nil, caf.ErrMalformed},
		"no XML":                 {[]byte("PDF-1.7"), caf.ErrMalformed},
		"document type":          {swap("<AUTORIZACION>", "<!DOCTYPE a [<!ENTITY b \"c\">]><AUTORIZACION>"), caf.ErrMalformed},
		"comment":                {swap("<DA>", "<!-- --><DA>"), caf.ErrMalformed},
		"two authorizations":     {append(append([]byte(nil), file...), file...), caf.ErrMalformed},
		"other version":          {swap(`<CAF version="1.0">`, `<CAF version="2.0">`), caf.ErrMalformed},
		"other algorithm":        {swap("SHA1withRSA", "MD5withRSA"), caf.ErrMalformed},
		"exponent of 40 bits":    {swap("<E>Aw==</E>", "<E>//////8=</E>"), caf.ErrMalformed},
		"date that is none":      {swap("<FA>2026-11-02</FA>", "<FA>2026-02-30</FA>"), caf.ErrMalformed},
		"RUT with a wrong digit": {swap("99928793-K", "99928793-1"), caf.ErrMalformed},
		"huge":                   {append(append([]byte(nil), file...), bytes.Repeat([]byte(" "), 64<<10)...), caf.ErrTooLarge},
		"FRMA of another CAF":    {swapFRMA(t, file, cafFile(t, "a", "34-1-100.xml")), caf.ErrFRMA},
		"one letter in RS":       {swap("Hijos", "Hijas"), caf.ErrFRMA},
		"blank inside RS":        {swap("Hijos ", "Hijos  "), caf.ErrFRMA},
		"entity decoded":         {swap("&amp;", "&#38;"), caf.ErrFRMA},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := caf.Parse(test.file, keys); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func swapFRMA(t *testing.T, file, other []byte) []byte {
	t.Helper()
	cut := func(b []byte) []byte {
		start, end := bytes.Index(b, []byte("<FRMA")), bytes.Index(b, []byte("</FRMA>"))
		if start < 0 || end < 0 {
			t.Fatal("no FRMA")
		}
		return b[start:end]
	}
	return bytes.Replace(file, cut(file), cut(other), 1)
}

func TestCheckFor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file        string
		environment caf.Environment
		want        error
	}{
		"good":                     {"33-declared.xml", caf.Certificacion, nil},
		"certification elsewhere":  {"33-declared.xml", caf.Produccion, caf.ErrEnvironment},
		"production in production": {"33-idk300.xml", caf.Produccion, nil},
		"production elsewhere":     {"33-idk300.xml", caf.Certificacion, caf.ErrEnvironment},
		"other company":            {"33-other-rut.xml", caf.Certificacion, caf.ErrCompany},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := parseCAF(t, "x", test.file).CheckFor(companyA, test.environment); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	tests := map[string]struct {
		kind             dte.Type
		authorized, last string
	}{
		"factura":              {dte.Factura, "2026-11-02", "2027-05-01"},
		"nota de crédito":      {dte.NotaCredito, "2026-01-01", "2026-06-30"},
		"end of a short month": {dte.Factura, "2026-08-31", "2027-02-27"},
		"end in a leap year":   {dte.FacturaCompra, "2027-08-30", "2028-02-28"},
		"exenta does not":      {dte.FacturaExenta, "2003-01-01", ""},
		"guía does not":        {dte.GuiaDespacho, "2003-01-01", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := caf.Authorization{Type: test.kind, AuthorizedOn: day(test.authorized)}
			last, ok := a.ExpiresOn()
			if ok != (test.last != "") || (ok && last.Format(time.DateOnly) != test.last) {
				t.Fatalf("last day %v %v, want %q", last, ok, test.last)
			}
			if !ok {
				last = day("2090-01-01")
			}
			if a.ExpiredAt(last.Add(23 * time.Hour)) {
				t.Error("expired on its last day")
			}
			if a.ExpiredAt(last.AddDate(0, 0, 1)) != ok {
				t.Error("wrong on the day after")
			}
		})
	}
}

// The day is the one of the signer's zone: in Chile the last evening is still the last day.
func TestExpiryZone(t *testing.T) {
	t.Parallel()
	a := caf.Authorization{Type: dte.Factura, AuthorizedOn: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)}
	evening := time.Date(2027, 5, 1, 23, 0, 0, 0, time.FixedZone("CLT", -4*3600))
	if a.ExpiredAt(evening) || !a.ExpiredAt(evening.UTC()) {
		t.Errorf("the zone of %v is not respected", evening)
	}
}

func TestExpiredSample(t *testing.T) {
	t.Parallel()
	if !parseCAF(t, "x", "33-expired.xml").ExpiredAt(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)) {
		t.Error("a CAF of 400 days is not expired")
	}
}

func TestRange(t *testing.T) {
	t.Parallel()
	hundred, two, all := parseCAF(t, "a", "33-1-100.xml"), parseCAF(t, "a", "33-501-502.xml"), parseCAF(t, "a", "33-1-100000.xml")
	for folio, want := range map[int64]bool{500: false, 501: true, 502: true, 503: false, 0: false, -501: false} {
		if two.Contains(folio) != want {
			t.Errorf("folio %d: contained is %v", folio, !want)
		}
	}
	other := parseCAF(t, "b", "33-1-100.xml")
	production := parseCAF(t, "x", "33-idk300.xml")
	if hundred.Overlaps(&two.Authorization) || !all.Overlaps(&two.Authorization) || !two.Overlaps(&all.Authorization) {
		t.Error("overlap of one company and type is wrong")
	}
	if hundred.Overlaps(&other.Authorization) || hundred.Overlaps(&production.Authorization) {
		t.Error("folios of another company or environment overlap")
	}
}

func TestSign(t *testing.T) {
	t.Parallel()
	c := parseCAF(t, "a", "33-1-100.xml")
	digest := sha1.Sum([]byte("<DD></DD>"))
	signature, err := c.Sign(digest[:])
	if err != nil || len(signature) != 64 {
		t.Fatalf("%d bytes, %v", len(signature), err)
	}
	if err := rsa.VerifyPKCS1v15(c.Public().(*rsa.PublicKey), crypto.SHA1, digest[:], signature); err != nil {
		t.Error(err)
	}
}

func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	c := parseCAF(t, "a", "33-1-100.xml")
	encoded, err := json.Marshal(map[string]any{"caf": c, "value": *c})
	if err != nil {
		t.Fatal(err)
	}
	shown := string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		shown += "\n" + fmt.Sprintf(verb, c) + "\n" + fmt.Sprintf(verb, *c)
	}
	if !strings.Contains(shown, "[redacted]") || !strings.Contains(shown, "99928793-K") {
		t.Errorf("no summary in %s", shown)
	}
	// Parts of the key's d, p and q in base64, decimal and hex would be long runs; none may appear.
	for _, secret := range c.SecretForms() {
		if strings.Contains(shown, secret) {
			t.Errorf("a secret part %.12s… is printed", secret)
		}
	}
}

func TestSIIKeys(t *testing.T) {
	t.Parallel()
	for idk, key := range caf.SIIKeys() {
		for _, name := range []string{fmt.Sprintf("%d.cer", idk), fmt.Sprintf("sii-caf-idk-%d.pub.pem", idk)} {
			got, err := caf.ParseKey(read(t, golden.Reference(t, "sii", "certs", name)))
			if err != nil || !got.Equal(key) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := caf.ParseKey(read(t, golden.Reference(t, "testpki", "sii", fmt.Sprintf("%d.cer", idk)))); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := caf.ParseKey([]byte(bad)); err == nil {
			t.Errorf("%q is taken as a key", bad)
		}
	}
	if _, err := caf.ParseKey(read(t, golden.Reference(t, "testpki", "certs", "x-ec.pem"))); err == nil {
		t.Error("an EC key is taken")
	}
}

// The made-up CAF of another project: its own key, FRMA not of the SII.
func TestSyntheticSample(t *testing.T) {
	t.Parallel()
	file := read(t, golden.Reference(t, "sii", "samples", "caf", "CAF-66666666-6-sintetico.xml"))
	if _, err := caf.Parse(file, caf.SIIKeys()); !errors.Is(err, caf.ErrFRMA) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	keys := testKeys(f)
	files, err := filepath.Glob(filepath.Join(golden.Reference(f, "testpki", "caf", "x"), "*.xml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(read(f, file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := caf.Parse(file, keys)
		if err != nil {
			if len(caf.Faults(err)) == 0 {
				t.Errorf("fault without code: %v", err)
			}
			return
		}
		if c.Verify(keys) != nil || c.From > c.To || c.IDK != 100 && c.IDK != 300 {
			t.Errorf("accepted %v", c)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	c := parseCAF(b, "a", "33-1-100.xml")
	digest := sha1.Sum([]byte("<DD></DD>"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Sign(digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	keys, file := testKeys(b), cafFile(b, "a", "33-1-100.xml")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := caf.Parse(file, keys); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	_, err := caf.Parse([]byte("<AUTORIZACION></AUTORIZACION>"), caf.SIIKeys())
	fmt.Println(caf.Faults(err)[0].Code)
	// Output: caf-malformed
}
