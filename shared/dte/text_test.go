package dte_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
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
