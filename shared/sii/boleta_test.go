package sii_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

const (
	boletaSeedPath   = "/apicert.sii.cl/recursos/v1/boleta.electronica.semilla"
	boletaTokenPath  = "/apicert.sii.cl/recursos/v1/boleta.electronica.token"
	boletaUploadPath = "/pangal.sii.cl/recursos/v1/boleta.electronica.envio"
	boletaStatePath  = "/apicert.sii.cl/recursos/v1/boleta.electronica.envio/76192083-9-1014"
	boletaPath       = "/apicert.sii.cl/recursos/v1/boleta.electronica/76192083-9-39-7/estado"
)

// boletaSession is a session at the boletas' service whose login answers as recorded.
func boletaSession(t *testing.T, f *fakeSII) *sii.Session {
	t.Helper()
	f.answer[boletaSeedPath] = says(http.StatusOK, fixture(t, "boleta", "semilla-00.xml"))
	f.answer[boletaTokenPath] = func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(body), "162802760102") {
			t.Errorf("getToken with %q: %v", body, err)
		}
		_, _ = io.WriteString(w, fixture(t, "boleta", "token-00.xml"))
	}
	return sii.New(memory(), func() time.Time { return noon }, options(f)).AsBoletas(store.Certificacion, someone())
}

func TestBoletaUpload(t *testing.T) {
	t.Parallel()
	page := "<html>mantención</html>"
	tests := map[string]struct {
		status int
		body   string
		want   int
		track  string
		err    error
	}{
		"received":          {200, fixture(t, "boleta", "envio-REC.live-produccion-2026-06-29.rut-masked.json"), sii.StatusReceived, "22668217996", nil},
		"track id as text":  {200, `{"trackid":"22668217996","estado":"REC"}`, sii.StatusReceived, "22668217996", nil},
		"no track id":       {200, `{"trackid":null,"estado":"REC"}`, -1, "", sii.ErrIndeterminate},
		"another estado":    {200, `{"trackid":1,"estado":"XXX"}`, -1, "", sii.ErrIndeterminate},
		"float":             {200, `{"trackid":2.2668217996e10,"estado":"REC"}`, -1, "", sii.ErrIndeterminate},
		"page":              {200, page, -1, "", sii.ErrIndeterminate},
		"empty":             {200, "", -1, "", sii.ErrIndeterminate},
		"page with 401":     {401, page, -1, "", sii.ErrIndeterminate},
		"token dead":        {401, "NO ESTA AUTENTICADO", sii.StatusToken, "", nil},
		"no cookie":         {400, "No trae TOKEN", sii.StatusToken, "", nil},
		"bad form":          {400, "Bad Request", sii.StatusParameters, "", nil},
		"wrong machine":     {500, "Acceso Denegado (from client)", -1, "", sii.ErrIndeterminate},
		"text without JSON": {404, "Not Found", -1, "", sii.ErrIndeterminate},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[boletaUploadPath] = func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.UserAgent(), "PROG 1.0") || r.Header.Get("Cookie") != "TOKEN=XAuSbYXiNh9Ik" {
					t.Errorf("agent %q, cookie %q", r.UserAgent(), r.Header.Get("Cookie"))
				}
				says(test.status, test.body)(w, r)
			}
			got, err := boletaSession(t, f).Upload(t.Context(), company, "envio.xml", []byte("<EnvioBOLETA/>"))
			if !errors.Is(err, test.err) || got.Status != test.want || got.TrackID != test.track {
				t.Errorf("got %+v, %v", got, err)
			}
			if test.want == sii.StatusToken && f.count(boletaTokenPath) != 2 {
				t.Errorf("asked for %d tokens, want the first and one more", f.count(boletaTokenPath))
			}
		})
	}
}

