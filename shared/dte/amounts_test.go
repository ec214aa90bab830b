package dte_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
)

const (
	refersTo33 = `"Referencia":[{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":3}]`
	refersTo46 = `"Referencia":[{"TpoDocRef":46,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}]`
)

// The worked examples of FORMATS, section 6, and what follows from its rules.
func TestTotals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		kind        dte.Type
		idDoc, rest string
		want        string
	}{
		{"half a peso away from zero: 1350 has 257", 33, "", `"Detalle":{"NmbItem":"x","QtyItem":1,"PrcItem":1350}`, `{"MntNeto":1350,"TasaIVA":19,"IVA":257,"MntTotal":1607}`},
		{
			"line discounts, certification case 2", 33, "",
			`"Detalle":[{"NmbItem":"a","QtyItem":759,"PrcItem":5874,"DescuentoPct":10},{"NmbItem":"b","QtyItem":703,"PrcItem":4925,"DescuentoPct":23}]`,
			`{"MntNeto":6678481,"TasaIVA":19,"IVA":1268911,"MntTotal":7947392}`,
		},
		{
			"global discount, certification case 4", 33, "",
			`"Detalle":[{"NmbItem":"a","MontoItem":2450466},{"NmbItem":"b","MontoItem":1260700},{"NmbItem":"c","MontoItem":13666,"IndExe":1}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":22}`,
			`{"MntNeto":2894709,"MntExe":13666,"TasaIVA":19,"IVA":549995,"MntTotal":3458370}`,
		},
		{
			"global discount in pesos", 33, "",
			`"Detalle":[{"NmbItem":"a","MontoItem":4218609},{"NmbItem":"b","MontoItem":2230140},{"NmbItem":"c","MontoItem":13720,"IndExe":1}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"$","ValorDR":1871152}`,
			`{"MntNeto":4577597,"MntExe":13720,"TasaIVA":19,"IVA":869743,"MntTotal":5461060}`,
		},
		{"official sample F60T33", 33, "", `"Detalle":{"NmbItem":"x","MontoItem":100000}`, `{"MntNeto":100000,"TasaIVA":19,"IVA":19000,"MntTotal":119000}`},
		{
			"a discount for each class", 33, "",
			`"Detalle":[{"NmbItem":"a","MontoItem":1000},{"NmbItem":"b","MontoItem":500,"IndExe":1},{"NmbItem":"c","MontoItem":300,"IndExe":2}],"DscRcgGlobal":[{"TpoMov":"D","TpoValor":"%","ValorDR":10},{"TpoMov":"R","TpoValor":"$","ValorDR":50,"IndExeDR":1},{"TpoMov":"D","TpoValor":"%","ValorDR":50,"IndExeDR":2}]`,
			`{"MntNeto":900,"MntExe":550,"TasaIVA":19,"IVA":171,"MntTotal":1621,"MontoNF":150,"MontoPeriodo":1771}`,
		},
		{
			"not billable both ways, deposit", 33, "",
			`"Detalle":[{"NmbItem":"a","MontoItem":1000},{"NmbItem":"b","MontoItem":200,"IndExe":2},{"NmbItem":"c","MontoItem":300,"IndExe":6},{"NmbItem":"d","MontoItem":70,"IndExe":3}]`,
			`{"MntNeto":1000,"TasaIVA":19,"IVA":190,"GrntDep":70,"MntTotal":1260,"MontoNF":-100,"MontoPeriodo":1160}`,
		},
		{"gross prices (MntBruto)", 33, `"MntBruto":1`, `"Detalle":{"NmbItem":"x","QtyItem":1,"PrcItem":905}`, `{"MntNeto":761,"TasaIVA":19,"IVA":145,"MntTotal":906}`},
		{"wine", 33, "", `"Detalle":{"NmbItem":"Vino","MontoItem":100000,"CodImpAdic":25}`, `{"MntNeto":100000,"TasaIVA":19,"IVA":19000,"ImptoReten":[{"TipoImp":"25","TasaImp":20.5,"MontoImp":20500}],"MntTotal":139500}`},
		{
			"two taxes share a discount", 33, "",
			`"Detalle":[{"NmbItem":"a","MontoItem":1000,"CodImpAdic":[24]},{"NmbItem":"b","MontoItem":2000,"CodImpAdic":[27]}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":10}`,
			`{"MntNeto":2700,"TasaIVA":19,"IVA":513,"ImptoReten":[{"TipoImp":"24","TasaImp":31.5,"MontoImp":284},{"TipoImp":"27","TasaImp":10,"MontoImp":180}],"MntTotal":3677}`,
		},
		{
			"a tax by units is the caller's", 33, "", `"Detalle":{"NmbItem":"Diésel","MontoItem":100000,"CodImpAdic":28}`,
			"",
		},
		{"whole IVA withheld", 46, "", `"Detalle":{"NmbItem":"Chatarra","MontoItem":1914374,"CodImpAdic":15}`, `{"MntNeto":1914374,"TasaIVA":19,"IVA":363731,"ImptoReten":[{"TipoImp":"15","TasaImp":19,"MontoImp":363731}],"MntTotal":1914374}`},
		{"wheat, partly withheld", 46, "", `"Detalle":{"NmbItem":"Trigo","MontoItem":1000000,"CodImpAdic":34}`, `{"MntNeto":1000000,"TasaIVA":19,"IVA":190000,"ImptoReten":[{"TipoImp":"34","TasaImp":4,"MontoImp":40000}],"IVANoRet":150000,"MntTotal":1150000}`},
		{"note on a purchase invoice withholds again", 61, "", `"Detalle":{"NmbItem":"Trigo","MontoItem":1000000,"CodImpAdic":34},` + refersTo46, `{"MntNeto":1000000,"TasaIVA":19,"IVA":190000,"ImptoReten":[{"TipoImp":"34","TasaImp":4,"MontoImp":40000}],"IVANoRet":150000,"MntTotal":1150000}`},
		{"no withholding (49) has no rate", 46, "", `"Detalle":{"NmbItem":"Trigo","MontoItem":1000,"CodImpAdic":49}`, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"ImptoReten":[{"TipoImp":"49","MontoImp":0}],"IVANoRet":190,"MntTotal":1190}`},
		{"commissions come off", 46, "", `"Detalle":{"NmbItem":"Trigo","MontoItem":1000},"Comisiones":[{"TipoMovim":"C","Glosa":"g","ValComNeto":50,"ValComExe":10},{"TipoMovim":"C","Glosa":"g","ValComNeto":3,"ValComExe":0}]`, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"IVANoRet":190,"Comisiones":{"ValComNeto":53,"ValComExe":10,"ValComIVA":10},"MntTotal":1117}`},
		{"exempt invoice", 34, "", `"Detalle":[{"NmbItem":"x","QtyItem":5,"PrcItem":25000},{"NmbItem":"y","MontoItem":1,"IndExe":1}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"$","ValorDR":1000}`, `{"MntExe":124001,"MntTotal":124001}`},
		{"boleta by subtraction", 39, "", `"Detalle":{"NmbItem":"x","QtyItem":1,"PrcItem":905}`, `{"MntNeto":761,"IVA":144,"MntTotal":905}`},
		{"boleta 5980", 39, "", `"Detalle":{"NmbItem":"x","QtyItem":1,"PrcItem":5980}`, `{"MntNeto":5025,"IVA":955,"MntTotal":5980}`},
		{"boleta 19990", 39, "", `"Detalle":{"NmbItem":"x","QtyItem":1,"PrcItem":19990}`, `{"MntNeto":16798,"IVA":3192,"MntTotal":19990}`},
		{"boleta, taxable and exempt", 39, "", `"Detalle":[{"NmbItem":"x","QtyItem":8,"PrcItem":1590},{"NmbItem":"y","QtyItem":2,"PrcItem":1000,"IndExe":1}]`, `{"MntNeto":10689,"MntExe":2000,"IVA":2031,"MntTotal":14720}`},
		{"boleta with net prices", 39, `"IndMntNeto":2`, `"Detalle":{"NmbItem":"x","QtyItem":1,"PrcItem":1190}`, `{"MntNeto":1190,"IVA":226,"MntTotal":1416}`},
		{"exempt boleta", 41, "", `"Detalle":{"NmbItem":"x","QtyItem":1,"PrcItem":1000}`, `{"MntExe":1000,"MntTotal":1000}`},
		{"guía that is no sale", 52, `"IndTraslado":6`, `"Detalle":{"NmbItem":"x","QtyItem":3,"UnmdItem":"UN"}`, `{"MntTotal":0}`},
		{"debit note", 56, "", `"Detalle":{"NmbItem":"x","MontoItem":1000},` + refersTo33, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"MntTotal":1190}`},
		{"fractions of quantity and price", 33, "", `"Detalle":[{"NmbItem":"x","QtyItem":2.5,"PrcItem":399.9},{"NmbItem":"y","QtyItem":"0.333333","PrcItem":"3.000001"}]`, `{"MntNeto":1001,"TasaIVA":19,"IVA":190,"MntTotal":1191}`},
		{"line surcharge and parts", 33, "", `"Detalle":[{"NmbItem":"x","QtyItem":10,"PrcItem":100,"RecargoPct":5},{"NmbItem":"y","QtyItem":10,"PrcItem":100,"SubDscto":[{"TipoDscto":"%","ValorDscto":10},{"TipoDscto":"$","ValorDscto":7}]}]`, `{"MntNeto":1943,"TasaIVA":19,"IVA":369,"MntTotal":2312}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, _, err := resolve(document(tt.kind, tt.idDoc, tt.rest))
			if tt.want == "" {
				if diff := cmp.Diff([]string{"document.Encabezado.Totales.ImptoReten:missing-field"}, faults(t, err)); diff != "" {
					t.Error(diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(o.Totals())); diff != "" {
				t.Error(diff)
			}
			write(t, o, dte.FormBoth)
		})
	}
}

