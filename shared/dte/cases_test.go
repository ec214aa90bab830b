package dte_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"timbre/shared/amount"
	"timbre/shared/dte"
	"timbre/shared/format"
	"timbre/shared/golden"
	"timbre/shared/rut"
)

// caseFile is a public case of the reference folder (sii/cases/README.md).
type caseFile struct {
	ID    string
	Kind  string
	Type  int `json:"doc_type"`
	Input struct {
		Document map[string]any
		Emisor   map[string]any
		Rows     []map[string]any
		Form     map[string]any
	}
	Expected map[string]any
}

// completed are the cases that a level-3 rule with its SII code refuses, with what they lack.
var completed = map[string]struct {
	refusal string
	add     func(doc map[string]any)
}{
	"doc-111-001-anula-nota-credito": {"document.Encabezado.OtraMoneda:pesos-missing:HED-3-834", addPesos},
	"doc-112-001-anula-factura":      {"document.Encabezado.OtraMoneda:pesos-missing:HED-3-834", addPesos},
	"doc-112-003-corrige-monto":      {"document.Encabezado.OtraMoneda:pesos-missing:HED-3-834", addPesos},
	"form-111-002-corrige-texto":     {"document.Encabezado.OtraMoneda:pesos-missing:HED-3-834", addPesos},
	"form-112-001-anula-factura":     {"document.Encabezado.OtraMoneda:pesos-missing:HED-3-834", addPesos},
	"form-112-002-corrige-texto":     {"document.Encabezado.OtraMoneda:pesos-missing:HED-3-834", addPesos},
	"batch-07-110":                   {"document.Encabezado.OtraMoneda:pesos-missing:HED-3-834", addPesos},
}

func addPesos(doc map[string]any) {
	doc["Encabezado"].(map[string]any)["OtraMoneda"] = map[string]any{"TpoMoneda": "PESO CL", "TpoCambio": 950}
}

// TestCases: every public case of a document, a bulk row or a form gives the totals that its origin
// states; a refusal only by a rule whose SII code is known.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(golden.Reference(t, "sii", "cases"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c caseFile
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		if c.Kind == "book" {
			continue
		}
		counts[c.Kind]++
		t.Run(c.ID, func(t *testing.T) { runCase(t, &c) })
	}
	t.Logf("cases: %v", counts)
}

