package schema_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"golang.org/x/text/encoding/charmap"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/schema"
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

// The table must be what the generator makes of the official schemas today.
func TestTableIsGenerated(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "go", "run", "-tags", "disable_grpc_modules", "./gen", reference(t, "sii", "schemas"))
	got, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("table.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("table.txt differs from what gen writes")
	}
}

// sources are envelopes of every root and type, by schema.
var sources = map[string][]string{
	"EnvioDTE_v10.xsd": {
		"oracle/examples/envelope-of-many-kinds.xml", "oracle/examples/export.xml", "oracle/examples/comment-in-document.xml",
		"sii/samples/envio/F60T33-ejemplo-oficial-SII.xml", "sii/samples/envio/EnvioDTE-762352915-basico.xml",
		"sii/samples/envio/EnvioDTE-762352915-exportacion1.xml",
	},
	"EnvioBOLETA_v11.xsd":       {"oracle/examples/boletas.xml"},
	"RespuestaEnvioDTE_v10.xsd": {"oracle/examples/response.xml", "sii/samples/generated/RespuestaDTE-resultado-generada.xml"},
	"EnvioRecibos_v10.xsd":      {"oracle/examples/receipts.xml"},
}

// The checker and libxml2 with the official schemas must agree on valid, broken
// and randomly spoilt envelopes. WITNESS=1 runs many more.
func TestAgreesWithXmllint(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not installed")
	}
	each := 12
	if os.Getenv("WITNESS") == "1" {
		each = 400
	}
	random := rand.New(rand.NewPCG(1, 2)) // a repeatable corpus
	for xsd, files := range sources {
		dir, verdicts := t.TempDir(), map[string]string{}
		for i, file := range files {
			data := string(readFile(t, reference(t, filepath.FromSlash(file))))
			for j := range each {
				text := data
				if j > 0 {
					text = spoil(random, data)
				}
				path := filepath.Join(dir, fmt.Sprintf("%d-%d.xml", i, j))
				verdicts[path] = check(t, text)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		compare(t, xsd, verdicts)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// check is our verdict; empty means valid.
func check(t *testing.T, text string) string {
	t.Helper()
	decoded, err := charmap.ISO8859_1.NewDecoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(decoded, "?>")
	root, err := judge.Parse(body)
	if err != nil {
		return err.Error()
	}
	return strings.Join(schema.Check(root), "; ")
}

func compare(t *testing.T, xsd string, verdicts map[string]string) {
	t.Helper()
	arguments := []string{"--noout", "--nonet", "--schema", reference(t, "sii", "schemas", xsd)}
	for path := range verdicts {
		arguments = append(arguments, path)
	}
	output, err := exec.CommandContext(t.Context(), "xmllint", arguments...).CombinedOutput()
	if err != nil && len(output) == 0 {
		t.Fatal(err)
	}
	invalid, differ := 0, 0
	for path, ours := range verdicts {
		valid := bytes.Contains(output, []byte(path+" validates\n"))
		if !valid {
			invalid++
		}
		if valid && strings.Contains(ours, "no base64Binary") {
			continue // libxml2 skips characters outside the alphabet; XSD 1.0 §3.2.16 does not
		}
		if valid != (ours == "") {
			if differ++; differ < 6 {
				t.Errorf("%s: xmllint says valid=%v, ours says %q\n%s", filepath.Base(path), valid, ours, lines(output, path))
			}
		}
	}
	t.Logf("%s: %d envelopes, %d invalid, %d differ", xsd, len(verdicts), invalid, differ)
	if invalid == 0 || invalid == len(verdicts) {
		t.Errorf("%s: %d of %d are invalid: the corpus proves nothing", xsd, invalid, len(verdicts))
	}
}

func lines(output []byte, path string) string {
	var found []string
	for line := range strings.Lines(string(output)) {
		if strings.Contains(line, path) {
			found = append(found, line)
		}
	}
	return strings.Join(found[:min(len(found), 3)], "")
}

// values to put in place of others: edges of the SII's types.
var values = []string{
	"", "0", "1", "-1", "01", "+1", "1.0", "1.50", "0.000001", "0.0000001", "1e3", "33", "39", "99999999999999999999", "2026-11-20", "2026-02-30",
	"1999-12-31", "2026-11-20Z", "2026-11-20T10:11:12", "2026-11-20T25:11:12", "76354771-K", "76354771-k", "S", "N", "  1  ", "ñ", "DOLAR USA", "100.01", "AAAA", "====", "%", "$",
}

// spoil changes one random element of an envelope.
func spoil(random *rand.Rand, data string) string {
	doc := etree.NewDocument()
	decoded, err := charmap.ISO8859_1.NewDecoder().String(data)
	if err != nil {
		return data
	}
	head, body, _ := strings.Cut(decoded, "?>")
	if err := doc.ReadFromString(body); err != nil {
		return data
	}
	elements := doc.FindElements("//*")
	el := elements[1+random.IntN(len(elements)-1)]
	change(random, el)
	text, err := doc.WriteToString()
	if err != nil {
		return data
	}
	encoded, err := charmap.ISO8859_1.NewEncoder().String(head + "?>" + text)
	if err != nil {
		return data
	}
	return encoded
}

func change(random *rand.Rand, el *etree.Element) {
	parent := el.Parent()
	switch random.IntN(8) {
	case 0:
		parent.RemoveChildAt(el.Index())
	case 1:
		parent.InsertChildAt(el.Index(), el.Copy())
	case 2:
		parent.InsertChildAt(random.IntN(len(parent.Child)), parent.RemoveChildAt(el.Index()))
	case 3:
		el.Tag += "X"
	case 4:
		el.CreateAttr([]string{"ID", "version", "otro"}[random.IntN(3)], []string{"1.0", "SetDoc", "2"}[random.IntN(3)])
	case 5:
		el.CreateElement("Otro")
	default:
		if len(el.ChildElements()) > 0 {
			el.CreateText("texto")
			return
		}
		el.SetText(values[random.IntN(len(values))])
	}
}