// What the caller alone knows is taken from Totales.
func TestTotalsTaken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, totals, want string }{
		{"balance", `"SaldoAnterior":500`, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"MntTotal":1190,"SaldoAnterior":500,"VlrPagar":1690}`},
		{"what is to be paid", `"VlrPagar":1`, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"MntTotal":1190,"VlrPagar":1}`},
		{"IVA of others", `"IVAProp":100,"IVATerc":90`, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"IVAProp":100,"IVATerc":90,"MntTotal":1190}`},
		{"builder's credit", `"CredEC":124`, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"CredEC":124,"MntTotal":1066}`},
		{"tax by units", `"ImptoReten":{"TipoImp":28,"MontoImp":55}`, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"ImptoReten":[{"TipoImp":"28","MontoImp":55}],"MntTotal":1245}`},
		{"meat", `"MntBase":2000,"ImptoReten":{"TipoImp":17,"MontoImp":100}`, `{"MntNeto":1000,"MntBase":2000,"TasaIVA":19,"IVA":190,"ImptoReten":[{"TipoImp":"17","TasaImp":5,"MontoImp":100}],"MntTotal":1290}`},
		{"period", `"MontoPeriodo":1190`, `{"MntNeto":1000,"TasaIVA":19,"IVA":190,"MntTotal":1190,"MontoPeriodo":1190}`},
		{"exempt zero is kept", `"MntExe":0`, `{"MntNeto":1000,"MntExe":0,"TasaIVA":19,"IVA":190,"MntTotal":1190}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustResolve(t, `{"Encabezado":{"IdDoc":{"TipoDTE":33},`+receiver+`,"Totales":{`+tt.totals+`}},"Detalle":{"NmbItem":"x","MontoItem":1000}}`)
			if diff := cmp.Diff(tt.want, string(o.Totals())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A percentage that ends in half a peso is written as pesos, so that nobody rounds it otherwise.
func TestHalfDiscount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, rest, kind, value string }{
		{"half", `"Detalle":{"NmbItem":"x","MontoItem":105},"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":10}`, "$", "11"},
		{"more than half", `"Detalle":{"NmbItem":"x","MontoItem":106},"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":10}`, "%", "10"},
		{"half in the fourth place", `"Detalle":{"NmbItem":"x","MontoItem":10050},"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":0.01}`, "%", "0.01"},
		{"different taxes need the percentage", `"Detalle":[{"NmbItem":"x","MontoItem":100,"CodImpAdic":24},{"NmbItem":"x","MontoItem":5}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":10}`, "%", "10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mustResolve(t, document(dte.Factura, "", tt.rest))
			if kind, value := field(t, o, "DscRcgGlobal/TpoValor"), field(t, o, "DscRcgGlobal/ValorDR"); kind != tt.kind || value != tt.value {
				t.Errorf("%s %s, want %s %s", kind, value, tt.kind, tt.value)
			}
		})
	}
}

