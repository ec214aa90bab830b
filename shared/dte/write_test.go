package dte_test

import (
	"encoding/json"
	"testing"

	"timbre/shared/dte"
)

func TestWriteSmoke(t *testing.T) {
	o := mustResolve(t, document(dte.Factura, "", `"Detalle":[{"NmbItem":"Pan \"ñandú\" d'oro <g> & más","QtyItem":3,"PrcItem":1000}]`))
	out := write(t, o, dte.FormBoth)
	t.Logf("%s", out)
	j, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", j)
	var again dte.Order
	if err := json.Unmarshal(j, &again); err != nil {
		t.Fatal(err)
	}
	if string(write(t, &again, dte.FormBoth)) != string(out) {
		t.Error("differs")
	}
	write(t, o, dte.FormSII)
}

func BenchmarkWrite(b *testing.B) {
	lines := ""
	for i := range 10 {
		if i > 0 {
			lines += ","
		}
		lines += `{"NmbItem":"Conectores RJ45 de cobre ñ","QtyItem":450,"PrcItem":70,"UnmdItem":"UN","DscItem":"Descripción de cada producto"}`
	}
	o := mustResolve(b, document(dte.Factura, "", `"Detalle":[`+lines+`]`)).WithFolio(17)
	ted := stamp(o.Stamped())
	id := identity()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dte.Write(o, ted, signedAt, dte.FormBoth, id); err != nil {
			b.Fatal(err)
		}
	}
}
