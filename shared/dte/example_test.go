package dte_test

import (
	"fmt"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
)

// An invoice from the caller's JSON to its totals; what is wrong comes back in an *Invalid.
func ExampleResolve() {
	order, warnings, err := dte.Resolve(dte.Request{
		Document: []byte(`{
			"Encabezado": {
				"IdDoc": {"TipoDTE": 33},
				"Receptor": {"RUTRecep": "60.803.000-k", "RznSocRecep": "SII", "GiroRecep": "Gobierno",
					"DirRecep": "Teatinos 120", "CmnaRecep": "Santiago"}
			},
			"Detalle": {"NmbItem": "Hosting", "QtyItem": 1, "PrcItem": 1350}
		}`),
		Issuer: dte.Issuer{
			RUT: rut.MustParse("76192083-9"), RznSoc: "Empresa SpA", GiroEmis: "Informática",
			Acteco: []string{"726000"}, DirOrigen: "Av. Providencia 1", CmnaOrigen: "Providencia",
		},
		Today: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
	})
	fmt.Println(string(order.Totals()), len(warnings), err)
	for _, step := range order.Explain() {
		fmt.Println(step)
	}
	// Output:
	// {"MntNeto":1350,"TasaIVA":19,"IVA":257,"MntTotal":1607} 0 <nil>
	// línea 1 (afecto): 1 × 1350 = 1350
	// IVA = 1350 × 19 % = 257
}
