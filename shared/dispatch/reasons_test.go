package dispatch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dispatch"
	"timbre/shared/document"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := map[string]document.Detail{
		"HED-3-845": {
			Code: "HED-3-845", Level: 3, Text: "RECHAZO- x", Cause: "Falta la dirección del receptor",
			Cure: "Completar la dirección en la ficha del cliente y emitir con un folio nuevo",
		},
		"DET-1-200": { // the level of the answer counts, the number explains
			Code: "DET-1-200", Level: 3, Text: "RECHAZO- x", Cause: "El valor de una línea no es precio por cantidad menos descuento más recargo",
			Cure: "Informar el monto de cada descuento o recargo además del porcentaje",
		},
		"XYZ-3-999": {Code: "XYZ-3-999", Level: 3, Text: "RECHAZO- x"},
		"":          {Level: 3, Text: "RECHAZO- x"},
	}
	for code, want := range tests {
		if diff := cmp.Diff(want, dispatch.Explain(code, 3, "RECHAZO- x")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", code, diff)
		}
	}
}
