package problem_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/problem"
)

// answer writes an error and gives the answer and the log.
func answer(t *testing.T, err error) (*http.Response, string, string) {
	t.Helper()
	var log bytes.Buffer
	w := httptest.NewRecorder()
	w.Header().Set(problem.RequestIDHeader, "req-1")
	problem.Write(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), err, slog.New(slog.NewJSONHandler(&log, nil)))
	return w.Result(), w.Body.String(), log.String()
}

func TestWrite(t *testing.T) {
	t.Parallel()
	faults := []problem.Field{{Path: "document.Detalle[2].PrcItem", Code: "missing-field", Detail: "Falta el precio.", SIICode: "HED-3-846"}}
	cases := map[string]struct {
		err    error
		status int
		body   string
	}{
		"with a detail": {
			problem.New(problem.FolioExhausted, "El último CAF de tipo 33 termina en el folio 150."), 409,
			`{"type":"urn:dte:problem:folio-exhausted","title":"Sin folios disponibles","status":409,"detail":"El último CAF de tipo 33 termina en el folio 150.","request_id":"req-1"}`,
		},
		"with faults": {
			fmt.Errorf("issue: %w", problem.Invalid(problem.InvalidDocument, faults)), 422,
			`{"type":"urn:dte:problem:invalid-document","title":"Documento inválido","status":422,"detail":"El documento tiene errores; ninguno de ellos usó un folio.","errors":[{"path":"document.Detalle[2].PrcItem","code":"missing-field","detail":"Falta el precio.","sii_code":"HED-3-846"}],"request_id":"req-1"}`,
		},
		"with the SII's answer": {
			&problem.Error{Code: problem.Unavailable, Detail: "d", SII: &problem.SII{Code: "RSC", Glosa: "Rechazado por Error en Schema"}}, 503,
			`{"type":"urn:dte:problem:unavailable","title":"Servicio no disponible","status":503,"detail":"d","sii":{"code":"RSC","glosa":"Rechazado por Error en Schema"},"request_id":"req-1"}`,
		},
		"with an extension": {
			&problem.Error{Code: problem.TotalsDiffer, Detail: "d", Extra: map[string]any{"totals": map[string]int{"IVA": 19}, "status": 200}}, 422,
			`{"type":"urn:dte:problem:totals-differ","title":"Los totales difieren","status":422,"detail":"d","request_id":"req-1","totals":{"IVA":19}}`,
		},
		"not in the table": {
			&problem.Error{Code: "made-up", Detail: "secret"}, 500,
			`{"type":"urn:dte:problem:internal","title":"Error interno","status":500,"detail":"Ocurrió un error imprevisto. Repita la misma solicitud; si persiste, informe el request_id.","request_id":"req-1"}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, body, _ := answer(t, c.err)
			if diff := cmp.Diff(c.body, body); diff != "" {
				t.Error(diff)
			}
			if response.StatusCode != c.status || response.Header.Get("Content-Type") != problem.MediaType {
				t.Errorf("status %d, type %s", response.StatusCode, response.Header.Get("Content-Type"))
			}
		})
	}
}

func TestInternalTextIsInTheLogOnly(t *testing.T) {
	t.Parallel()
	_, body, log := answer(t, errors.New("dial tcp 10.0.0.7: refused"))
	if strings.Contains(body, "10.0.0.7") || !strings.Contains(log, "10.0.0.7") || !strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("body %s\nlog %s", body, log)
	}
}

func TestCallersFaultIsWarnedWithCodesOnly(t *testing.T) {
	t.Parallel()
	_, _, log := answer(t, problem.Invalid(problem.InvalidRequest, []problem.Field{{Path: "RznSoc", Code: "too-long", Detail: "Juan Pérez"}}))
	if strings.Contains(log, "Pérez") || !strings.Contains(log, "too-long") || !strings.Contains(log, `"level":"WARN"`) {
		t.Error(log)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	response, _, _ := answer(t, &problem.Error{Code: problem.RateLimited, RetryAfter: 1500 * time.Millisecond})
	if got := response.Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q, want 2", got)
	}
	response, _, _ = answer(t, problem.New(problem.Unauthorized, ""))
	if got := response.Header.Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("WWW-Authenticate %q", got)
	}
}

func TestErrorIsComparedByCode(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("bind: %w", problem.Wrap(problem.FolioUsed, "101", cause))
	if !errors.Is(err, problem.New(problem.FolioUsed, "")) || errors.Is(err, problem.New(problem.NotFound, "")) || !errors.Is(err, cause) {
		t.Errorf("errors.Is of %v", err)
	}
	if problem.Invalid(problem.InvalidRequest, nil) != nil {
		t.Error("no faults are an error")
	}
}

// TestTable makes sure that each code is usable: kebab-case, an error status, Spanish words.
func TestTable(t *testing.T) {
	t.Parallel()
	kebab := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, code := range problem.Codes() {
		body := problem.BodyOf(problem.New(code, ""), "")
		if !kebab.MatchString(string(code)) || body.Status < 400 || body.Status > 599 || body.Title == "" || !strings.HasSuffix(body.Detail, ".") {
			t.Errorf("%s: %+v", code, body)
		}
		if text, err := json.Marshal(body); err != nil || !json.Valid(text) {
			t.Errorf("%s: %s, %v", code, text, err)
		}
	}
}
