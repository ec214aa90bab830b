package exchange_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"timbre/shared/exchange"
	"timbre/shared/xmldsig"
)

func wantQuarantine(t *testing.T, text []byte, code string) *exchange.Quarantine {
	t.Helper()
	_, err := exchange.Read(text)
	var q *exchange.Quarantine
	if !errors.As(err, &q) {
		t.Fatalf("got %v, want quarantine %s", err, code)
	}
	if q.Code != code || q.Reason == "" {
		t.Errorf("quarantine %s %q, want %s", q.Code, q.Reason, code)
	}
	return q
}

func TestRoots(t *testing.T) {
	t.Parallel()
	const ns = ` xmlns="http://www.sii.cl/SiiDte"`
	tests := []struct {
		name, text string
		kind       exchange.Kind
		quarantine string
	}{
		{"bare document", `<DTE` + ns + `/>`, exchange.DTE, ""},
		{"no namespace", `<DTE/>`, exchange.DTE, ""},
		{"prefix", `<s:DTE xmlns:s="http://www.sii.cl/SiiDte"/>`, exchange.DTE, ""},
		{"envelope", `<EnvioDTE` + ns + `><SetDTE><DTE/></SetDTE></EnvioDTE>`, exchange.EnvioDTE, ""},
		{"boletas", `<EnvioBOLETA` + ns + `><SetDTE><DTE/></SetDTE></EnvioBOLETA>`, exchange.EnvioBOLETA, ""},
		{"answer", `<RespuestaDTE` + ns + `/>`, exchange.RespuestaDTE, ""},
		{"receipts", `<EnvioRecibos` + ns + `/>`, exchange.EnvioRecibos, ""},
		{"the SII's mail", `<RESULTADO_ENVIO><IDENTIFICACION/></RESULTADO_ENVIO>`, exchange.ResultadoEnvio, ""},
		{"cession", `<AEC` + ns + `/>`, exchange.AEC, ""},
		{"blanks around", "\r\n <?xml version=\"1.0\"?><DTE/>\n\x00\x1a", exchange.DTE, ""},

		{"nothing", "", "", exchange.NotXML},
		{"a web page", "<html><body>Error<br></body></html>", "", exchange.NotXML},
		{"other XML", "<Invoice/>", "", exchange.OtherRoot},
		{"other namespace", `<DTE xmlns="urn:x"/>`, "", exchange.OtherRoot},
		{"no documents", `<EnvioDTE` + ns + `><SetDTE/></EnvioDTE>`, "", exchange.NoDocument},
		{"no set", `<EnvioDTE` + ns + `/>`, "", exchange.NoDocument},
		{"DTD", `<!DOCTYPE DTE SYSTEM "file:///etc/passwd"><DTE/>`, "", exchange.Doctype},
		{"UTF-16", "\xff\xfe<\x00D\x00/\x00>\x00", "", exchange.BadText},
		{"unknown encoding", `<?xml version="1.0" encoding="EBCDIC"?><DTE/>`, "", exchange.BadText},
		{"too many documents", `<EnvioDTE` + ns + `><SetDTE>` + strings.Repeat("<DTE/>", 2001) + `</SetDTE></EnvioDTE>`, "", exchange.OverLimit},
		{"document too large", `<DTE>` + strings.Repeat("<a>"+strings.Repeat("x", 60_000)+"</a>", 36) + `</DTE>`, "", exchange.OverLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.quarantine != "" {
				wantQuarantine(t, []byte(tt.text), tt.quarantine)
				return
			}
			f := read(t, []byte(tt.text))
			if f.Kind != tt.kind {
				t.Errorf("kind %s", f.Kind)
			}
			if r := (&exchange.Checker{}).Check(f); tt.kind != exchange.ResultadoEnvio && worst(r) != exchange.Fail {
				t.Errorf("an empty file passes: %+v", r)
			}
		})
	}
}

func worst(r *exchange.Report) exchange.Result {
	result := r.Checks.Worst()
	for _, d := range r.Documents {
		if w := d.Checks.Worst(); w == exchange.Fail {
			result = w
		}
	}
	return result
}

