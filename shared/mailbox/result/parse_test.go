package result_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/mailbox/result"
	"timbre/shared/rut"
	"timbre/shared/xmldsig"
)

// whole has everything that the schema knows.
const whole = `<?xml version="1.0" encoding="ISO-8859-1"?>
<RESULTADO_ENVIO><IDENTIFICACION><RUTEMISOR>76192083-9</RUTEMISOR><RUTENVIA>11111111-1</RUTENVIA>
<TRACKID>0251767784</TRACKID><TMSTRECEPCION>15/06/2026 10:32:07</TMSTRECEPCION><ESTADO>EPR - Envio Procesado</ESTADO></IDENTIFICACION>
<ESTADISTICA><SUBTOTAL><TIPODOC>33</TIPODOC><INFORMADO>4</INFORMADO><RECHAZO>1</RECHAZO><REPARO>2</REPARO><ACEPTA>1</ACEPTA></SUBTOTAL>
<SUBTOTAL><TIPODOC>61</TIPODOC><INFORMADO>1</INFORMADO><ACEPTA>1</ACEPTA></SUBTOTAL></ESTADISTICA>
<REVISIONENVIO>
<REVISIONDTE><FOLIO>17</FOLIO><TIPODTE>33</TIPODTE><ESTADO>RCH - DTE Rechazado</ESTADO>
<DETALLE>(DTE-3-101) Folio ya recibido con` + " \xe9 " + `otros datos</DETALLE><DETALLE>(REF-3-750) DTE Referenciado no recibido</DETALLE></REVISIONDTE>
<REVISIONDTE><FOLIO>18</FOLIO><TIPODTE>33</TIPODTE><ESTADO>RLV - DTE Aceptado con Reparos Leves</ESTADO><DETALLE>(HED-1-863) Razon Social</DETALLE></REVISIONDTE>
<REVISIONDTE><FOLIO>19</FOLIO><TIPODTE>33</TIPODTE><ESTADO>RPR - DTE Aceptado con Reparos</ESTADO><DETALLE>(HED-2-861) Acteco</DETALLE></REVISIONDTE>
</REVISIONENVIO></RESULTADO_ENVIO>`

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := result.Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := result.Result{
		Issuer: rut.MustParse("76192083-9"), Sender: rut.MustParse("11111111-1"), Track: "251767784",
		ReceivedAt: time.Date(2026, 6, 15, 10, 32, 7, 0, time.UTC), State: "EPR", Glosa: "Envio Procesado",
		Counts: []result.Count{{Type: 33, Informed: 4, Rejected: 1, Remarks: 2, Accepted: 1}, {Type: 61, Informed: 1, Accepted: 1}},
		Documents: []result.Document{
			{Type: 33, Folio: 17, Verdict: result.Rejected, State: "RCH", Glosa: "DTE Rechazado", Details: []result.Detail{
				{Code: "DTE-3-101", Level: result.LevelReject, Text: "Folio ya recibido con é otros datos"},
				{Code: "REF-3-750", Level: result.LevelReject, Text: "DTE Referenciado no recibido"},
			}},
			{Type: 33, Folio: 18, Verdict: result.AcceptedRemarks, State: "RLV", Glosa: "DTE Aceptado con Reparos Leves", Details: []result.Detail{
				{Code: "HED-1-863", Level: result.LevelRemark1, Text: "Razon Social"},
			}},
			{Type: 33, Folio: 19, Verdict: result.AcceptedRemarks, State: "RPR", Glosa: "DTE Aceptado con Reparos", Details: []result.Detail{
				{Code: "HED-2-861", Level: result.LevelRemark2, Text: "Acteco"},
			}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if d, ok := got.Document(dte.Factura, 18); !ok || d.Verdict != result.AcceptedRemarks {
		t.Errorf("document 18: %v, %v", d, ok)
	}
	if d, ok := got.Document(dte.NotaCredito, 18); ok {
		t.Errorf("a document of another type: %v", d)
	}
}

func TestReference(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(golden.Reference(t, "sii", "responses", "mail"), "*.xml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		xml, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := result.Parse(xml)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if got.Track != "251767784" || got.State != "EPR" || got.Issuer.String() != "76192083-9" {
			t.Errorf("%s: %+v", file, got)
		}
		d, ok := got.Document(dte.Factura, 17)
		if !ok || d.Verdict != result.Rejected || len(d.Details) != 1 || d.Details[0].Code != "DTE-3-101" {
			t.Errorf("%s: document %+v, %v", file, d, ok)
		}
	}
}

func envelopeRefused(detail string) string {
	return "<RESULTADO_ENVIO><IDENTIFICACION><TRACKID>7</TRACKID></IDENTIFICACION><ERRORENVIO><DETERRENVIO>" + detail + "</DETERRENVIO></ERRORENVIO></RESULTADO_ENVIO>"
}

func TestDetails(t *testing.T) {
	t.Parallel()
	tests := map[string]result.Detail{
		"(ENV-3-6) Usuario sin permiso":    {Code: "ENV-3-6", Level: 3, Text: "Usuario sin permiso"},
		"(CRT-3-19)Fecha/Numero":           {Code: "CRT-3-19", Level: 3, Text: "Fecha/Numero"},
		" ( caf-3-517 )  CAF\n  Vencido ":  {Code: "CAF-3-517", Level: 3, Text: "CAF Vencido"},
		"HED-1-863: Razón":                 {Code: "HED-1-863", Level: 1, Text: "Razón"},
		"(DTE-3-100)":                      {Code: "DTE-3-100", Level: 3},
		"Error sin código (DTE-3-100)":     {Text: "Error sin código (DTE-3-100)"},
		"(DTE-33-100) level of two digits": {Text: "(DTE-33-100) level of two digits"},
	}
	for detail, want := range tests {
		got, err := result.Parse([]byte(envelopeRefused(detail)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]result.Detail{want}, got.Faults); diff != "" {
			t.Errorf("%q (-want +got):\n%s", detail, diff)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	tests := map[string][2]string{
		"EPR - Envio Procesado":    {"EPR", "Envio Procesado"},
		"rfr-Rechazado por Firma":  {"RFR", "Rechazado por Firma"},
		"RSC":                      {"RSC", ""},
		"Envio Procesado":          {"", "Envio Procesado"},
		"Envio con error - de red": {"", "Envio con error - de red"},
		"":                         {"", ""},
	}
	for state, want := range tests {
		xml := "<RESULTADO_ENVIO><IDENTIFICACION><TRACKID>7</TRACKID><ESTADO>" + state + "</ESTADO></IDENTIFICACION></RESULTADO_ENVIO>"
		got, err := result.Parse([]byte(xml))
		if err != nil {
			t.Fatal(err)
		}
		if got.State != want[0] || got.Glosa != want[1] {
			t.Errorf("%q: %q, %q", state, got.State, got.Glosa)
		}
	}
}

func TestParseTolerates(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"nothing but a track id": "<RESULTADO_ENVIO><IDENTIFICACION><TRACKID> 0000000007 </TRACKID></IDENTIFICACION></RESULTADO_ENVIO>",
		"namespace":              `<s:RESULTADO_ENVIO xmlns:s="http://www.sii.cl/SiiDte"><s:IDENTIFICACION><s:TRACKID>7</s:TRACKID></s:IDENTIFICACION></s:RESULTADO_ENVIO>`,
		"nonsense": "<RESULTADO_ENVIO><IDENTIFICACION><TRACKID>7</TRACKID><RUTEMISOR>x</RUTEMISOR><TMSTRECEPCION>ayer</TMSTRECEPCION></IDENTIFICACION>" +
			"<OTRO/><REVISIONENVIO><OTRO/></REVISIONENVIO></RESULTADO_ENVIO>",
	}
	for name, xml := range tests {
		got, err := result.Parse([]byte(xml))
		if diff := cmp.Diff(result.Result{Track: "7"}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	strange, err := result.Parse([]byte(strings.Replace(whole, "RCH - DTE Rechazado", "XYZ - Otro", 1)))
	if err != nil || strange.Documents[0].Verdict != result.VerdictUnknown || strange.Documents[0].State != "XYZ" {
		t.Errorf("unknown state: %v, %v", strange.Documents, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	var syntax *xmldsig.SyntaxError
	if _, err := result.Parse([]byte("<RESULTADO_ENVIO>")); !errors.As(err, &syntax) {
		t.Errorf("torn file: %v", err)
	}
	if _, err := result.Parse([]byte(`<!DOCTYPE a><RESULTADO_ENVIO/>`)); !errors.As(err, &syntax) || syntax.Code != xmldsig.CodeDoctype {
		t.Errorf("DTD: %v", err)
	}
	for xml, want := range map[string]error{
		"<EnvioDTE/>":        result.ErrOther,
		"<RESULTADO_ENVIO/>": result.ErrTrack,
		"<RESULTADO_ENVIO><IDENTIFICACION><TRACKID>12a</TRACKID></IDENTIFICACION></RESULTADO_ENVIO>":  result.ErrTrack,
		"<RESULTADO_ENVIO><IDENTIFICACION><TRACKID>0000</TRACKID></IDENTIFICACION></RESULTADO_ENVIO>": result.ErrTrack,
	} {
		if _, err := result.Parse([]byte(xml)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", xml, err, want)
		}
	}
}

func TestParseSubject(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Resultado de Revision Envio 251767784 - 76192083-9":           "251767784 76192083-9",
		"Fwd: RESULTADO DE REVISIÓN ENVÍO 251767784 - 76192083-9":      "251767784 76192083-9",
		"RV: resultado de revisión envio 0000000012 -  60803000-k fin": "12 60803000-K",
		"Resultado de Revision Envio 251767784 - 76192083-1":           "",
		"Resultado de Revision Envio 0 - 76192083-9":                   "",
		"Factura 33": "",
	}
	for subject, want := range tests {
		got := ""
		if track, issuer, ok := result.ParseSubject(subject); ok {
			got = fmt.Sprintf("%s %s", track, issuer)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", subject, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(envelopeRefused("(ENV-3-6) x")))
	f.Fuzz(func(t *testing.T, xml []byte) {
		r, err := result.Parse(xml)
		if err != nil {
			return
		}
		if r.Track != result.Track(r.Track) || r.Track == "" {
			t.Errorf("track %q", r.Track)
		}
		for _, d := range r.Documents {
			if d.Folio < 0 || d.Verdict == result.Rejected && d.State != "RCH" {
				t.Errorf("document %+v", d)
			}
		}
	})
}
