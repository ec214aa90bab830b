package check_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"timbre/infra/check"
)

// rutA and rutB are companies of the throw-away world.
const (
	rutA = "76400123-0"
	rutB = "77500456-8"
)

// api calls the running stack and holds every request and answer against the description.
type api struct {
	stack
	routes routers.Router
	called map[string]bool
}

func newAPI(t *testing.T) *api {
	t.Helper()
	s := live(t)
	doc, err := check.LoadOpenAPI(root)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: s.url}}
	routes, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &api{stack: s, routes: routes, called: map[string]bool{}}
}

// call is one request; sound says that it keeps to the description itself.
type call struct {
	method, path, body string
	header             map[string]string
	sound              bool
}

// do sends a call and returns status and body; whatever is answered must be described.
func (a *api) do(t *testing.T, c call) (int, string) {
	t.Helper()
	input := a.input(t, c)
	if c.sound {
		if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
			t.Errorf("%s %s: our own request is not as described: %v", c.method, c.path, err)
		}
		input.Request.Body = io.NopCloser(strings.NewReader(c.body))
	}
	answer, err := http.DefaultClient.Do(input.Request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	a.called[input.Route.Operation.OperationID] = true
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: answer.StatusCode, Header: answer.Header, Options: input.Options}
	output.SetBodyBytes(text)
	if err := openapi3filter.ValidateResponse(t.Context(), output); err != nil {
		t.Errorf("%s %s answers %d, not as described: %v\n%.400s", c.method, c.path, answer.StatusCode, err, text)
	}
	return answer.StatusCode, string(text)
}

// input is the request of a call with the operation that it is for.
func (a *api) input(t *testing.T, c call) *openapi3filter.RequestValidationInput {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), c.method, a.url+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	if c.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		request.Header.Set(name, value)
	}
	route, parameters, err := a.routes.FindRoute(request)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	return &openapi3filter.RequestValidationInput{
		Request: request, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
}

// want is do of a sound call that must be answered with a status.
func (a *api) want(t *testing.T, status int, c call) string {
	t.Helper()
	c.sound = true
	got, text := a.do(t, c)
	if got != status {
		t.Fatalf("%s %s answers %d, not %d: %.600s", c.method, c.path, got, status, text)
	}
	return text
}

const receiver = `"Receptor": {"RUTRecep": "60803000-K", "RznSocRecep": "Servicio de Impuestos Internos", "GiroRecep": "Gobierno", "DirRecep": "Teatinos 120", "CmnaRecep": "Santiago"}`

func order(kind int) string {
	return fmt.Sprintf(`{"Encabezado": {"IdDoc": {"TipoDTE": %d}, %s}, "Detalle": [{"NmbItem": "Hosting", "QtyItem": 1, "PrcItem": 6000}]}`, kind, receiver)
}

func key(name string) map[string]string {
	return map[string]string{"Idempotency-Key": fmt.Sprintf("%s-%d", name, time.Now().UnixNano())}
}

// TestEveryOperation goes the way of a company from its registration to its documents, by every operation
// of the description, and validates both sides.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	company := "/v1/companies/" + rutA
	a.onboard(t, company)
	a.issue(t)
	a.receive(t)
	a.remove(t)
	doc, err := check.LoadOpenAPI(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			health := slices.Contains(operation.Tags, "health") // the gateway answers these itself
			if !health && !a.called[operation.OperationID] {
				t.Errorf("%s was not called", operation.OperationID)
			}
		}
	}
}

