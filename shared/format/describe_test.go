package format_test

import (
	"testing"

	"timbre/shared/format"
)

// TestDescribe: each kind of type says which values it takes.
func TestDescribe(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"Encabezado/IdDoc/TpoImpresion":         "N · T",
		"Encabezado/IdDoc/Folio":                "entero, 10 dígitos, desde 1",
		"Encabezado/IdDoc/FchEmis":              "fecha, de 2000-01-01 a 2050-12-31",
		"Encabezado/Receptor/RUTRecep":          "RUT",
		"Encabezado/Receptor/GiroRecep":         "texto hasta 40",
		"Encabezado/OtraMoneda/MntTotOtrMnda":   "número con hasta 4 decimales, 18 dígitos, de 0.0001 a 99999999999999.9999",
		"Referencia/TpoDocRef":                  "texto de 1 a 3",
		"Encabezado/Transporte/HraSalida":       "hora",
		"TED/FRMT":                              "base64",
		"TED/DD/TSTED":                          "fecha y hora",
		"Encabezado/Transporte/Aduana/TotItems": "entero, 18 dígitos, desde 1",
	} {
		if got := format.Root("Documento").At(path).Type.Describe(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	faults := format.Faults()
	if len(faults) < 20 || format.MissingField.Text() == "" || format.TooLong.Text() != "" {
		t.Errorf("%d faults: %v", len(faults), faults)
	}
}
