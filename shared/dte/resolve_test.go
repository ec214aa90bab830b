package dte_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
)

const line = `"Detalle":{"NmbItem":"x","QtyItem":1,"PrcItem":1000}`

func TestRules(t *testing.T) {
	t.Parallel()
	for _, tt := range ruleCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, warnings, err := resolve(tt.text)
			if (o == nil) != (err != nil) {
				t.Fatalf("order %v, error %v", o, err)
			}
			if diff := cmp.Diff(sorted(tt.refused), sorted(faults(t, err))); diff != "" {
				t.Errorf("refusals (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(sorted(tt.warned), sorted(marks(warnings))); diff != "" && !errorsOnly(tt.refused) {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func sorted(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }

// errorsOnly: a document with several faults has warnings that say nothing more.
func errorsOnly(refused []string) bool { return len(refused) > 2 }

// TestRemarks: which levels refuse (API.md, allow_remarks and strict_remarks).
func TestRemarks(t *testing.T) {
	t.Parallel()
	remark := document(33, "", `"Detalle":[{"NmbItem":"x","QtyItem":2,"PrcItem":10,"MontoItem":21}]`)
	slight := document(33, `"FchEmis":"2026-11-01"`, line)
	unknown := document(33, `"FmaPago":2`, line)
	for _, tt := range []struct {
		name, text    string
		allow, strict bool
		refused       bool
	}{
		{"remark", remark, false, false, true},
		{"remark allowed", remark, true, false, false},
		{"remark allowed but strict", remark, true, true, true},
		{"slight", slight, false, false, false},
		{"slight, strict", slight, false, true, true},
		{"unknown", unknown, false, false, false},
		{"unknown, strict", unknown, true, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, warnings, err := dte.Resolve(dte.Request{Document: json.RawMessage(tt.text), Issuer: company, Today: today, AllowRemarks: tt.allow, StrictRemarks: tt.strict})
			if (err != nil) != tt.refused || len(warnings) == 0 != tt.refused {
				t.Errorf("warnings %v, error %v", warnings, err)
			}
		})
	}
}

func TestExpectedTotals(t *testing.T) {
	t.Parallel()
	const inside = `{"Encabezado":{"IdDoc":{"TipoDTE":33},` + receiver + `,"Totales":{"MntNeto":1000,"MntTotal":1190}},` + line + `}`
	codes := map[string]string{"MntTotal": ":HED-2-260", "MontoImp": ":HED-2-302"}
	differ := func(names ...string) []string {
		var out []string
		for _, n := range names {
			out = append(out, n+":totals-differ"+codes[n[strings.LastIndexByte(n, '.')+1:]])
		}
		return out
	}
	for _, tt := range []struct {
		name, text, expected string
		policy               dte.Policy
		refused              []string
		totals               string
	}{
		{"equal", document(33, "", line), `{"MntNeto":1000,"TasaIVA":"19.00","IVA":"190","MntTotal":1190.0,"MntExe":0}`, "", nil, ""},
		{"equal inside and beside", inside, `{"MntTotal":1190}`, "", nil, ""},
		{"a peso off", document(33, "", line), `{"MntNeto":1000,"IVA":191,"MntTotal":1191}`, "", differ("expected_totals.IVA", "expected_totals.MntTotal"), ""},
		{"both differ from one another", inside, `{"MntTotal":1191}`, "", differ("expected_totals.MntTotal", "expected_totals.MntTotal"), ""},
		{"unknown figure", document(33, "", line), `{"Total":1190}`, "", []string{"expected_totals.Total:unknown-field"}, ""},
		{"no object", document(33, "", line), `[1]`, "", []string{"expected_totals:unreadable-json"}, ""},
		{"null is absent", document(33, "", line), `null`, "", nil, ""},
		{"zeros that exports do not have", export(110, line, ""), `{"MntNeto":0,"IVA":"0.0","MntExe":1000,"MntTotal":1000}`, "", nil, ""},
		{"net of an export", export(110, line, ""), `{"MntNeto":1,"IVA":0,"MntTotal":1000}`, "", []string{"expected_totals.MntNeto:unknown-field"}, ""},
		{"tolerated", document(33, "", line), `{"IVA":191,"MntTotal":1191}`, dte.PolicyTolerate, nil, `{"MntNeto":1000,"TasaIVA":19,"IVA":191,"MntTotal":1191}`},
		{"two pesos tolerated", document(33, "", line), `{"MntNeto":1001,"IVA":188,"MntTotal":1189}`, dte.PolicyTolerate, nil, `{"MntNeto":1001,"TasaIVA":19,"IVA":188,"MntTotal":1189}`},
		{"does not add up", document(33, "", line), `{"IVA":191,"MntTotal":1190}`, dte.PolicyTolerate, differ("expected_totals.IVA"), ""},
		{"three pesos", document(33, "", line), `{"IVA":193,"MntTotal":1193}`, dte.PolicyTolerate, differ("expected_totals.IVA", "expected_totals.MntTotal"), ""},
		{"tax differs", document(33, "", `"Detalle":{"NmbItem":"Vino","MontoItem":1000,"CodImpAdic":25}`), `{"ImptoReten":[{"TipoImp":25,"MontoImp":206}]}`, "", differ("expected_totals.ImptoReten[0].MontoImp"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, _, err := dte.Resolve(dte.Request{
				Document: json.RawMessage(tt.text), ExpectedTotals: json.RawMessage(tt.expected), TotalsPolicy: tt.policy, Issuer: company, Today: today,
			})
			got := faults(t, err)
			if tt.name == "both differ from one another" && len(got) == 1 {
				got = append(got, got[0]) // one field, one code: told once
			}
			if diff := cmp.Diff(tt.refused, got); diff != "" {
				t.Fatal(diff)
			}
			if tt.totals != "" && string(o.Totals()) != tt.totals {
				t.Errorf("totals %s", o.Totals())
			}
		})
	}
}

// TestTotalsDiffer: the fault shows both numbers and the way to ours.
func TestTotalsDiffer(t *testing.T) {
	t.Parallel()
	_, _, err := dte.Resolve(dte.Request{
		Document: json.RawMessage(document(33, "", line)), ExpectedTotals: json.RawMessage(`{"MntTotal":5}`), Issuer: company, Today: today,
	})
	var invalid *dte.Invalid
	if !errors.As(err, &invalid) || !invalid.TotalsDiffer() {
		t.Fatal(err)
	}
	for _, part := range []string{"1190", "usted espera 5", "línea 1 (afecto): 1 × 1000 = 1000", "IVA = 1000 × 19 % = 190"} {
		if !strings.Contains(invalid.Faults[0].Detail, part) {
			t.Errorf("%q lacks %q", invalid.Faults[0].Detail, part)
		}
	}
	if (&dte.Invalid{}).TotalsDiffer() {
		t.Error("no fault is no difference")
	}
}

func TestFilledIn(t *testing.T) {
	t.Parallel()
	o := mustResolve(t, strings.Replace(document(33, "", `"Detalle":[{"NmbItem":"x","MontoItem":5},{"NmbItem":"y","MontoItem":6}],"Referencia":{"TpoDocRef":801,"FolioRef":"OC-1"}`),
		receiver, receiver+`,"Emisor":{"DirOrigen":"Sucursal 5"}`, 1))
	for path, want := range map[string]string{
		"Encabezado/IdDoc/FchEmis": "2026-11-23", "Encabezado/Emisor/RUTEmisor": "76192083-9",
		"Encabezado/Emisor/RznSoc": "Comercial Ñandú & Cía. S.A.", "Encabezado/Emisor/DirOrigen": "Sucursal 5",
		"Encabezado/Emisor/CmnaOrigen": "Providencia", "Encabezado/Receptor/RUTRecep": "60803000-K",
		"Detalle/NroLinDet": "1", "Referencia/NroLinRef": "1", "Referencia/FchRef": "2026-11-23", "Encabezado/IdDoc/Folio": "",
	} {
		if got := field(t, o, path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	boleta := mustResolve(t, document(39, "", line))
	if field(t, boleta, "Encabezado/Emisor/RznSocEmisor") != company.RznSoc || field(t, boleta, "Encabezado/IdDoc/IndServicio") != "3" {
		t.Error("a boleta has its own names")
	}
	if o.Folio() != 0 || o.WithFolio(9).Folio() != 9 || o.Folio() != 0 {
		t.Error("WithFolio changed its receiver")
	}
	if given := mustResolve(t, document(33, `"Folio":"77"`, line)); given.Folio() != 77 {
		t.Error("the caller's folio is lost")
	}
}

func TestStamped(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("Ñ", 39) + " & más"
	o := mustResolve(t, strings.Replace(document(33, "", `"Detalle":{"NmbItem":"`+name+`","MontoItem":5}`), "Servicio de Impuestos Internos", name, 1)).WithFolio(3)
	want := dte.StampFields{
		RE: company.RUT, TD: dte.Factura, Folio: 3, FE: "2026-11-23", RR: o.Receiver(),
		RSR: strings.Repeat("Ñ", 39) + " ", MNT: "6", IT1: strings.Repeat("Ñ", 39) + " ",
	}
	if got := o.Stamped(); got != want {
		t.Errorf("got %+v", got)
	}
	boleta := mustResolve(t, document(39, "", line))
	if f := boleta.Stamped(); f.RSR == "" || f.IT1 != "x" {
		t.Errorf("got %+v", f)
	}
	export := mustResolve(t, `{"Encabezado":{"IdDoc":{"TipoDTE":110,"IndServicio":4},`+foreign+`},"Detalle":[{"NmbItem":"x","QtyItem":5,"PrcItem":50.125}]}`)
	if f := export.Stamped(); f.MNT != "250.625" {
		t.Errorf("got %+v", f)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, k := range dte.Types() {
		if parsed, err := dte.ParseType(k.String()); err != nil || parsed != k || k.Name() == "" || !k.Valid() {
			t.Errorf("%d: %v %v %q", k, parsed, err, k.Name())
		}
	}
	for _, bad := range []string{"", "0", "35", "x", "33 "} {
		if _, err := dte.ParseType(bad); err == nil {
			t.Errorf("%q is a type", bad)
		}
	}
	if !dte.NotaCredito.IsNote() || dte.Factura.IsNote() || !dte.Boleta.IsBoleta() || dte.Type(7).Valid() || dte.Type(7).Name() != "" || dte.Type(7).IsNote() {
		t.Error("types are mixed up")
	}
}

// TestIssuerWithoutComuna: what the company itself lacks is told like a fault of the document.
func TestIssuerWithoutComuna(t *testing.T) {
	t.Parallel()
	bare := dte.Issuer{RUT: company.RUT}
	_, _, err := dte.Resolve(dte.Request{Document: json.RawMessage(document(33, "", line)), Issuer: bare, Today: today})
	want := []string{
		"document.Encabezado.Emisor.RznSoc:missing-field", "document.Encabezado.Emisor.GiroEmis:missing-field",
		"document.Encabezado.Emisor.Acteco:missing-field", "document.Encabezado.Emisor.CmnaOrigen:missing-field",
	}
	if diff := cmp.Diff(want, faults(t, err)); diff != "" {
		t.Error(diff)
	}
}
