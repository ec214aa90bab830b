package dte_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"timbre/shared/dte"
	"timbre/shared/format"
)

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

// texts are the paths of the free texts below an element: Encabezado/Receptor/GiroRecep.
func texts(def *format.Element, path []string) [][]string {
	var out [][]string
	for _, c := range def.Children {
		at := append(path[:len(path):len(path)], c.Name)
		switch {
		case c.Name == "TED" || c.Name == "Emisor": // ours: the stamp, and the company that was registered
		case c.Type == nil:
			out = append(out, texts(c, at)...)
		case c.Type.IsText() && !c.Type.IsRUT() && (c.Type.Check("A") == "" || c.Type.Check("A bc") == ""):
			out = append(out, at)
		}
	}
	return out
}

// put writes a text at a path of a document, and makes what the schema requires beside it.
func put(r *rand.Rand, doc map[string]any, root *format.Element, path []string, text string) {
	def := child(root, path[0])
	if len(path) == 1 {
		doc[def.Name] = cut(r, text, def.Type.MaxLength())
		return
	}
	if list, ok := doc[def.Name].([]any); ok && len(list) > 0 {
		put(r, list[r.IntN(len(list))].(map[string]any), def, path[1:], text)
		return
	}
	next, ok := doc[def.Name].(map[string]any)
	if !ok {
		next = required(r, def)
		doc[def.Name] = next
	}
	put(r, next, def, path[1:], text)
}

func child(def *format.Element, name string) *format.Element {
	for _, c := range def.Children {
		if c.Name == name {
			return c
		}
	}
	panic("no " + name)
}

// cut makes a text mostly short enough.
func cut(r *rand.Rand, text string, most int) string {
	if runes := []rune(text); most > 0 && len(runes) > most && r.IntN(10) > 0 {
		return string(runes[:most])
	}
	return text
}

// written is a document with random text at a path, and at one more.
func written(t *testing.T, r *rand.Rand, base string, kind dte.Type, path []string) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(base), &doc); err != nil {
		t.Fatal(err)
	}
	root := rootFor(kind)
	all := texts(root, nil)
	put(r, doc, root, path, randomText(r))
	if r.IntN(2) == 0 {
		put(r, doc, root, all[r.IntN(len(all))], randomText(r))
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rounds are how often each text of each document is written; WITNESS=all makes 6,600 documents.
func rounds() int {
	switch os.Getenv("WITNESS") {
	case "":
		return 1
	case "all":
		return 6
	}
	return 2
}

// TestRandomText: random Unicode in every text of every type gives a clear refusal, or a document whose
// bytes re-read to the same; with WITNESS=1 the oracle and xmlsec1 judge those.
func TestRandomText(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	witness := newWitness(t)
	total, accepted, held := 0, 0, map[string]int{}
	for range rounds() {
		for _, base := range whole {
			kind := mustResolve(t, base.text).Type()
			for _, path := range texts(rootFor(kind), nil) {
				text := written(t, r, base.text, kind, path)
				total++
				o, _, err := dte.Resolve(dte.Request{Document: text, Issuer: bakery, Today: today, AllowRemarks: true})
				if err != nil {
					wantClear(t, text, err)
					continue
				}
				accepted++
				held[strings.Join(path, "/")]++
				write(t, o, dte.FormBoth)
				witness.add(text, o)
			}
		}
	}
	t.Logf("%d of %d accepted; random text stands in %d fields", accepted, total, len(held))
	if accepted < total/4 || accepted == total {
		t.Errorf("%d of %d accepted", accepted, total)
	}
	witness.judge()
}

// wantClear wants a refusal that names a field and says what is wrong with it.
func wantClear(t *testing.T, text []byte, err error) {
	t.Helper()
	faults(t, err)
	for _, f := range err.(*dte.Invalid).Faults { //nolint:errorlint // faults made sure
		if f.Path == "" || f.Detail == "" {
			t.Fatalf("%s: %+v", text, f)
		}
	}
}

// looksUTF8 is what the oracle takes for UTF-8 in a Latin-1 file; it is legal all the same.
var looksUTF8 = regexp.MustCompile("[\u00C2-\u00F4][\u0080-\u00BF]")

// witness gathers documents for judges that share no code with the product.
type witness struct {
	t            *testing.T
	dir          string
	files, plain []string
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	if os.Getenv("WITNESS") == "" {
		return &witness{t: t}
	}
	return &witness{t: t, dir: t.TempDir()}
}

func (w *witness) add(text []byte, o *dte.Order) {
	w.t.Helper()
	// The CAFs of the fake PKI begin on 2026-11-02, and it has none for liquidations.
	if w.dir == "" || o.IssueDate() < "2026-11-02" || o.Type() == dte.LiquidacionFactura {
		return
	}
	file := judge(w.t, o, w.dir, len(w.files))
	w.files = append(w.files, file)
	if !looksUTF8.Match(text) {
		w.plain = append(w.plain, file)
	}
}

func (w *witness) judge() {
	w.t.Helper()
	if w.dir == "" {
		return
	}
	w.t.Logf("the oracle judges %d documents, xmlsec1 %d", len(w.plain), len(w.files))
	runXMLSec(w.t, w.files)
	runOracle(w.t, w.plain)
}

// runXMLSec verifies signatures; it ends with the first that is wrong.
func runXMLSec(t *testing.T, files []string) {
	t.Helper()
	tool, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Skip("xmlsec1 is not installed")
	}
	args := []string{"--verify", "--insecure", "--enabled-key-data", "x509", "--id-attr:ID", "Documento", "--id-attr:ID", "Exportaciones"}
	out, err := exec.Command(tool, append(args, files...)...).CombinedOutput()
	if verified := strings.Count(string(out), "OK\n"); err != nil || verified != len(files) {
		t.Errorf("xmlsec1 verified %d of %d: %v\n%s", verified, len(files), err, tail(out))
	}
}

func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

// FuzzText: any text in the name, the description and the receiver is refused with its path, or stands in a
// document that reads back to the same.
func FuzzText(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		f.Add(randomText(r))
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		o, _, err := resolve(strings.ReplaceAll(
			`{"Encabezado":{"IdDoc":{"TipoDTE":33},"Receptor":{"RUTRecep":"60803000-K","RznSocRecep":@,"GiroRecep":"g","DirRecep":"d","CmnaRecep":"c"}},`+
				`"Detalle":{"NmbItem":@,"DscItem":@,"MontoItem":1000}}`, "@", string(quoted)))
		if err != nil {
			wantClear(t, quoted, err)
			return
		}
		write(t, o, dte.FormBoth)
	})
}
