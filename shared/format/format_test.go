package format_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/amount"
	"timbre/shared/format"
	"timbre/shared/golden"
	"timbre/shared/xmldsig"
)

var rootNames = []string{"Documento", "Liquidacion", "Exportaciones", "Boleta", "DTE", "DTEBoleta", "EnvioDTE", "EnvioBOLETA", "RespuestaDTE", "EnvioRecibos", "Recibo", "Signature"}

func TestTable(t *testing.T) {
	t.Parallel()
	for _, name := range rootNames {
		root := format.Root(name)
		if root == nil {
			t.Fatalf("no root %s", name)
		}
		checkElement(t, name, root)
	}
	if format.Root("Libro") != nil {
		t.Error("unknown root found")
	}
}

func checkElement(t *testing.T, path string, e *format.Element) {
	t.Helper()
	attributesOnly := map[string]bool{"CanonicalizationMethod": true, "SignatureMethod": true, "Transform": true, "DigestMethod": true}
	if e.Type == nil && len(e.Children) == 0 && !attributesOnly[e.Name] {
		t.Errorf("%s has neither type nor children", path)
	}
	if e.Min > e.Max || len(e.Children) > 64 {
		t.Errorf("%s occurs %d..%d with %d children", path, e.Min, e.Max, len(e.Children))
	}
	for _, c := range e.Children {
		checkElement(t, path+"/"+c.Name, c)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		root, path string
		kind       int
		code       format.Code
		doubtful   bool
	}{
		{"Documento", "Encabezado/IdDoc/IndTraslado", 52, format.Required, false},
		{"Documento", "Encabezado/IdDoc/IndTraslado", 33, format.Forbidden, false},
		{"Documento", "Encabezado/Totales/IVA", 34, format.Conditional, true},
		{"Documento", "Encabezado/Totales/IVA", 43, format.NoCode, false},
		{"Documento", "Referencia", 61, format.Required, false},
		{"Exportaciones", "Encabezado/OtraMoneda", 110, format.Optional, true},
		{"Boleta", "Encabezado/IdDoc/IndMntNeto", 41, format.Forbidden, false},
	} {
		code, doubtful := format.Root(tt.root).At(tt.path).Code(tt.kind)
		if code != tt.code || doubtful != tt.doubtful {
			t.Errorf("%s %s %d is %d, %t", tt.root, tt.path, tt.kind, code, doubtful)
		}
	}
}

func TestReadJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{
			"order of the schema, numbers exact",
			`{"Detalle":[{"PrcItem":1350.10,"NmbItem":"Pan","QtyItem":"2.50"}],"Encabezado":{"IdDoc":{"Folio":1e2,"TipoDTE":"33"}}}`,
			`{"Encabezado":{"IdDoc":{"TipoDTE":"33","Folio":"100"}},"Detalle":[{"NmbItem":"Pan","QtyItem":"2.5","PrcItem":"1350.1"}]}`,
		},
		{"object for a list of one", `{"Detalle":{"CodImpAdic":24,"NmbItem":"x"}}`, `{"Detalle":[{"NmbItem":"x","CodImpAdic":["24"]}]}`},
		{"absent", `{"Detalle":[{"NmbItem":"x","PrcItem":false,"QtyItem":null,"DscItem":" "}],"Referencia":[],"DscRcgGlobal":{}}`, `{"Detalle":[{"NmbItem":"x"}]}`},
		{"numbers in texts", `{"Referencia":[{"TpoDocRef":33,"FolioRef":1E3}]}`, `{"Referencia":[{"TpoDocRef":"33","FolioRef":"1000"}]}`},
		{"escapes", `{"Detalle":{"NmbItem":"\u00d1 & \"<"}}`, `{"Detalle":[{"NmbItem":"Ñ \u0026 \"\u003c"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n, findings, err := format.ReadJSON(format.Root("Documento"), []byte(tt.in), "document")
			if err != nil || len(findings) > 0 {
				t.Fatal(findings, err)
			}
			if diff := cmp.Diff(tt.want, string(n.AppendJSON(nil, false))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"unknown field", `{"Detalle":[{},{"Precio":1,"NmbItem":"x"}]}`, "document.Detalle[1].Precio unknown-field"},
		{"unknown object is skipped", `{"X":{"a":[1,{"b":2}]},"Y":[[]]}`, "document.X unknown-field|document.Y unknown-field"},
		{"case counts", `{"encabezado":{}}`, "document.encabezado unknown-field"},
		{"true is no value", `{"Detalle":{"PrcItem":true}}`, "document.Detalle[0].PrcItem wrong-shape"},
		{"object for a value", `{"Detalle":{"NmbItem":{"a":1}}}`, "document.Detalle[0].NmbItem wrong-shape"},
		{"list for a value", `{"Detalle":{"NmbItem":["a","b"]}}`, "document.Detalle[0].NmbItem wrong-shape"},
		{"list for one object", `{"Encabezado":[{}]}`, "document.Encabezado wrong-shape"},
		{"value for an object", `{"Encabezado":5}`, "document.Encabezado wrong-shape"},
		{"list in a list", `{"Detalle":[[{}]]}`, "document.Detalle[0] wrong-shape"},
		{"twice", `{"Detalle":{"PrcItem":1,"PrcItem":2}}`, "document.Detalle[0].PrcItem repeated-field"},
		{"number too long", `{"Detalle":{"PrcItem":1234567890123456789}}`, "document.Detalle[0].PrcItem too-many-digits"},
		{"number with a huge exponent", `{"Detalle":{"PrcItem":1e999}}`, "document.Detalle[0].PrcItem too-many-digits"},
		{"too many", `{"Detalle":[` + strings.Repeat(`{"NmbItem":"x"},`, 60) + `{"X":1}],"Y":1}`, "document.Detalle too-many|document.Y unknown-field"},
		{"signature is not read", `{"TED":{"DD":5}}`, "document.TED.DD wrong-shape"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, findings, err := format.ReadJSON(format.Root("Documento"), []byte(tt.in), "document")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, list(findings)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHostileJSON: what is remembered of a large document is bounded.
func TestHostileJSON(t *testing.T) {
	t.Parallel()
	text := `{"Detalle":[` + strings.Repeat(`{},`, 100_000) + `{}],"Referencia":[` + strings.Repeat(`{"a":1,"b":[]},`, 39) + `{}]` + strings.Repeat(`,"x":1`, 5_000) + `}`
	n, findings, err := format.ReadJSON(format.Root("Documento"), []byte(text), "")
	if err != nil || len(findings) != 1000 || len(n.Kids) != 0 {
		t.Errorf("%d findings, %d children, %v", len(findings), len(n.Kids), err)
	}
	deep := strings.Repeat(`{"Encabezado":`, 20_000)
	if _, _, err := format.ReadJSON(format.Root("Documento"), []byte(deep), ""); !errors.Is(err, format.ErrJSON) {
		t.Errorf("nesting: %v", err)
	}
}

func TestReadJSONSyntax(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "null", "[]", "{", `{"Detalle":[{`, `{"a":1}{}`, `{"a" 1}`, `{"Detalle":{"QtyItem":01}}`, "\x00"} {
		if _, _, err := format.ReadJSON(format.Root("Documento"), []byte(in), ""); !errors.Is(err, format.ErrJSON) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// list writes findings as "path code|path code".
func list(findings []format.Finding) string {
	texts := make([]string, len(findings))
	for i, f := range findings {
		texts[i] = f.Path + " " + string(f.Code)
		if f.Mild {
			texts[i] += " mild"
		}
	}
	return strings.Join(texts, "|")
}

const goodHeader = `"Encabezado":{"IdDoc":{"TipoDTE":33,"Folio":1,"FchEmis":"2026-11-23"},` +
	`"Emisor":{"RUTEmisor":"1-9","RznSoc":"E","GiroEmis":"G","Acteco":1},` +
	`"Receptor":{"RUTRecep":"1-9","RznSocRecep":"R"},"Totales":{"MntTotal":1}}`

const goodLine = `"Detalle":[{"NroLinDet":1,"NmbItem":"x","MontoItem":1}]`

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"good", `{` + goodHeader + `,` + goodLine + `}`, ""},
		{"nothing", `{}`, "document.Encabezado missing-field|document.Detalle missing-field"},
		{
			"values", `{` + goodHeader + `,"Detalle":[{"NroLinDet":0,"NmbItem":"` + strings.Repeat("ñ", 81) + `","QtyItem":0,"PrcItem":1.1234567,"MontoItem":1.5},{"NroLinDet":"x","NmbItem":"x","IndExe":9,"FchVencim":"2026-02-30","MontoItem":-1}]}`,
			"document.Detalle[0].NroLinDet out-of-range|document.Detalle[0].NmbItem too-long|document.Detalle[0].QtyItem out-of-range|" +
				"document.Detalle[0].PrcItem too-many-decimals|document.Detalle[0].MontoItem not-a-number|" +
				"document.Detalle[1].NroLinDet not-a-number|document.Detalle[1].IndExe not-in-list|document.Detalle[1].FchVencim bad-date|document.Detalle[1].MontoItem out-of-range",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n, findings, err := format.ReadJSON(format.Root("Documento"), []byte(tt.in), "document")
			if err != nil || len(findings) > 0 {
				t.Fatal(findings, err)
			}
			got := format.Check(n, "document", "TED", "TmstFirma")
			if diff := cmp.Diff(tt.want, list(got)); diff != "" {
				t.Error(diff)
			}
			for _, f := range got {
				if f.Detail == "" {
					t.Errorf("%s has no text", f.Path)
				}
			}
		})
	}
}

func TestObligations(t *testing.T) {
	t.Parallel()
	in := `{` + goodHeader + `,"Detalle":[{"NroLinDet":1,"NmbItem":"x","MontoItem":1,"TpoDocLiq":33}],"Comisiones":{"NroLinCom":1}}`
	n, _, err := format.ReadJSON(format.Root("Documento"), []byte(strings.Replace(in, `"TpoDocLiq":33`, `"IndExe":1`, 1)), "")
	if err != nil {
		t.Fatal(err)
	}
	want := "Comisiones[0] field-not-allowed|Encabezado.Emisor.DirOrigen missing-field mild|Encabezado.Emisor.CmnaOrigen missing-field mild|" +
		"Encabezado.Receptor.GiroRecep missing-field mild|Encabezado.Receptor.DirRecep missing-field mild|Encabezado.Receptor.CmnaRecep missing-field mild"
	got := strings.Split(list(format.Obligations(n, 33, "")), "|")
	for _, w := range strings.Split(want, "|") {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found {
			t.Errorf("%s is missing in %v", w, got)
		}
	}
	if len(got) != len(strings.Split(want, "|")) {
		t.Errorf("got %v", got)
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	n := format.New(format.Root("Documento"))
	n.Set("Encabezado/Totales/MntTotal", "5")
	n.Set("Encabezado/IdDoc/Folio", "7")
	n.Add("Referencia").Set("FolioRef", "1")
	n.Add("Detalle").Set("NmbItem", "a")
	n.Add("Detalle").Set("NmbItem", "b")
	if n.Set("Encabezado/Nada", "x") || n.Add("Nada") != nil {
		t.Error("an element that the format does not have was made")
	}
	c := n.Clone()
	c.Set("Encabezado/IdDoc/Folio", "8")
	c.Remove("Referencia")
	want := `{"Encabezado":{"IdDoc":{"Folio":7},"Totales":{"MntTotal":5}},"Detalle":[{"NmbItem":"a"},{"NmbItem":"b"}],"Referencia":[{"FolioRef":"1"}]}`
	if diff := cmp.Diff(want, string(n.AppendJSON(nil, true))); diff != "" {
		t.Error(diff)
	}
	if len(n.All("Detalle")) != 2 || n.Get("Detalle/NmbItem") != "a" || n.Has("Comisiones") || c.Has("Referencia") {
		t.Error("children are not found")
	}
	var nothing *format.Node
	if nothing.Has("x") || nothing.Get("a/b") != "" || len(nothing.All("x")) != 0 {
		t.Error("a nil Node has something")
	}
	var paths []string
	n.Leaves("document", func(_ *format.Node, path func() string) { paths = append(paths, path()) })
	wantPaths := []string{"document.Encabezado.IdDoc.Folio", "document.Encabezado.Totales.MntTotal", "document.Detalle[0].NmbItem", "document.Detalle[1].NmbItem", "document.Referencia[0].FolioRef"}
	if diff := cmp.Diff(wantPaths, paths); diff != "" {
		t.Error(diff)
	}
}

func TestValidateFindsAll(t *testing.T) {
	t.Parallel()
	text := `<DTE xmlns="http://www.sii.cl/SiiDte" version="1.0"><Documento ID="F1T33"><Encabezado>x<IdDoc><Folio>1</Folio><TipoDTE>33</TipoDTE></IdDoc><Otro/></Encabezado></Documento><Signature/></DTE>`
	doc, err := xmldsig.Parse([]byte(text), xmldsig.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := "Documento.Encabezado unexpected-text|Documento.Encabezado.IdDoc.TipoDTE missing-field|Documento.Encabezado.IdDoc.TipoDTE out-of-order|" +
		"Documento.Encabezado.IdDoc.FchEmis missing-field|Documento.Encabezado.Otro unknown-field|Documento.Encabezado.Emisor missing-field|" +
		"Documento.Encabezado.Receptor missing-field|Documento.Encabezado.Totales missing-field|Documento.Detalle missing-field|Documento.TED missing-field|" +
		"Documento.TmstFirma missing-field|Signature unknown-field|Signature missing-field"
	if diff := cmp.Diff(want, list(format.Validate(format.Root("DTE"), doc.Root(), ""))); diff != "" {
		t.Error(diff)
	}
	if got := list(format.Validate(format.Root("EnvioDTE"), doc.Root(), "")); got != " wrong-root" {
		t.Errorf("other root: %q", got)
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add(`{` + goodHeader + `,` + goodLine + `}`)
	f.Add(`{"Detalle":[{"QtyItem":"1e3"},false,null,{}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		n, findings, err := format.ReadJSON(format.Root("Documento"), []byte(s), "document")
		if err != nil || len(findings) > 0 {
			return
		}
		text := n.AppendJSON(nil, false)
		again, findings, err := format.ReadJSON(format.Root("Documento"), text, "document")
		if err != nil || len(findings) > 0 || string(again.AppendJSON(nil, false)) != string(text) {
			t.Fatalf("%s reads as %s, then %v %v", s, text, findings, err)
		}
		format.Check(n, "document")
		format.Obligations(n, 33, "document")
	})
}

func FuzzSimple(f *testing.F) {
	f.Add("2026-11-23T10:11:12.5-03:00")
	f.Add("AQ==")
	f.Add("-00.50")
	types := map[string]*format.Simple{}
	for _, name := range rootNames {
		collect(format.Root(name), types)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		for _, simple := range types {
			simple.Check(s)
		}
	})
}

func collect(e *format.Element, types map[string]*format.Simple) {
	if e.Type != nil {
		types[e.Type.Name] = e.Type
	}
	for _, c := range e.Children {
		collect(c, types)
	}
}

func BenchmarkValidate(b *testing.B) {
	text, err := os.ReadFile(golden.Reference(b, "oracle", "examples", "bare-dte.xml"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		doc, err := xmldsig.Parse(text, xmldsig.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if findings := format.Validate(format.Root("DTE"), doc.Root(), ""); len(findings) > 0 {
			b.Fatal(findings)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		format.Reload()
		if format.Root("EnvioDTE") == nil || format.Root("EnvioBOLETA") == nil {
			b.Fatal("no table")
		}
	}
}

func Example() {
	n, findings, err := format.ReadJSON(format.Root("Documento"), []byte(`{"Detalle":{"NmbItem":"Pan","Precio":5}}`), "document")
	fmt.Println(string(n.AppendJSON(nil, true)), findings[0].Path, findings[0].Code, err)
	// Output: {"Detalle":[{"NmbItem":"Pan"}]} document.Detalle[0].Precio unknown-field <nil>
}

// TestEveryElementIsReachable: a document with every element goes through JSON and back, and the
// schema's check has nothing to say.
func TestEveryElementIsReachable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Documento", "Liquidacion", "Exportaciones", "Boleta"} {
		n := format.New(format.Root(name))
		fill(n)
		n.Remove("TED")
		n.Remove("TmstFirma")
		text := n.AppendJSON(nil, false)
		again, findings, err := format.ReadJSON(format.Root(name), text, "")
		if err != nil || len(findings) > 0 {
			t.Errorf("%s: %v %v", name, findings, err)
			continue
		}
		if diff := cmp.Diff(string(text), string(again.AppendJSON(nil, false))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got := list(format.Check(again, "", "TED", "TmstFirma")); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func fill(n *format.Node) {
	for _, def := range n.Def.Children {
		kid := n.Add(def.Name)
		if def.Type == nil {
			fill(kid)
			continue
		}
		kid.Text = def.Type.Sample()
		if def.Type.IsNumber() {
			kid.Text = amount.MustParse(kid.Text).String()
		}
	}
}