func TestBoletaEnvelopeState(t *testing.T) {
	t.Parallel()
	counts := []sii.Count{
		{Type: dte.Boleta, Informed: 3, Accepted: 2, Rejected: 1}, {Type: dte.BoletaExenta, Informed: 1, Remarks: 1},
	}
	details := []sii.Reviewed{
		{Type: dte.Boleta, Folio: 1202, State: "RCH", Glosa: "Dte Rechazado", Reasons: []sii.Reason{
			{Code: "CRT-3-11", Level: 3, Line: 155, Text: "RUT envia diferente al Upload : [155]LSX-00291 value 0.52 is not declared"},
			{Code: "HED-3-100", Level: 3, Line: 222, Text: "Valor Detalle Distinto a Precio * Cantidad : [83154495-0] <> [9145888-K]"},
		}},
		{Folio: 3500, State: "RPR", Glosa: "Dte Aceptado con reparos", Reasons: []sii.Reason{
			{Code: "DET-1-200", Level: 1, Line: 2, Text: "Valor Detalle Distinto a Precio * Cantidad : [2500 <> 3500]"},
		}},
	}
	tests := map[string]struct {
		status int
		body   string
		want   sii.EnvelopeState
		err    error
	}{
		"EPR":         {200, fixture(t, "boleta", "estado-envio-EPR.openapi-example.json"), sii.EnvelopeState{State: "EPR", Counts: counts, Details: details}, nil},
		"null arrays": {200, `{"trackid":1014,"estado":"EPR","estadistica":null,"detalle_rep_rech":null}`, sii.EnvelopeState{State: "EPR"}, nil},
		"whole envelope": {
			200, `{"trackid":1014,"estado":"RFR","detalle_rep_rech":[{"folio":null,"estado":"RFR","descripcion":"Firma","error":[{"seccion":null,"nivel":3,"codigo":null,"descripcion":"mala","detalle":""}]}]}`,
			sii.EnvelopeState{State: "RFR", Glosa: "Firma; mala", Details: []sii.Reviewed{{State: "RFR", Glosa: "Firma", Reasons: []sii.Reason{{Level: 3, Text: "mala"}}}}}, nil,
		},
		"unknown track": {404, "Not Found", sii.EnvelopeState{State: "404", Glosa: "Not Found"}, nil},
		"page":          {200, "<html/>", sii.EnvelopeState{}, sii.ErrUnavailable},
		"no estado":     {200, `{"trackid":1014}`, sii.EnvelopeState{}, sii.ErrUnavailable},
		"another track": {200, `{"trackid":1015,"estado":"EPR"}`, sii.EnvelopeState{}, sii.ErrUnavailable},
		"no track":      {200, `{"estado":"EPR"}`, sii.EnvelopeState{}, sii.ErrUnavailable},
		"down":          {503, "", sii.EnvelopeState{}, sii.ErrUnavailable},
		"token dead":    {401, "NO ESTA AUTENTICADO", sii.EnvelopeState{}, sii.ErrTokenDead},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[boletaStatePath] = says(test.status, test.body)
			got, err := boletaSession(t, f).EnvelopeState(t.Context(), company, "0000001014")
			if !errors.Is(err, test.err) {
				t.Fatalf("got %v, want %v", err, test.err)
			}
			got.Answer = ""
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBoletaState(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   sii.Standing
		err    error
	}{
		"registered": {200, fixture(t, "boleta", "estado-documento.shape.json"), sii.Registered, nil},
		"not yet":    {200, `{"codigo":"FAU","descripcion":"No recibido"}`, sii.Missing, nil},
		"unknown":    {404, "Not Found", sii.Missing, nil},
		"other data": {200, `{"codigo":"DNK","descripcion":"x"}`, sii.OtherData, nil},
		"page":       {404, "<html/>", sii.Unknown, sii.ErrUnavailable},
		"empty":      {200, "", sii.Unknown, sii.ErrUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSII(t)
			f.answer[boletaPath] = func(w http.ResponseWriter, r *http.Request) {
				if got, want := r.URL.RawQuery, "dv_receptor=6&fechaEmision=09-11-2026&monto=1190&rut_receptor=66666666"; got != want {
					t.Errorf("query %s, want %s", got, want)
				}
				says(test.status, test.body)(w, r)
			}
			got, err := boletaSession(t, f).DocumentState(t.Context(), sii.Question{
				Issuer: company, Receiver: rut.MustParse("66666666-6"), Type: dte.Boleta, Folio: 7, Date: "2026-11-09", Total: "1190",
			})
			if !errors.Is(err, test.err) || got.Standing() != test.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// The two services have tokens of their own.
func TestBoletaTokenIsItsOwn(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	boletas, bucket := boletaSession(t, f), memory()
	if err := errors.Join(boletas.Ready(t.Context()), session(f, bucket).Ready(t.Context())); err != nil {
		t.Fatal(err)
	}
	if f.count(boletaTokenPath) != 1 || f.count(tokenPath) != 1 {
		t.Errorf("asked %d and %d times for tokens", f.count(boletaTokenPath), f.count(tokenPath))
	}
}
