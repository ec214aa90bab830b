package sii_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/sii"
)

const estDteAvPath = "/maullin.sii.cl/DTEWS/services/QueryEstDteAv"

var exactQuestion = sii.Question{
	Issuer: company, Receiver: rut.SII, Type: dte.Factura, Folio: 101, Date: "2026-11-03", Total: "7140", Signature: "abc+/=\nxyz==",
}

func TestExactState(t *testing.T) {
	t.Parallel()
	const ok = `<SII:R xmlns:SII="u"><SII:RESP_HDR><SII:ESTADO>0</SII:ESTADO><SII:GLOSA>Consulta Ok</SII:GLOSA></SII:RESP_HDR>`
	body := func(received, state string) string {
		return `<SII:RESP_BODY><RECIBIDO>` + received + `</RECIBIDO><ESTADO>` + state + `</ESTADO><GLOSA>g</GLOSA><TRACKID>7</TRACKID></SII:RESP_BODY></SII:R>`
	}
	tests := map[string]struct {
		document string
		state    string
		standing sii.Standing
	}{
		"ours":             {ok + body("SI", "DOK"), "DOK", sii.Registered},
		"another's":        {ok + body("SI", "DNK"), "DNK", sii.OtherData},
		"not there":        {ok + body("NO", "FAU"), "FAU", sii.Missing},
		"annulled by note": {ok + body("SI", "ANC"), "ANC", sii.Registered},
		"body first": {
			`<R><RESP_BODY><RECIBIDO>SI</RECIBIDO><ESTADO>DOK</ESTADO><GLOSA>g</GLOSA></RESP_BODY><RESP_HDR><ESTADO>0</ESTADO></RESP_HDR></R>`, "DOK", sii.Registered,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			var asked string
			f.answer[estDteAvPath] = func(w http.ResponseWriter, r *http.Request) {
				data, _ := io.ReadAll(r.Body)
				asked = string(data)
				soap("getEstDteAv", test.document)(w, r)
			}
			got, err := session(f, memory()).ExactState(t.Context(), exactQuestion)
			if err != nil {
				t.Fatal(err)
			}
			if got.State != test.state || got.Standing() != test.standing || got.Glosa != "g" {
				t.Errorf("got %+v, standing %d", got, got.Standing())
			}
			want := []string{
				"RutEmpresa=76192083", "DvEmpresa=9", "RutReceptor=60803000", "DvReceptor=K", "TipoDte=33", "FolioDte=101",
				"FechaEmisionDte=03112026", "MontoDte=7140", "FirmaDte=abc+/=&#xA;xyz==", "Token=T1",
			}
			if diff := cmp.Diff(want, parameters(asked)); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

// TestExactStateRefused: what is no state of the document never passes for one.
func TestExactStateRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		code   string // of a *sii.StatusError; "": none
		dead   bool   // the token
	}{
		"no permission":      {soap("getEstDteAv", "<R><H><ESTADO>9</ESTADO><GLOSA>no autorizado</GLOSA></H></R>"), "9", false},
		"input":              {soap("getEstDteAv", "<R><H><ESTADO>5</ESTADO></H></R>"), "5", false},
		"internal":           {soap("getEstDteAv", "<R><H><ESTADO>-3</ESTADO></H></R>"), "-3", false},
		"by ERR_CODE":        {soap("getEstDteAv", "<R><H><ESTADO>0</ESTADO><ERR_CODE>9</ERR_CODE></H></R>"), "9", false},
		"token 001":          {soap("getEstDteAv", "<R><H><ESTADO>001</ESTADO></H></R>"), "001", true},
		"token 1":            {soap("getEstDteAv", "<R><H><ESTADO>0</ESTADO><ERR_CODE>1</ERR_CODE></H></R>"), "1", true},
		"refused with DOK":   {soap("getEstDteAv", "<R><H><ESTADO>9</ESTADO></H><B><ESTADO>DOK</ESTADO></B></R>"), "9", false},
		"none of a document": {soap("getEstDteAv", "<R><H><ESTADO>0</ESTADO></H></R>"), "", false},
		"DOK, not received":  {soap("getEstDteAv", "<R><H><ESTADO>0</ESTADO></H><B><RECIBIDO>NO</RECIBIDO><ESTADO>DOK</ESTADO></B></R>"), "", false},
		"unheard of":         {soap("getEstDteAv", "<R><H><ESTADO>0</ESTADO></H><B><ESTADO>XYZ</ESTADO></B></R>"), "", false},
		"html":               {says(http.StatusOK, "<html><br></html>"), "", false},
		"empty":              {says(http.StatusOK, ""), "", false},
		"other operation":    {soap("getEstDte", "<R><ESTADO>DOK</ESTADO></R>"), "", false},
		"reset":              {resets, "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[estDteAvPath] = test.answer
			_, err := session(f, memory()).ExactState(t.Context(), exactQuestion)
			var refused *sii.StatusError
			errors.As(err, &refused)
			if !errors.Is(err, sii.ErrUnavailable) || (refused != nil) != (test.code != "") || refused != nil && refused.Code != test.code {
				t.Errorf("error %v, want unavailable with code %q", err, test.code)
			}
			if n := f.count(tokenPath); errors.Is(err, sii.ErrTokenDead) != test.dead || (n == 2) != test.dead {
				t.Errorf("error %v after %d tokens, want a dead token: %t", err, n, test.dead)
			}
		})
	}
}
