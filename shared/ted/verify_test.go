package ted_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/caf"
	"timbre/shared/golden"
	"timbre/shared/ted"
)

// Real documents with the known length and SHA-1 of their flat DD; each verifies by the SII's real keys.
func TestKnownAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file      string
		raw, flat int
		sum       string
	}{
		{"envio/F60T33-ejemplo-oficial-SII.xml", 792, 592, "35f9c699d6a2911ca05205570dd2ce753b881ac8"},
		{"ted/TED-97975000-5-33-27-SII-vector.xml", 583, 583, "71662877c771717f5cbd48da3e9b6940a51c702c"},
		{"ted/TED-89622400-K-33-10.xml", 598, 598, "3d08bc12a9f07e0c80a9268664e5d7d42abc2692"},
		{"dte/DTE-60910000-1-33-2336600.xml", 665, 609, "88f54ef46c09e6a705d28f91740470d723c9d8e3"},
		{"dte/DTE-76354771-K-33-170.xml", 610, 610, "3685d17aec1d8e5662c332017640e37d51e6f7bb"},
		{"envio/EnvioDTE-762352915-F13T33.xml", 1224, 620, "2a430e13fe9f71e3df4e9f1f427da06ed269eff9"},
	}
	for _, test := range tests {
		t.Run(filepath.Base(test.file), func(t *testing.T) {
			t.Parallel()
			text, err := ted.Find(reference(t, "sii", "samples", test.file))
			if err != nil {
				t.Fatal(err)
			}
			start, end := bytes.Index(text, []byte("<DD>")), bytes.Index(text, []byte("</DD>"))+len("</DD>")
			sum := sha1.Sum(dd(text))
			if end-start != test.raw || len(dd(text)) != test.flat || hex.EncodeToString(sum[:]) != test.sum {
				t.Errorf("raw %d, flat %d, SHA-1 %x", end-start, len(dd(text)), sum)
			}
			if _, err := ted.Verify(text, caf.SIIKeys()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Every TED of the samples, by the real keys of the SII; those that README names bad must fail.
func TestSamples(t *testing.T) {
	t.Parallel()
	bad := map[string][]error{
		"EnvioDTE-762352915-basico-resigned.xml":      {ted.ErrFRMT},
		"EnvioBOLETA-softcomsas-altered.xml":          {caf.ErrFRMA},
		"TED-78003230-8-39-203-fake.xml":              {caf.ErrFRMA},
		"DTE-76354771-K-33-170-mod-changed-monto.xml": {ted.ErrFRMT},
	}
	good := 0
	for _, file := range sampleFiles(t) {
		for i, text := range all(file.content) {
			_, err := ted.Verify(text, caf.SIIKeys())
			wants := bad[file.name]
			if len(wants) == 0 && err == nil {
				good++
				continue
			}
			if len(wants) == 0 {
				t.Errorf("%s, TED %d: %v", file.name, i+1, err)
			}
			for _, want := range wants {
				if !errors.Is(err, want) {
					t.Errorf("%s, TED %d: got %v, want %v", file.name, i+1, err, want)
				}
			}
		}
	}
	if good < 20 {
		t.Errorf("only %d TEDs verified", good)
	}
}

// The oracle's examples: one writes its attributes in single quotes, one has a comment, one CR LF.
func TestOracleExamples(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(golden.Reference(t, "oracle", "examples"), "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range all(content) {
			count++
			if _, err := ted.Verify(text, testKeys(t)); err != nil {
				t.Errorf("%s, TED %d: %v", filepath.Base(path), i+1, err)
			}
		}
	}
	if count < 15 {
		t.Errorf("only %d TEDs", count)
	}
}

type sample struct {
	name    string
	content []byte
}

func sampleFiles(tb testing.TB) []sample {
	tb.Helper()
	root := golden.Reference(tb, "sii", "samples")
	var files []sample
	for _, folder := range []string{"aec", "boleta", "dte", "envio", "negative", "tampered", "ted", "generated"} {
		paths, err := filepath.Glob(filepath.Join(root, folder, "*.xml"))
		if err != nil {
			tb.Fatal(err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				tb.Fatal(err)
			}
			files = append(files, sample{filepath.Base(path), content})
		}
	}
	return files
}

// all cuts every TED out of a file.
func all(content []byte) [][]byte {
	var texts [][]byte
	for {
		start, end := bytes.Index(content, []byte("<TED")), bytes.Index(content, []byte("</TED>"))
		if start < 0 || end < 0 {
			return texts
		}
		end += len("</TED>")
		texts, content = append(texts, content[start:end]), content[end:]
	}
}

// Indenting keeps a stamp valid; anything else does not.
func TestVerifyIndented(t *testing.T) {
	t.Parallel()
	keys := testKeys(t)
	text, err := ted.Stamp(fields(), testCAF(t, "a", "33-1-100.xml"), stampedAt)
	if err != nil {
		t.Fatal(err)
	}
	good := map[string][]byte{
		"indented":       bytes.ReplaceAll(text, []byte("><"), []byte(">\r\n\t <")),
		"namespace":      bytes.Replace(text, []byte("<DD>"), []byte(`<DD xmlns="http://www.sii.cl/SiiDte" xmlns:xsi='x'>`), 1),
		"blanks outside": append([]byte("\n "), append(text, '\n')...),
		"FRMT in lines":  bytes.Replace(text, []byte("</FRMT>"), []byte("\r\n  </FRMT>"), 1),
	}
	for name, form := range good {
		if _, err := ted.Verify(form, keys); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := map[string]struct {
		old, replacement string
		want             error
	}{
		"amount":           {"<MNT>4760<", "<MNT>4761<", ted.ErrFRMT},
		"decoded entity":   {"O&apos;H", "O'H", ted.ErrFRMT},
		"blank in a value": {"<IT1>Pan", "<IT1> Pan", ted.ErrFRMT},
		"UTF-8":            {"\xeda O", "\xc3\xada O", ted.ErrFRMT},
		"time":             {"T10:11:12", "T10:11:13", ted.ErrFRMT},
		"range of the CAF": {"<H>100<", "<H>900<", caf.ErrFRMA},
		"folio outside":    {"<F>1<", "<F>101<", ted.ErrFolio},
		"type":             {"</RR><RSR>", "</RR><X></X><RSR>", ted.ErrMalformed},
		"other type":       {"<TD>33</TD><F>", "<TD>34</TD><F>", ted.ErrType},
		"other issuer":     {"<DD><RE>99928793-K", "<DD><RE>99923634-0", ted.ErrIssuer},
		"version":          {`<TED version="1.0">`, `<TED version="1.1">`, ted.ErrMalformed},
		"entity unknown":   {"&lt;", "&foo;", ted.ErrMalformed},
		"comment":          {"<MNT>", "<!-- --><MNT>", ted.ErrMalformed},
		"too long":         {"<TED", strings.Repeat(" ", 33<<10) + "<TED", ted.ErrMalformed},
		"rest after it":    {"</TED>", "</TED><TED>", ted.ErrMalformed},
		"FRMT of a bit":    {"</FRMT>", "=</FRMT>", ted.ErrMalformed},
	}
	for name, test := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := bytes.Replace(text, []byte(test.old), []byte(test.replacement), 1)
			if bytes.Equal(form, text) {
				t.Fatalf("%q is not in the TED", test.old)
			}
			if _, err := ted.Verify(form, keys); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// Keys that no one can use must not bring the verifier down.
func TestVerifyOddKeys(t *testing.T) {
	t.Parallel()
	text, err := ted.Stamp(fields(), testCAF(t, "a", "33-1-100.xml"), stampedAt)
	if err != nil {
		t.Fatal(err)
	}
	start, end := bytes.Index(text, []byte("<M>")), bytes.Index(text, []byte("</RSAPK>"))
	for _, modulus := range []string{"", "AA==", "AQ==", "Ag==", "/////w==", strings.Repeat("////", 170), strings.Repeat("////", 1700)} {
		for _, exponent := range []string{"", "AA==", "AQ==", "Ag==", "Aw==", "f////w==", "/////////////w=="} {
			key := "<M>" + modulus + "</M><E>" + exponent + "</E>"
			form := bytes.Join([][]byte{text[:start], []byte(key), text[end:]}, nil)
			if _, err := ted.Verify(form, testKeys(t)); err == nil {
				t.Errorf("verified with the key %.60s", key)
			}
		}
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	text, err := ted.Stamp(fields(), testCAF(t, "a", "33-1-100.xml"), stampedAt)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ted.Verify(text, testKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	document := fields()
	document.MNT, document.IT1 = "4761", "Pan"
	want := []ted.Difference{{"MNT", "4760", "4761"}, {"IT1", s.IT1, "Pan"}}
	if diff := cmp.Diff(want, s.Differences(document)); diff != "" {
		t.Error(diff)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "<TED>", "</TED><TED>", "<TED></TED><TED></TED>", "<TED></TED><TED/>"} {
		if text, err := ted.Find([]byte(bad)); !errors.Is(err, ted.ErrMalformed) {
			t.Errorf("%q gives %q, %v", bad, text, err)
		}
	}
}

// No changed byte of a stamp verifies, unless it only adds or removes blanks between tags.
func FuzzVerify(f *testing.F) {
	keys := testKeys(f)
	text, err := ted.Stamp(fields(), testCAF(f, "a", "33-1-100.xml"), stampedAt)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(bytes.ReplaceAll(text, []byte("><"), []byte(">\n<")))
	f.Fuzz(func(t *testing.T, form []byte) {
		s, err := ted.Verify(form, keys)
		if err != nil {
			return
		}
		if d := s.Differences(fields()); d != nil || !bytes.Equal(dd(form), dd(text)) {
			t.Errorf("a changed stamp verifies: %v in %q", d, form)
		}
	})
}

func TestMutants(t *testing.T) {
	t.Parallel()
	keys := testKeys(t)
	text, err := ted.Stamp(fields(), testCAF(t, "a", "33-1-100.xml"), stampedAt)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		form := bytes.Clone(text)
		form[i] ^= 1
		if s, err := ted.Verify(form, keys); err == nil && !(text[i] == '"' || text[i] == '\'') {
			t.Errorf("byte %d (%q) changed and verified: %+v", i, text[i], s)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	keys := testKeys(b)
	text, err := ted.Stamp(fields(), testCAF(b, "a", "33-1-100.xml"), stampedAt)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ted.Verify(text, keys); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleVerify() {
	_, err := ted.Verify([]byte("<TED/>"), caf.SIIKeys())
	fmt.Println(errors.Is(err, ted.ErrMalformed))
	// Output: true
}
