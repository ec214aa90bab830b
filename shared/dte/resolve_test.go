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

// The fixtures that break the rules; each is refused with exactly these marks, or accepted with them
// as warnings.
func TestRules(t *testing.T) {
	t.Parallel()
	credit := func(reference string) string { return document(61, "", line+`,"Referencia":[`+reference+`]`) }
	for _, tt := range []struct {
		name, text string
		refused    []string
		warned     []string
	}{
		{"good", document(33, "", line), nil, nil},
		{"no type", `{"Detalle":[]}`, []string{"document.Encabezado.IdDoc.TipoDTE:missing-field"}, nil},
		{"unknown type", document(99, "", line), []string{"document.Encabezado.IdDoc.TipoDTE:unknown-type"}, nil},
		{"no JSON", `{"Encabezado":`, []string{"document:unreadable-json"}, nil},
		{"empty", ``, []string{"document:unreadable-json"}, nil},
		{"list", `[]`, []string{"document.Encabezado.IdDoc.TipoDTE:missing-field"}, nil},
		{
			"all faults at once", `{"Encabezado":{"IdDoc":{"TipoDTE":33,"FmaPago":9},"Receptor":{"RUTRecep":"60803000-1","Nombre":"x"}},"Detalle":[{"NmbItem":"x","QtyItem":0,"PrcItem":-5}]}`,
			[]string{
				"document.Encabezado.Receptor.Nombre:unknown-field", "document.Encabezado.Receptor.RUTRecep:bad-rut",
				"document.Encabezado.IdDoc.FmaPago:not-in-list", "document.Encabezado.Receptor.RznSocRecep:missing-field",
				"document.Detalle[0].QtyItem:out-of-range", "document.Detalle[0].PrcItem:out-of-range",
				"document.Encabezado.Receptor.GiroRecep:missing-field",
				"document.Encabezado.Receptor.DirRecep:missing-field:HED-3-845", "document.Encabezado.Receptor.CmnaRecep:missing-field:HED-3-846",
			}, nil,
		},
		{"wrong digit", strings.Replace(document(33, "", line), "60.803.000-k", "60.803.000-1", 1), []string{"document.Encabezado.Receptor.RUTRecep:bad-rut"}, nil},
		{"no comuna", strings.Replace(document(33, "", line), `,"CmnaRecep":"Santiago"`, "", 1), []string{"document.Encabezado.Receptor.CmnaRecep:missing-field:HED-3-846"}, nil},
		{"no address", strings.Replace(document(33, "", line), `"DirRecep":"Teatinos 120",`, "", 1), []string{"document.Encabezado.Receptor.DirRecep:missing-field:HED-3-845"}, nil},
		{"no giro", strings.Replace(document(33, "", line), `"GiroRecep":"Gobierno",`, "", 1), []string{"document.Encabezado.Receptor.GiroRecep:missing-field"}, nil},
		{"a note needs none of them", strings.Replace(credit(`{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}`), `"GiroRecep":"Gobierno","DirRecep":"Teatinos 120","CmnaRecep":"Santiago"`, `"Contacto":"x"`, 1), nil, nil},
		{"other issuer", strings.Replace(document(33, "", line), receiver, receiver+`,"Emisor":{"RUTEmisor":"60803000-K"}`, 1), []string{"document.Encabezado.Emisor.RUTEmisor:foreign-issuer"}, nil},
		{"foreign activity", strings.Replace(document(33, "", line), receiver, receiver+`,"Emisor":{"Acteco":1}`, 1), []string{"document.Encabezado.Emisor.Acteco:activity-not-registered:HED-3-861"}, nil},
		{"future", document(33, `"FchEmis":"2026-11-24"`, line), []string{"document.Encabezado.IdDoc.FchEmis:bad-date"}, nil},
		{"too long ago", document(33, `"FchEmis":"2003-03-31"`, line), []string{"document.Encabezado.IdDoc.FchEmis:bad-date"}, []string{"document.Encabezado.IdDoc.FchEmis:old-date:DTE-1-650"}},
		{"no date at all", document(33, `"FchEmis":"2026-02-30"`, line), []string{"document.Encabezado.IdDoc.FchEmis:bad-date"}, nil},
		{"four days old", document(33, `"FchEmis":"2026-11-19"`, line), nil, []string{"document.Encabezado.IdDoc.FchEmis:old-date:DTE-1-650"}},
		{"three days old", document(33, `"FchEmis":"2026-11-20"`, line), nil, nil},
		{"credit without term", document(33, `"FmaPago":2`, line), nil, []string{"document.Encabezado.IdDoc.FchVenc:missing-field"}},
		{"period upside down", document(33, `"PeriodoDesde":"2026-02-01","PeriodoHasta":"2026-01-01"`, line), nil, []string{"document.Encabezado.IdDoc.PeriodoDesde:field-mismatch"}},
		{"33 without taxable line", document(33, "", `"Detalle":{"NmbItem":"x","MontoItem":5,"IndExe":1}`), []string{"document.Detalle:invoice-without-taxable", "document.Encabezado.Totales.MntNeto:net-not-positive:HED-2-223"}, nil},
		{"33 for nothing", document(33, "", `"Detalle":{"NmbItem":"x","MontoItem":0}`), []string{"document.Encabezado.Totales.MntNeto:net-not-positive:HED-2-223"}, nil},
		{"34 with IVA", `{"Encabezado":{"IdDoc":{"TipoDTE":34},` + receiver + `,"Totales":{"MntNeto":1000,"IVA":190,"MntTotal":1190}},` + line + `}`, []string{
			"document.Encabezado.Totales.MntNeto:totals-differ", "document.Encabezado.Totales.IVA:totals-differ",
			"document.Encabezado.Totales.MntTotal:totals-differ", "document.Encabezado.Totales:exempt-with-tax",
		}, nil},
		{"34 for nothing", document(34, "", `"Detalle":{"NmbItem":"x","MontoItem":0}`), []string{"document.Encabezado.Totales.MntExe:exempt-not-positive"}, nil},
		{"field of another type", document(33, `"IndTraslado":1`, line), []string{"document.Encabezado.IdDoc.IndTraslado:field-not-allowed"}, nil},
		{"line without amount", document(33, "", `"Detalle":{"NmbItem":"x","QtyItem":1}`), []string{"document.Detalle[0].MontoItem:missing-field"}, []string{"document.Detalle[0].PrcItem:quantity-without-price"}},
		{"line without name", document(33, "", `"Detalle":{"NmbItem":"  ","MontoItem":5}`), []string{"document.Detalle[0].NmbItem:missing-field"}, nil},
		{"wrong amount of a line", document(33, "", `"Detalle":{"NmbItem":"x","QtyItem":2,"PrcItem":10,"MontoItem":21}`), []string{"document.Detalle[0].MontoItem:line-amount:DET-2-200"}, nil},
		{"percentage and another amount", document(33, "", `"Detalle":{"NmbItem":"x","QtyItem":2,"PrcItem":100,"DescuentoPct":10,"DescuentoMonto":21}`), nil, []string{"document.Detalle[0].DescuentoMonto:discount-amount"}},
		{"discount over the line", document(33, "", `"Detalle":[{"NmbItem":"x","QtyItem":2,"PrcItem":10,"DescuentoMonto":21},{"NmbItem":"y","MontoItem":5}]`), []string{"document.Detalle[0].MontoItem:out-of-range"}, nil},
		{"discount over the total", document(33, "", line+`,"DscRcgGlobal":{"TpoMov":"D","TpoValor":"$","ValorDR":1100}`), []string{
			"document.Encabezado.Totales.MntNeto:out-of-range", "document.Encabezado.Totales.IVA:out-of-range", "document.Encabezado.Totales.MntTotal:out-of-range",
			"document.Encabezado.Totales.MntNeto:net-not-positive:HED-2-223", "document.Encabezado.Totales.MntTotal:negative-total", "document.DscRcgGlobal:discount-over-class",
		}, nil},
		{"over 100 percent", document(33, "", line+`,"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":100.5}`), []string{
			"document.Encabezado.Totales.MntNeto:out-of-range", "document.Encabezado.Totales.IVA:out-of-range", "document.Encabezado.Totales.MntTotal:out-of-range",
			"document.DscRcgGlobal[0].ValorDR:discount-over-100",
			"document.Encabezado.Totales.MntNeto:net-not-positive:HED-2-223", "document.Encabezado.Totales.MntTotal:negative-total", "document.DscRcgGlobal:discount-over-class",
		}, nil},
		{"boleta: discount over its class", document(39, "", `"Detalle":[{"NmbItem":"x","MontoItem":5000},{"NmbItem":"y","MontoItem":10,"IndExe":1}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"$","ValorDR":11,"IndExeDR":1}`), []string{
			"document.DscRcgGlobal:discount-over-class", "document.Encabezado.Totales.MntExe:out-of-range", "document.Encabezado.Totales.MntTotal:negative-total",
		}, nil},
		{"exempt invoice: discount over its class", document(34, "", `"Detalle":[{"NmbItem":"x","MontoItem":5000},{"NmbItem":"y","MontoItem":10,"IndExe":1}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"$","ValorDR":11,"IndExeDR":1}`), []string{
			"document.DscRcgGlobal:discount-over-class",
		}, nil},
		{"discount on nothing", document(33, "", line+`,"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":5,"IndExeDR":1}`), nil, []string{"document.DscRcgGlobal[0].IndExeDR:global-discount-class"}},
		{"discount in a guía", document(52, `"IndTraslado":1`, `"Detalle":{"NmbItem":"x","QtyItem":1,"UnmdItem":"U","PrcItem":10},"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":5}`), []string{"document.DscRcgGlobal[0]:field-not-allowed"}, []string{"document.Encabezado.Transporte:missing-field", "document.DscRcgGlobal[0]:discount-not-allowed"}},
		{"amount too large", document(33, "", `"Detalle":{"NmbItem":"x","QtyItem":999999999999,"PrcItem":999999999999}`), []string{"document.Detalle[0].MontoItem:amount-too-large"}, nil},
		{"line numbers", document(33, "", `"Detalle":[{"NmbItem":"x","MontoItem":5,"NroLinDet":7}]`), nil, []string{"document.Detalle[0].NroLinDet:line-number"}},
		{"signed parts", document(33, "", line+`,"TmstFirma":"2026-01-01T00:00:00"`), []string{"document.TmstFirma:unknown-field"}, nil},
		{"no reference", document(61, "", line), []string{"document.Referencia:reference-missing:REF-3-415"}, []string{"document.Referencia:missing-field"}},
		{"reference to an order only", credit(`{"TpoDocRef":801,"FolioRef":"A1"}`), []string{"document.Referencia:reference-missing:REF-3-415"}, nil},
		{"reference to a guía only", credit(`{"TpoDocRef":52,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}`), []string{"document.Referencia:reference-missing:REF-3-415"}, nil},
		{"no CodRef", credit(`{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01"}`), []string{"document.Referencia[0].CodRef:reference-code-missing:REF-3-758"}, nil},
		{"no date of the reference", credit(`{"TpoDocRef":33,"FolioRef":1,"CodRef":1}`), []string{"document.Referencia[0].FchRef:missing-field"}, nil},
		{"other references need no CodRef", credit(`{"TpoDocRef":"SET","FolioRef":1,"RazonRef":"CASO 1-1"},{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}`), nil, nil},
		{"text correction with amount", credit(`{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":2}`), []string{"document.Encabezado.Totales.MntTotal:text-correction-with-amount:REF-2-781"}, []string{"document.Detalle:text-correction-with-lines"}},
		{"amount correction of nothing", document(61, "", `"Detalle":{"NmbItem":"x","MontoItem":0},"Referencia":{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":3}`), []string{"document.Encabezado.Totales.MntTotal:amount-correction-without-amount:REF-2-768"}, nil},
		{"bad CodRef", credit(`{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":4}`), []string{"document.Referencia[0].CodRef:not-in-list"}, nil},
		{"annuls two", credit(`{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1},{"TpoDocRef":33,"FolioRef":2,"FchRef":"2026-11-01","CodRef":1}`), nil, []string{"document.Referencia:several-references"}},
		{"debit note annuls an invoice", document(56, "", line+`,"Referencia":{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}`), nil, []string{"document.Referencia[0].TpoDocRef:debit-note-annuls"}},
		{"taxable note on an exempt invoice", credit(`{"TpoDocRef":34,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}`), nil, []string{"document.Encabezado.Totales.MntNeto:taxable-note-on-exempt"}},
		{"reference from the future", credit(`{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-24","CodRef":1}`), nil, []string{"document.Referencia[0].FchRef:reference-date"}},
		{"odd references", document(33, "", line+`,"Referencia":[{"TpoDocRef":99,"FolioRef":0,"FchRef":"2026-11-01"},{"TpoDocRef":33,"FolioRef":"A1","FchRef":"2026-11-01"}]`), nil, []string{"document.Referencia[0].FolioRef:global-reference", "document.Referencia[1].FolioRef:reference-folio", "document.Referencia[0].TpoDocRef:reference-type"}},
		{"export without pesos", `{"Encabezado":{"IdDoc":{"TipoDTE":110,"IndServicio":4},` + strings.Split(foreign, `,"OtraMoneda"`)[0] + `},` + line + `}`, []string{"document.Encabezado.OtraMoneda:pesos-missing:HED-3-834"}, nil},
		{"export to a local RUT", strings.Replace(`{"Encabezado":{"IdDoc":{"TipoDTE":110,"IndServicio":4},`+foreign+`},`+line+`}`, "55555555-5", "60803000-K", 1), []string{"document.Encabezado.Receptor.RUTRecep:export-receiver:HED-2-832"}, nil},
	} {
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
	differ := func(names ...string) []string {
		var out []string
		for _, n := range names {
			out = append(out, n+":totals-differ")
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
