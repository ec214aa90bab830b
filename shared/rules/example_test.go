package rules_test

import (
	"fmt"

	"timbre/shared/format"
	"timbre/shared/rules"
)

func ExampleCheck() {
	boleta := format.New(format.Root("Boleta"))
	for path, text := range map[string]string{
		"Encabezado/IdDoc/TipoDTE": "39", "Encabezado/IdDoc/Folio": "1", "Encabezado/IdDoc/FchEmis": "2026-11-23",
		"Encabezado/IdDoc/IndServicio": "3", "Encabezado/Emisor/RUTEmisor": "76192083-9", "Encabezado/Receptor/RUTRecep": "66666666-6",
		"Encabezado/Totales/MntTotal": "0", "Referencia/TpoDocRef": "33", "Referencia/FolioRef": "5",
	} {
		boleta.Set(path, text)
	}
	for _, b := range rules.Check(boleta, rules.Facts{Type: 39, Issuer: "76192083-9", Today: "2026-11-23"}) {
		fmt.Println(b.Path, b.Rule.ID, b.Rule.SII, b.Rule.Level, b.Rule.Sure)
	}
	// Output: Referencia[0].TpoDocRef boleta-reference HED-3-211 3 live
}
