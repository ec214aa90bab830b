package flat_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"timbre/shared/caf/flat"
)

func TestFlatten(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"flat":                 {"<a><b>x</b></a>", "<a><b>x</b></a>"},
		"indented":             {"<a>\r\n\t<b>x</b> \n</a>", "<a><b>x</b></a>"},
		"text keeps blanks":    {"<a> x  y\n</a>", "<a> x  y\n</a>"},
		"blank value vanishes": {"<a>  </a>", "<a></a>"},
		"tag with blanks":      {`<a  b="c"  >x</a>`, `<a  b="c"  >x</a>`},
		"declarations":         {`<a xmlns="u" xmlns:p='v' b="c">x</a>`, `<a b="c">x</a>`},
		"bare > in text":       {"<a>x> <b>y</b></a>", "<a>x><b>y</b></a>"},
		"no tag":               {"text", "text"},
		"open tag":             {"<a>\n<b", "<a><b"},
		"open declaration":     {`<a xmlns="u>`, `<a xmlns="u>`},
		"bare declaration":     {`<a xmlns>`, `<a xmlns>`},
		"nothing":              {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(flat.Flatten([]byte(test.text))); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw, want string
		bad       bool
	}{
		"entities":       {"&amp;&lt;&gt;&quot;&apos;", `&<>"'`, false},
		"decimal":        {"&#38;&#209;", "&Ñ", false},
		"hexadecimal":    {"&#x26;&#xD1;", "&Ñ", false},
		"Latin-1":        {"\xd1and\xfa", "Ñandú", false},
		"once only":      {"&amp;lt;", "&lt;", false},
		"unknown":        {"&nbsp;", "", true},
		"open":           {"a & b", "", true},
		"control":        {"&#0;", "", true},
		"surrogate":      {"&#xD800;", "", true},
		"beyond Unicode": {"&#x110000;", "", true},
		"no number":      {"&#x;", "", true},
		"number alone":   {"&38;", "", true},
		"sign":           {"&#+38;", "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := flat.Unescape(test.raw)
			if got != test.want || (err != nil) != test.bad {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	r := flat.NewReader([]byte("<a v='1'><n>42</n><t>x &amp; y</t><k>q8\n 0=</k></a>"))
	r.Open("a", `v="1"`)
	start := r.Offset()
	if name, n := r.Name(), r.Int("n"); name != "n" || n != 42 {
		t.Errorf("read %q %d", name, n)
	}
	if text := r.Text("t"); text != "x & y" {
		t.Errorf("read %q", text)
	}
	if key := r.Base64("k"); string(key) != "\xab\xcd" {
		t.Errorf("read %x", key)
	}
	if got := string(r.Since(start)); got != "<n>42</n><t>x &amp; y</t><k>q8\n 0=</k>" {
		t.Errorf("since %q", got)
	}
	r.Close("a")
	r.End()
	if r.Err() != nil {
		t.Error(r.Err())
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		read func(*flat.Reader)
	}{
		"other element":    {"<b></b>", func(r *flat.Reader) { r.Open("a") }},
		"attribute":        {`<a x="1"></a>`, func(r *flat.Reader) { r.Open("a") }},
		"no attribute":     {`<a></a>`, func(r *flat.Reader) { r.Open("a", `x="1"`) }},
		"empty tag":        {`<a/>`, func(r *flat.Reader) { r.Leaf("a") }},
		"element in leaf":  {`<a>x<b></b></a>`, func(r *flat.Reader) { r.Leaf("a") }},
		"leaf without end": {`<a>x`, func(r *flat.Reader) { r.Leaf("a") }},
		"text before":      {`x<a>x</a>`, func(r *flat.Reader) { r.Leaf("a") }},
		"no tag":           {``, func(r *flat.Reader) { r.Close("a") }},
		"rest":             {`x`, func(r *flat.Reader) { r.End() }},
		"no number":        {`<a></a>`, func(r *flat.Reader) { r.Int("a") }},
		"plus":             {`<a>+1</a>`, func(r *flat.Reader) { r.Int("a") }},
		"many digits":      {`<a>1234567890123456789</a>`, func(r *flat.Reader) { r.Int("a") }},
		"no base64":        {`<a>?</a>`, func(r *flat.Reader) { r.Base64("a") }},
		"bad entity":       {`<a>&x;</a>`, func(r *flat.Reader) { r.Text("a") }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := flat.NewReader([]byte(test.text))
			test.read(r)
			first := r.Err()
			if !errors.Is(first, flat.ErrSyntax) {
				t.Fatalf("got %v", first)
			}
			r.Fail(errors.New("later"))
			if r.Leaf("a"); r.Err() != first {
				t.Errorf("the first fault was lost: %v", r.Err())
			}
		})
	}
}

// Without declarations in tags, Flatten is the regular expression of FORMATS 9.1.
func FuzzFlatten(f *testing.F) {
	between := regexp.MustCompile(`>[ \t\r\n]+<`)
	f.Add("<a>\n <b> x </b>\t</a>")
	f.Fuzz(func(t *testing.T, text string) {
		got := string(flat.Flatten([]byte(text)))
		if strings.Contains(text, "xmlns") || unusual(text) {
			return
		}
		if want := between.ReplaceAllString(text, "><"); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	})
}

// unusual tells of text that is no sequence of tags and texts: < inside a tag, or an open one.
func unusual(text string) bool {
	for _, piece := range strings.Split(text, "<")[1:] {
		if !strings.Contains(piece, ">") {
			return true
		}
	}
	return false
}

func Example() {
	text := flat.Flatten([]byte("<RNG>\n <D>1</D>\n <H>100</H>\n</RNG>"))
	r := flat.NewReader(text)
	r.Open("RNG")
	fmt.Println(r.Int("D"), r.Int("H"))
	r.Close("RNG")
	r.End()
	fmt.Println(string(text), r.Err())
	// Output:
	// 1 100
	// <RNG><D>1</D><H>100</H></RNG> <nil>
}
