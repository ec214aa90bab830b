package check_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"timbre/infra/check"
)

// rutC is a company of the throw-away world that only this test changes.
const rutC = "76900789-K"

// delivery is one post to the webhook.
type delivery struct {
	header http.Header
	body   []byte
}

// TestWebhookIsAsDescribed gives a company a webhook, issues a document and holds what comes against
// the description: headers and body.
func TestWebhookIsAsDescribed(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	doc, err := check.LoadOpenAPI(root)
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan delivery, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			came <- delivery{r.Header, body}
		}
	}))
	defer receiver.Close()
	a.want(t, http.StatusOK, call{method: "POST", path: "/v1/companies/" + rutC + "/webhook:rotate"})
	a.want(t, http.StatusOK, call{method: "PUT", path: "/v1/companies/" + rutC, body: fmt.Sprintf(`{"RznSoc": "Comercial \"El Pingüino\" de Artículos Eléctricos y Electrónicos SpA",
		"GiroEmis": "Venta al por mayor", "Acteco": [466900], "DirOrigen": "Pasaje Ñuble 9", "CmnaOrigen": "Ñuñoa", "CiudadOrigen": "Santiago",
		"webhook_url": %q, "certificacion": {"FchResol": "2024-01-02", "NroResol": 0}}`, receiver.URL)})
	a.want(t, http.StatusCreated, call{method: "POST", path: "/v1/documents", header: key("webhook"), body: fmt.Sprintf(
		`{"company": %q, "reference": "webhook", "document": %s}`, rutC, order(33))})
	for {
		select {
		case d := <-came:
			described(t, doc, d)
			if bytes.Contains(d.body, []byte(`"status":"accepted"`)) {
				return
			}
		case <-time.After(time.Minute):
			t.Fatal("no webhook told of the acceptance")
		}
	}
}

func described(t *testing.T, doc *openapi3.T, d delivery) {
	t.Helper()
	headers(t, doc.Webhooks["event"].Post, d.header)
	conforms(t, doc, "Notice", d.body)
	var notice struct{ Data json.RawMessage }
	if err := json.Unmarshal(d.body, &notice); err != nil {
		t.Fatal(err)
	}
	conforms(t, doc, "StatusData", notice.Data)
}

func headers(t *testing.T, operation *openapi3.Operation, got http.Header) {
	t.Helper()
	for _, p := range operation.Parameters {
		if pattern := p.Value.Schema.Value.Pattern; !regexp.MustCompile(pattern).MatchString(got.Get(p.Value.Name)) {
			t.Errorf("%s is %q, not %s", p.Value.Name, got.Get(p.Value.Name), pattern)
		}
	}
}

func conforms(t *testing.T, doc *openapi3.T, schema string, body []byte) {
	t.Helper()
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatal(err)
	}
	if err := doc.Components.Schemas[schema].Value.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("%s is not as described: %v\n%s", schema, err, body)
	}
}