// Global discounts of gross boletas go into the lines, to the peso.
func TestSpread(t *testing.T) {
	t.Parallel()
	o := mustResolve(t, document(dte.Boleta, "",
		`"Detalle":[{"NmbItem":"a","QtyItem":7,"PrcItem":1593,"DescuentoPct":1},{"NmbItem":"b","QtyItem":1,"PrcItem":2003},{"NmbItem":"c","QtyItem":1,"PrcItem":500,"IndExe":1}],`+
			`"DscRcgGlobal":[{"TpoMov":"D","TpoValor":"%","ValorDR":13},{"TpoMov":"R","TpoValor":"$","ValorDR":20,"IndExeDR":1}]`))
	// 11151 - 112 = 11039; with 2003 it is 13042; 13 % is 1695.46, so 1695; 11347 + 520 remain.
	if got := string(o.Totals()); got != `{"MntNeto":9535,"MntExe":520,"IVA":1812,"MntTotal":11867}` {
		t.Error(got)
	}
	if got := field(t, o, "DscRcgGlobal"); got != "" {
		t.Errorf("DscRcgGlobal %s", got)
	}
	if got := field(t, o, "Detalle/DescuentoMonto"); got != "1547" {
		t.Errorf("discount of the first line %s", got)
	}
	if got := field(t, o, "Detalle/DescuentoPct"); got != "" {
		t.Errorf("percentage of the first line %s", got)
	}
	write(t, o, dte.FormBoth)
}
