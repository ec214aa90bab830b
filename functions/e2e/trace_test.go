package e2e_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestOneTrace follows a request by the id of its trace from POST /v1/documents through the logs of every
// function to the webhook.
func TestOneTrace(t *testing.T) {
	world, firms, forms := worldOf(t)
	s := startStack(t, world)
	f := firms[0]
	s.onboard(t, world, f)
	s.certify(t, world, f, forms[0])
	calls := make(chan received, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) //nolint:errcheck // a body that is cut is no JSON
		calls <- received{r.Header.Get("Traceparent"), body}
	}))
	t.Cleanup(receiver.Close)
	s.call(t, "onboard", http.MethodPut, "/v1/companies/"+f.RUT, map[string]any{
		"RznSoc": f.RznSoc, "GiroEmis": f.Giro, "Acteco": []string{"107100"}, "DirOrigen": f.Direccion, "CmnaOrigen": f.Comuna,
		"webhook_url": receiver.URL,
	})
	s.call(t, "onboard", http.MethodPost, "/v1/companies/"+f.RUT+"/webhook:rotate", nil)

	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	body := map[string]any{"company": f.RUT, "reference": "traced", "document": factura(33)}
	var issued shown
	check(t, json.Unmarshal(s.call(t, "generate-sign", http.MethodPost, "/v1/documents", body,
		"Idempotency-Key", "traced", "Traceparent", "00-"+id+"-00f067aa0ba902b7-01"), &issued))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for accepted := false; !accepted; {
		select {
		case <-ctx.Done():
			t.Fatal("no webhook told of the acceptance")
		case c := <-calls:
			if !strings.HasPrefix(c.parent, "00-"+id+"-") || strings.Contains(c.parent, "00f067aa0ba902b7") {
				t.Errorf("the webhook's traceparent is %q", c.parent)
			}
			accepted = strings.Contains(string(c.body), `"accepted"`)
		}
	}
	spans, told := map[string]bool{}, map[string]bool{}
	for _, line := range s.lines(t) {
		if line.Trace != "projects/e2e/traces/"+id {
			continue
		}
		spans[line.Span] = true
		told[strings.TrimSpace(line.Message+" "+line.HTTP.RequestURL+line.Status)] = true
		if len(line.Span) != 16 || !line.Sampled {
			t.Errorf("%s without span: %+v", line.Message, line)
		}
	}
	for _, want := range []string{
		"request /v1/documents", "document signed signed", "request /_push/{topic}", "document changed sending", "document changed sent",
		"document changed accepted", "webhook delivered",
	} {
		if !told[want] {
			t.Errorf("the trace lacks %q: %v", want, told)
		}
	}
	if len(spans) < 4 {
		t.Errorf("%d spans: functions do not have their own", len(spans))
	}
}

type received struct {
	parent string
	body   []byte
}

type traced struct {
	Message string
	Trace   string `json:"logging.googleapis.com/trace"`
	Span    string `json:"logging.googleapis.com/spanId"`
	Sampled bool   `json:"logging.googleapis.com/trace_sampled"`
	Status  string
	HTTP    struct{ RequestURL string } `json:"httpRequest"`
}

// lines are those of the log with a status that is a text, or none.
func (s *stack) lines(t *testing.T) []traced {
	t.Helper()
	var all []traced
	for text := range strings.Lines(s.log.String()) {
		var line traced
		if err := json.Unmarshal([]byte(text), &line); err == nil {
			all = append(all, line)
		}
	}
	return all
}