func runCase(t *testing.T, c *caseFile) {
	t.Helper()
	doc := c.Input.Document
	switch c.Kind {
	case "batch-rows":
		doc = fromRows(c)
	case "form":
		doc = fromForm(c)
	}
	o, warnings, err := resolveCase(t, doc)
	if missing, ok := completed[c.ID]; ok {
		if got := strings.Join(faults(t, err), " "); got != missing.refusal {
			t.Fatalf("refused by %q, want %q", got, missing.refusal)
		}
		missing.add(doc)
		o, warnings, err = resolveCase(t, doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Log(marks(warnings))
	checkExpected(t, c, o)
	write(t, o, dte.FormBoth)
}

func resolveCase(t *testing.T, doc map[string]any) (*dte.Order, []dte.FieldError, error) {
	t.Helper()
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	issuer := company
	issuer.RUT, issuer.Acteco = rut.MustParse("76192083-9"), []string{"726000"}
	return dte.Resolve(dte.Request{Document: text, Issuer: issuer, Today: today})
}

func checkExpected(t *testing.T, c *caseFile, o *dte.Order) {
	t.Helper()
	for path, want := range c.Expected {
		if c.Kind == "form" {
			path = "Encabezado.Totales." + path
		}
		path = strings.ReplaceAll(regexp.MustCompile(`\[0\]`).ReplaceAllString(path, ""), ".", "/")
		got := field(t, o, path)
		text := fmt.Sprint(want)
		if n, ok := want.(float64); ok {
			text = fmt.Sprintf("%.0f", n)
			if got == "" {
				got = "0" // a form states zeros that the document does not write
			}
		}
		if a, err := amount.Parse(text); err == nil {
			text = a.String()
		}
		if got != text {
			t.Errorf("%s is %s, want %s", path, got, text)
		}
	}
}

// builder maps names without arithmetic; what the format of the type lacks is left out.
type builder struct {
	doc  map[string]any
	root *format.Element
	kind dte.Type
}

func newBuilder(kind int) *builder {
	root := "Documento"
	switch t := dte.Type(kind); {
	case t.IsBoleta():
		root = "Boleta"
	case t >= dte.FacturaExportacion:
		root = "Exportaciones"
	}
	b := &builder{doc: map[string]any{}, root: format.Root(root), kind: dte.Type(kind)}
	b.set("Encabezado/IdDoc/TipoDTE", kind)
	return b
}

// set writes a value at a path unless it is empty or the type does not have the element.
func (b *builder) set(path string, value any) {
	def := b.root.At(path)
	if def == nil || value == nil || value == "" {
		return
	}
	if code, doubtful := def.Code(int(b.kind)); code == format.Forbidden && !doubtful {
		return
	}
	names := strings.Split(path, "/")
	at := b.doc
	for _, name := range names[:len(names)-1] {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	at[names[len(names)-1]] = value
}

// header copies the names that stand alike in a row or a form.
func (b *builder) header(cells map[string]any) {
	for zone, names := range map[string][]string{
		"Encabezado/IdDoc/":               {"FchEmis", "FchVenc", "FmaPago", "IndServicio", "PeriodoDesde", "PeriodoHasta", "TermPagoGlosa"},
		"Encabezado/Receptor/":            {"RUTRecep", "RznSocRecep", "GiroRecep", "Contacto", "CorreoRecep", "DirRecep", "CmnaRecep", "CiudadRecep"},
		"Encabezado/Receptor/Extranjero/": {"NumId", "Nacionalidad"},
		"Encabezado/Totales/":             {"TpoMoneda"},
		"Encabezado/Transporte/":          {"Patente", "RUTTrans", "DirDest", "CmnaDest"},
		"Encabezado/Transporte/Chofer/":   {"RUTChofer", "NombreChofer"},
	} {
		for _, name := range names {
			b.set(zone+name, cells[name])
		}
	}
	if b.kind == dte.GuiaDespacho {
		b.set("Encabezado/IdDoc/IndTraslado", cells["IndTraslado"])
	}
	if rate := cells["TpoCambio"]; rate != nil && rate != "" {
		b.set("Encabezado/OtraMoneda/TpoMoneda", "PESO CL")
		b.set("Encabezado/OtraMoneda/TpoCambio", rate)
	}
}

func (b *builder) add(list string, element map[string]any) {
	all, _ := b.doc[list].([]any)
	b.doc[list] = append(all, element)
}

// fromRows maps the rows of the bulk file: the first opens the document, all are lines.
func fromRows(c *caseFile) map[string]any {
	first := c.Input.Rows[0]
	b := newBuilder(c.Type)
	b.header(first)
	if first["Moneda"] == "USD" {
		b.set("Encabezado/Totales/TpoMoneda", "DOLAR USA")
	}
	for _, row := range c.Input.Rows {
		line := map[string]any{}
		for _, name := range []string{"NmbItem", "DscItem", "QtyItem", "PrcItem", "IndExe", "UnmdItem", "CodImpAdic"} {
			if row[name] != nil {
				line[name] = row[name]
			}
		}
		if code := row["CdgItem"]; code != nil {
			line["CdgItem"] = map[string]any{"TpoCodigo": "INT1", "VlrCodigo": code}
		}
		if money := row["Descuento"]; money != nil {
			line["DescuentoMonto"] = money
		}
		b.add("Detalle", line)
	}
	if money := first["DscGlobal"]; money != nil {
		b.add("DscRcgGlobal", map[string]any{"TpoMov": "D", "TpoValor": "$", "ValorDR": money, "IndExeDR": 1})
	}
	if first["TpoDocRef"] != nil {
		reference := map[string]any{}
		for _, name := range []string{"TpoDocRef", "FolioRef", "FchRef", "CodRef", "RazonRef"} {
			reference[name] = first[name]
		}
		b.add("Referencia", reference)
	}
	return b.doc
}

// fromForm maps the lists of the web form. Its prices are net, also in a boleta (IndMntNeto 2).
func fromForm(c *caseFile) map[string]any {
	form := c.Input.Form
	b := newBuilder(c.Type)
	b.header(form)
	if b.kind == dte.Boleta {
		b.set("Encabezado/IdDoc/IndMntNeto", 2)
	}
	exempt := false
	for i := range list(form, "NmbItem") {
		line := map[string]any{}
		for _, name := range []string{"NmbItem", "DscItem", "QtyItem", "PrcItem", "IndExe", "UnmdItem", "CodImpAdic"} {
			if v := nth(form, name, i); v != nil && fmt.Sprint(v) != "0" && v != "" {
				line[name] = v
			}
		}
		exempt = exempt || line["IndExe"] != nil
		if v := nth(form, "ValorDR", i); v != nil && fmt.Sprint(v) != "0" {
			line[map[string]string{"%": "DescuentoPct", "$": "DescuentoMonto"}[fmt.Sprint(nth(form, "TpoValor", i))]] = v
		}
		if code := line["CodImpAdic"]; code != nil {
			rate := form[fmt.Sprintf("impuesto_adicional_tasa_%v", code)]
			b.set("Encabezado/Totales/ImptoReten", []any{map[string]any{"TipoImp": code, "TasaImp": rate}})
		}
		b.add("Detalle", line)
	}
	if v := form["ValorDR_global"]; v != nil && fmt.Sprint(v) != "0" {
		global := map[string]any{"TpoMov": "D", "TpoValor": form["TpoValor_global"], "ValorDR": v}
		if exempt {
			global["IndExeDR"] = 1
		}
		b.add("DscRcgGlobal", global)
	}
	for i := range list(form, "TpoDocRef") {
		reference := map[string]any{}
		for _, name := range []string{"TpoDocRef", "FolioRef", "FchRef", "CodRef", "RazonRef"} {
			reference[name] = nth(form, name, i)
		}
		b.add("Referencia", reference)
	}
	return b.doc
}

func list(form map[string]any, name string) []any {
	l, _ := form[name].([]any)
	return l
}

func nth(form map[string]any, name string, i int) any {
	if l := list(form, name); i < len(l) {
		return l[i]
	}
	return nil
}