func (a *api) onboard(t *testing.T, company string) {
	t.Helper()
	a.want(t, http.StatusOK, call{method: "PUT", path: company, body: `{"RznSoc": "Panadería Ñandú & Hijos Ltda.", "GiroEmis": "Elaboración y venta de pan",
		"Acteco": [107100], "DirOrigen": "Avda. Irarrázaval 2450", "CmnaOrigen": "Ñuñoa", "CiudadOrigen": "Santiago", "active": "certificacion",
		"certificacion": {"FchResol": "2024-01-02", "NroResol": 0}}`})
	a.want(t, http.StatusOK, call{method: "GET", path: company})
	pfx, err := os.ReadFile(filepath.Join(a.world, "certs", "a-modern.pfx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, standby := range []string{"false", "true"} {
		a.want(t, http.StatusOK, call{method: "PUT", path: company + "/certificate", body: fmt.Sprintf(
			`{"pfx": %q, "password": "prueba123", "standby": %s}`, base64.StdEncoding.EncodeToString(pfx), standby)})
	}
	a.want(t, http.StatusOK, call{method: "POST", path: company + "/certificate:promote"})
	a.want(t, http.StatusOK, call{method: "PUT", path: company + "/secrets", body: `{"imap_password": ""}`})
	a.want(t, http.StatusOK, call{method: "POST", path: company + "/webhook:rotate"})
	caf, err := os.ReadFile(filepath.Join(a.world, "caf", "a", "33-1-1000.xml"))
	if err != nil {
		t.Fatal(err)
	}
	a.want(t, http.StatusOK, call{method: "POST", path: company + "/cafs", body: string(caf), header: map[string]string{"Content-Type": "application/xml"}})
	a.want(t, http.StatusOK, call{method: "GET", path: company + "/folios"})
	a.want(t, http.StatusOK, call{method: "POST", path: company + "/folios:void", body: `{"type": 34, "from": 900, "to": 901, "reason": "prueba"}`})
	a.want(t, http.StatusOK, call{method: "POST", path: company + "/:check"})
	made := a.want(t, http.StatusCreated, call{method: "POST", path: company + "/keys", body: fmt.Sprintf(`{"ruts": [%q], "scopes": ["read"], "label": "x"}`, rutA)})
	a.want(t, http.StatusOK, call{method: "GET", path: company + "/keys"})
	_, id, _ := strings.Cut(made, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	a.want(t, http.StatusNoContent, call{method: "DELETE", path: company + "/keys/" + url.PathEscape(id)})
	a.want(t, http.StatusOK, call{method: "GET", path: company + "/export?environment=certificacion"})
}

func (a *api) issue(t *testing.T) {
	t.Helper()
	body := fmt.Sprintf(`{"company": %q, "reference": "x", "document": %s, "expected_totals": {"MntTotal": 7140}}`, rutA, order(33))
	a.want(t, http.StatusOK, call{method: "POST", path: "/v1/documents?dry_run=true", body: body})
	k := key("operation")
	made := a.want(t, http.StatusCreated, call{method: "POST", path: "/v1/documents", body: body, header: k})
	a.want(t, http.StatusOK, call{method: "POST", path: "/v1/documents", body: body, header: k})
	a.want(t, http.StatusCreated, call{method: "POST", path: "/v1/folios:reserve", body: fmt.Sprintf(`{"company": %q, "type": 33}`, rutA), header: key("reserve")})
	a.want(t, http.StatusOK, call{method: "POST", path: "/v1/batches", body: fmt.Sprintf(
		`{"company": %q, "documents": [{"idempotency_key": %q, "document": %s}, {"idempotency_key": "bad", "document": {"Encabezado": {}, "Detalle": []}}]}`,
		rutA, key("batch")["Idempotency-Key"], order(34))})
	a.want(t, http.StatusOK, call{method: "POST", path: "/api/dte/generate", body: fmt.Sprintf(`{"move_id": %d, "company_vat": %q, "partner_vat": "60803000-K",
		"partner": {"name": "SII", "activity": "Gobierno", "address": "Teatinos 120", "comuna": "Santiago"},
		"lines": [{"description": "Hosting", "quantity": 1, "price": 6000, "discount": 0, "tax_code": 14}]}`, time.Now().UnixNano(), rutA)})
	_, id, _ := strings.Cut(made, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	path := "/v1/documents/" + id
	a.accepted(t, path)
	for _, part := range []string{"/xml", "/envelope", "/evidence"} {
		a.want(t, http.StatusOK, call{method: "GET", path: path + part})
	}
	a.want(t, http.StatusOK, call{method: "GET", path: "/v1/documents/" + rutA + "?type=33&limit=5"})
	a.want(t, http.StatusOK, call{method: "GET", path: "/v1/events?limit=5&company=" + rutA})
	a.want(t, http.StatusOK, call{method: "GET", path: "/v1/events?undelivered=true&company=" + rutA})
	a.want(t, http.StatusOK, call{method: "POST", path: "/v1/status:sweep", body: fmt.Sprintf(`{"company": %q}`, rutA)})
	a.want(t, http.StatusOK, call{method: "POST", path: "/v1/outbox:flush", body: fmt.Sprintf(`{"company": %q}`, rutA)})
}

// accepted waits for the SII's verdict on a document.
func (a *api) accepted(t *testing.T, path string) {
	t.Helper()
	for begin := time.Now(); ; {
		if strings.Contains(a.want(t, http.StatusOK, call{method: "GET", path: path + "?refresh=true"}), `"status":"accepted"`) {
			return
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("%s has no verdict after a minute", path)
		}
		time.Sleep(200 * time.Millisecond) // it asks again, a minute at most
	}
}

// remove asks for what only the operator may; the key of this test is refused, as described.
func (a *api) remove(t *testing.T) {
	t.Helper()
	a.want(t, http.StatusForbidden, call{method: "DELETE", path: "/v1/companies/" + rutB})
}

// hostile are bodies that no client of good will sends.
var hostile = []string{
	"", "{", "null", "[]", "7", `"x"`, `{"company": 7}`, `{"company": "76400123-0", "nobody": 1}`, `{"company": "1-1"}`, "\xff\xfe",
	`{"company": "76400123-0", "documents": {}}`, `{"company": "76400123-0", "type": 99}`, `{"ruts": ["*"], "scopes": ["root"]}`,
	`{"pfx": "AAAA", "password": "x"}`, `{"type": 33, "from": 9, "to": 1, "reason": ""}`, `{"RznSoc": "` + strings.Repeat("ñ", 200) + `"}`,
	`{"company": "76400123-0", "document": {"Encabezado": {"IdDoc": {"TipoDTE": "33"}}, "Detalle": [{"NmbItem": {"a": 1}}]}}`,
	`{"move_id": null, "lines": [{"price": "1e999"}]}`, strings.Repeat("[", 20000), `{"company": "76400123-0", "document": ` + strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500) + "}",
}

// TestNothingUndocumentedIsAnswered sends hostile bodies and parameters to every operation: the answers
// must be described, and none may be a fault of ours.
func TestNothingUndocumentedIsAnswered(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	doc, err := check.LoadOpenAPI(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if strings.HasPrefix(path, "/health") || path == "/v1/companies/{rut}/webhook:rotate" || strings.HasSuffix(path, ":promote") {
				continue // no body, no parameters
			}
			for _, target := range hostilePaths(path) {
				for i, body := range hostile {
					if method == http.MethodGet && i > 0 {
						break
					}
					status, text := a.do(t, call{method: method, path: target, body: body, header: key("hostile")})
					if status >= 500 {
						t.Errorf("%s %s with %.60q answers %d: %.300s", method, target, body, status, text)
					}
				}
			}
		}
	}
}

// hostilePaths fill in a path: with what is there, and with what is not.
func hostilePaths(path string) []string {
	good := strings.NewReplacer("{company}", rutB, "{rut}", rutB, "{type}", "33", "{folio}", "999", "{id}", "x", "{issuer}", rutA, "{sha256}", strings.Repeat("0", 64), "{letter}", "x")
	bad := strings.NewReplacer("{company}", "1-1", "{rut}", "x%00", "{type}", "-1", "{folio}", "0", "{id}", "%2e%2e", "{issuer}", "1-1", "{sha256}", "%2e%2e", "{letter}", "%00")
	all := []string{good.Replace(path), good.Replace(path) + "?environment=luna&limit=-1&from=ayer&cursor=%00&type=x&status=y&after=z&first=0&dry_run=quizas"}
	if strings.Contains(path, "{") {
		all = append(all, bad.Replace(path))
	}
	switch path {
	case "/v1/events":
		all = append(all, path+"?company="+rutB+"&after=99999999999")
	case "/v1/received":
		all = append(all, path+"?company="+rutB, path+"?company="+rutB+"&cursor=99999999999")
	case "/api/dte/download/received":
		all = append(all, path+"?rut="+rutB+"&since=9999-12-31")
	}
	return all
}