// Every document is cut out to the byte, whatever its form, and verifies alone.
func TestCutOut(t *testing.T) {
	t.Parallel()
	documents := [][]byte{issue(t, order{folio: 1}), issue(t, order{folio: 2, form: "sii"})}
	f := read(t, enclose(t, company, documents...))
	if len(f.Documents) != len(documents) {
		t.Fatalf("%d documents", len(f.Documents))
	}
	for i, d := range f.Documents {
		if !bytes.Equal(d.Bytes, documents[i]) {
			t.Errorf("document %d is not what was put in", i)
		}
		alone := read(t, append([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?>`), d.Bytes...))
		if r := checker(t).Check(alone).Documents[0]; r.Checks.Worst() != exchange.Pass {
			t.Errorf("document %d alone: %v", i, failing(r.Checks, exchange.Fail))
		}
		if diff := cmp.Diff(alone.Documents[0].Named, d.Named); diff != "" {
			t.Error(diff)
		}
	}
}

// One envelope in the encodings in which mail brings it. What the issuer signed is the same in each.
func TestEncodings(t *testing.T) {
	t.Parallel()
	latin1 := enclose(t, company, issue(t, order{}))
	utf8, err := charmap.ISO8859_1.NewDecoder().Bytes(latin1)
	if err != nil {
		t.Fatal(err)
	}
	declare := func(text []byte, encoding string) []byte {
		return bytes.Replace(text, []byte(`encoding="ISO-8859-1"`), []byte(encoding), 1)
	}
	tests := []struct {
		name        string
		text        []byte
		encoding    string
		misdeclared bool
	}{
		{"as it should be", latin1, "ISO-8859-1", false},
		{"windows-1252", declare(latin1, `encoding="windows-1252"`), "WINDOWS-1252", false},
		{"UTF-8", declare(utf8, `encoding="UTF-8"`), "UTF-8", false},
		{"UTF-8 undeclared", declare(utf8, ``), "UTF-8", false},
		{"UTF-8 with BOM", append([]byte("\xEF\xBB\xBF"), declare(utf8, `encoding="UTF-8"`)...), "UTF-8", false},
		{"UTF-8 that says it is Latin-1", utf8, "UTF-8", true},
		{"the same with BOM", append([]byte("\xEF\xBB\xBF"), utf8...), "UTF-8", true},
		{"Latin-1 that says it is UTF-8", declare(latin1, `encoding="UTF-8"`), "WINDOWS-1252", true},
		{"Latin-1 undeclared", declare(latin1, ``), "WINDOWS-1252", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := read(t, tt.text)
			if f.Encoding != tt.encoding || f.Misdeclared != tt.misdeclared {
				t.Errorf("%s, misdeclared %v", f.Encoding, f.Misdeclared)
			}
			r := checker(t).Check(f)
			d := r.Documents[0]
			if r.Checks.Strict() != exchange.Pass || d.Checks.Worst() != exchange.Pass {
				t.Errorf("file %v, document %v", failing(r.Checks, exchange.Fail), failing(d.Checks, exchange.Fail))
			}
			if d.IssuerName != seller.RznSoc {
				t.Errorf("issuer's name %q", d.IssuerName)
			}
			if got := r.Checks.Of(exchange.CheckEncoding) == exchange.Warn; got != tt.misdeclared {
				t.Errorf("warned of the encoding: %v", got)
			}
		})
	}
}

// Text that was signed as UTF-8 read as Latin-1 holds in that reading, and is left in it.
func TestSignedInTheWrongEncoding(t *testing.T) {
	t.Parallel()
	f := read(t, signedAsDeclared(t))
	r := checker(t).Check(f)
	if f.Encoding != "ISO-8859-1" || r.Documents[0].Signature.Digest != xmldsig.InPlace {
		t.Errorf("%s: %v", f.Encoding, failing(r.Documents[0].Checks, exchange.Fail))
	}
}
