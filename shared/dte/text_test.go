package dte_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/ted"
)

// named puts a text into the name of the only line.
func named(tb testing.TB, text string) string {
	tb.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		tb.Fatal(err)
	}
	return document(dte.Factura, "", `"Detalle":{"NmbItem":`+string(quoted)+`,"MontoItem":1000}`)
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Pan", "Pan"},
		{"Latin-1", "Ñandú ÿ ¿½×", "Ñandú ÿ ¿½×"},
		{"decomposed letters are composed", "n\u0303andu\u0301", "ñandú"},
		{"quotes and dashes", "“a” ‘b’ – — … €5 H₂O 5′", `"a" 'b' - - ... EUR5 H2O 5'`},
		{"letters that Latin-1 lacks", "Győr Łódź Œuvre ﬁ ™ Ａ", "Gyor Lódz OEuvre fi TM A"},
		{"blanks", " \u00A0a\u2003b\u3000c\u00A0 ", "a b c"},
		{"soft hyphens, marks without width", "a\u00ADb\u200Bc\uFEFF", "abc"},
		{"control characters", "a\tb\nc\x00d\u0085e\u009Ff\x7Fg", "a b c d e f g"},
		{"double blanks stay", "a  b", "a  b"},
		{"escapes are not decoded", "a &amp; b", "a &amp; b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustResolve(t, named(t, tt.in))
			if diff := cmp.Diff(tt.want, field(t, o, "Detalle/NmbItem")); diff != "" {
				t.Error(diff)
			}
			write(t, o, dte.FormBoth)
		})
	}
}

func TestTextRefused(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"日本", "Ω", "🙂", "a\uFFFDb", "Привет", "\u0301"} {
		_, _, err := resolve(named(t, in))
		if diff := cmp.Diff([]string{"document.Detalle[0].NmbItem:bad-character"}, faults(t, err)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
	_, _, err := resolve(named(t, strings.Repeat("…", 27)))
	if diff := cmp.Diff([]string{"document.Detalle[0].NmbItem:too-long"}, faults(t, err)); diff != "" {
		t.Errorf("longer by transliteration: %s", diff)
	}
	long := strings.Replace(named(t, "x"), `"MontoItem"`, `"DscItem":"`+strings.Repeat("&", 1000)+`","MontoItem"`, 1)
	_, _, err = resolve(long)
	if diff := cmp.Diff([]string{"document.Detalle[0].DscItem:line-too-long:CHR-00002"}, faults(t, err)); diff != "" {
		t.Errorf("a line over 4,000 bytes: %s", diff)
	}
	write(t, mustResolve(t, strings.Replace(long, strings.Repeat("&", 1000), strings.Repeat("&", 700), 1)), dte.FormBoth)
}

// randomText mixes what people paste with any of Unicode.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(60) {
		switch r.IntN(12) {
		case 0:
			b.WriteString([]string{"&", "<", ">", "'", `"`, "&amp;", "]]>", "<![CDATA["}[r.IntN(8)])
		case 1:
			b.WriteRune([]rune("“”‘’–—…€₂™œŁ\u00A0\u00AD\u200B\u0301\u0303\t\n\r")[r.IntN(20)])
		case 2:
			b.WriteRune(rune(0xA0 + r.IntN(0x60)))
		case 3:
			switch r.IntN(40) {
			case 0:
				b.WriteRune(rune(r.IntN(unicode.MaxRune)))
			case 1, 2:
				b.WriteRune(rune(r.IntN(0x180)))
			}
		default:
			b.WriteByte(byte(' ' + r.IntN(95)))
		}
	}
	return strings.ToValidUTF8(b.String(), "")
}

// TestRandomText: a clear refusal, or a document whose bytes re-read to the same; with WITNESS=1 the
// oracle and xmlsec1 judge a part of them.
func TestRandomText(t *testing.T) {
	t.Parallel()
	count, judged := 300, 0
	if os.Getenv("WITNESS") != "" {
		count, judged = 6_000, 150
	}
	r := rand.New(rand.NewPCG(7, 8))
	accepted := 0
	var files []string
	dir := t.TempDir()
	for range count {
		text := strings.NewReplacer("@NAME@", quote(t, randomText(r)), "@ITEM@", quote(t, randomText(r)), "@NOTE@", quote(t, randomText(r))).Replace(
			`{"Encabezado":{"IdDoc":{"TipoDTE":33},"Receptor":{"RUTRecep":"60803000-K","RznSocRecep":@NAME@,"GiroRecep":"g","DirRecep":"d","CmnaRecep":"c"}},` +
				`"Detalle":{"NmbItem":@ITEM@,"DscItem":@NOTE@,"MontoItem":1000}}`)
		o, _, err := dte.Resolve(dte.Request{Document: []byte(text), Issuer: bakery, Today: today})
		if err != nil {
			var invalid *dte.Invalid
			if !errors.As(err, &invalid) || invalid.Faults[0].Path == "" || invalid.Faults[0].Detail == "" {
				t.Fatalf("%s: %v", text, err)
			}
			continue
		}
		accepted++
		write(t, o, dte.FormBoth)
		// The oracle takes such a pair of letters for UTF-8 in a Latin-1 file; it is legal all the same.
		if len(files) < judged && !looksUTF8.MatchString(text) {
			files = append(files, judge(t, o, dir, len(files)))
		}
	}
	t.Logf("%d of %d accepted", accepted, count)
	if accepted < count/4 || accepted == count {
		t.Errorf("%d of %d accepted", accepted, count)
	}
	if len(files) > 0 {
		runOracle(t, files)
	}
}

var looksUTF8 = regexp.MustCompile("[\u00C2-\u00F4][\u0080-\u00BF]")

func quote(t *testing.T, s string) string {
	t.Helper()
	out, err := json.Marshal(s)
	if err != nil || !utf8.Valid(out) {
		t.Fatal(err)
	}
	return string(out)
}

// judge writes a document with a real stamp for the oracle.
func judge(t *testing.T, o *dte.Order, dir string, i int) string {
	t.Helper()
	o = o.WithFolio(int64(i%100 + 1))
	id := signer(t)
	stamped, err := ted.Stamp(o.Stamped(), readCAF(t, o.Type()), signedAt)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := dte.Write(o, stamped, signedAt, dte.FormBoth, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dte.Verify(signed, o, id); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, o.Type().String()+"-"+string(rune('a'+i/26%26))+string(rune('a'+i%26))+".xml")
	text := append([]byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n"), signed...)
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func runOracle(t *testing.T, files []string) {
	t.Helper()
	args := append([]string{"-q", "--caf-keys", golden.Reference(t, "testpki", "sii")}, files...)
	out, err := exec.Command(golden.Reference(t, "oracle", "verify_dte.py"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("oracle: %v\n%s", err, out)
	}
}

func FuzzResolve(f *testing.F) {
	for _, tt := range whole {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, _, err := resolve(text)
		if err != nil {
			faults(t, err)
			return
		}
		write(t, o, dte.FormBoth)
		stored, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var again dte.Order
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatalf("%s: %v", stored, err)
		}
		o.Totals()
		o.Stamped()
	})
}
