package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/problem"
	"timbre/shared/serve"
)

// logs is a log that tests read while handlers write.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// find gives the lines with a message.
func (l *logs) find(t *testing.T, message string) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []map[string]any
	lines := bufio.NewScanner(bytes.NewReader(l.text.Bytes()))
	for lines.Scan() {
		var line map[string]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if line["message"] == message {
			found = append(found, line)
		}
	}
	return found
}

// start serves routes and gives the address and the log.
func start(t *testing.T, o serve.Options, routes map[string]http.HandlerFunc) (string, *logs) {
	t.Helper()
	log := &logs{}
	o.Logger = serve.NewLogger(log, "proj")
	mux := serve.NewMux(o.Logger)
	for pattern, h := range routes {
		mux.Handle(pattern, h)
	}
	o.Handler = mux
	server, err := serve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return web.URL, log
}

func call(t *testing.T, method, url string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// code is the code of a problem document.
func code(t *testing.T, text string) string {
	t.Helper()
	var body struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return strings.TrimPrefix(body.Type, "urn:dte:problem:")
}

func TestRequestLine(t *testing.T) {
	t.Parallel()
	url, log := start(t, serve.Options{}, map[string]http.HandlerFunc{
		"GET /v1/companies/{rut}": func(w http.ResponseWriter, r *http.Request) {
			serve.Note(r.Context(), slog.String("rut_emisor", r.PathValue("rut")))
			_, _ = io.WriteString(w, "hello")
		},
	})
	response, _ := call(t, http.MethodGet, url+"/v1/companies/76192083-9?x=secret", nil,
		"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "X-Request-Id", "odoo.12345")
	if got := response.Header.Get("X-Request-Id"); got != "odoo.12345" {
		t.Errorf("request id %q", got)
	}
	lines := log.find(t, "request")
	if len(lines) != 1 {
		t.Fatalf("%d lines, want 1", len(lines))
	}
	line := lines[0]
	web, _ := line["httpRequest"].(map[string]any)
	delete(web, "latency")
	delete(line, "time")
	if span, ok := line["logging.googleapis.com/spanId"].(string); !ok || len(span) != 16 || span == "00f067aa0ba902b7" {
		t.Errorf("span %q is not our own", span)
	}
	delete(line, "logging.googleapis.com/spanId")
	want := map[string]any{
		"logging.googleapis.com/trace_sampled": true,
		"severity":                             "INFO", "message": "request", "request_id": "odoo.12345", "rut_emisor": "76192083-9",
		"logging.googleapis.com/trace": "projects/proj/traces/4bf92f3577b34da6a3ce929d0e0e4736",
		"httpRequest": map[string]any{
			"requestMethod": "GET", "requestUrl": "/v1/companies/{rut}", "status": 200.0, "responseSize": "5",
		},
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

func TestRequestIDIsMadeWhereTheCallersIsNoGood(t *testing.T) {
	t.Parallel()
	url, _ := start(t, serve.Options{}, nil)
	for _, given := range []string{"", "short", `quo"te-and-more`, strings.Repeat("x", 65)} {
		response, text := call(t, http.MethodGet, url+"/nowhere", nil, "X-Request-Id", given)
		id := response.Header.Get("X-Request-Id")
		if len(id) != 32 || id == given || !strings.Contains(text, id) {
			t.Errorf("given %q: got %q in %s", given, id, text)
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	url, _ := start(t, serve.Options{}, map[string]http.HandlerFunc{
		"GET /v1/things/{id}": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	})
	cases := map[string]struct {
		method, path string
		status       int
		code         string
	}{
		"unknown":          {http.MethodGet, "/v2/things/1", 404, "not-found"},
		"root":             {http.MethodGet, "/", 404, "not-found"},
		"wrong method":     {http.MethodPost, "/v1/things/1", 405, "method-not-allowed"},
		"double slash":     {http.MethodGet, "/v1//things/1", 404, "not-found"},
		"dots":             {http.MethodGet, "/v1/x/../things/1", 404, "not-found"},
		"trailing slash":   {http.MethodGet, "/v1/things/1/", 404, "not-found"},
		"post to health":   {http.MethodPost, "/health", 404, "not-found"},
		"internal unknown": {http.MethodPost, "/_tick", 404, "not-found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, text := call(t, c.method, url+c.path, nil)
			if response.StatusCode != c.status || code(t, text) != c.code {
				t.Errorf("%d %s", response.StatusCode, text)
			}
		})
	}
}

func TestPanicIsLoggedAnd500(t *testing.T) {
	t.Parallel()
	url, log := start(t, serve.Options{}, map[string]http.HandlerFunc{
		"GET /early": func(http.ResponseWriter, *http.Request) { panic("boom secret") },
		"GET /late": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
			panic("boom late")
		},
	})
	response, text := call(t, http.MethodGet, url+"/early", nil)
	if response.StatusCode != 500 || code(t, text) != "internal" || strings.Contains(text, "boom") {
		t.Errorf("%d %s", response.StatusCode, text)
	}
	lines := log.find(t, "panic in handler")
	if len(lines) != 1 || lines[0]["error"] != "boom secret" || lines[0]["request_id"] != response.Header.Get("X-Request-Id") ||
		!strings.Contains(lines[0]["stack_trace"].(string), "serve_test.go") {
		t.Errorf("log %v", lines)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/late", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	half, err := http.DefaultClient.Do(request)
	if err == nil {
		_, err = io.ReadAll(half.Body)
		_ = half.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looks whole")
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	var got struct {
		A string `json:"a"`
	}
	url, _ := start(t, serve.Options{MaxBody: 1000}, map[string]http.HandlerFunc{
		"POST /small": func(w http.ResponseWriter, r *http.Request) {
			if err := serve.ReadJSON(w, r, 100, &got); err != nil {
				problem.Write(w, r, err, slog.New(slog.DiscardHandler))
			}
		},
		"POST /big": func(w http.ResponseWriter, r *http.Request) {
			if err := serve.ReadJSON(w, r, 1<<20, &got); err != nil {
				problem.Write(w, r, err, slog.New(slog.DiscardHandler))
			}
		},
	})
	body := func(n int) io.Reader { return strings.NewReader(`{"a":"` + strings.Repeat("x", n) + `"}`) }
	cases := map[string]struct {
		path   string
		size   int
		status int
	}{
		"within the handler's":  {"/small", 50, 200},
		"beyond the handler's":  {"/small", 200, 413},
		"within the function's": {"/big", 900, 200},
		"beyond the function's": {"/big", 2000, 413},
	}
	for name, c := range cases {
		response, text := call(t, http.MethodPost, url+c.path, body(c.size))
		if response.StatusCode != c.status || c.status == 413 && code(t, text) != "body-too-large" {
			t.Errorf("%s: %d %s", name, response.StatusCode, text)
		}
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	url, _ := start(t, serve.Options{Timeout: time.Millisecond}, map[string]http.HandlerFunc{
		"GET /slow": func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			problem.Write(w, r, context.Cause(r.Context()), slog.New(slog.DiscardHandler))
		},
	})
	if response, _ := call(t, http.MethodGet, url+"/slow", nil); response.StatusCode != 500 {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var broken error
	probes := 0
	checks := []serve.Check{
		{Name: "state-bucket", Probe: func(context.Context) error { probes++; return broken }},
		{Name: "secrets", Probe: func(context.Context) error { return nil }},
	}
	url, _ := start(t, serve.Options{Checks: checks}, nil)
	if response, text := call(t, http.MethodGet, url+"/health", nil); response.StatusCode != 200 || text != `{"status":"ok"}` {
		t.Errorf("%d %s", response.StatusCode, text)
	}
	for range 3 {
		if response, text := call(t, http.MethodGet, url+"/health/ready", nil); response.StatusCode != 200 || strings.TrimSpace(text) != `{"failed":[],"status":"ready"}` {
			t.Errorf("%d %s", response.StatusCode, text)
		}
	}
	if probes != 1 {
		t.Errorf("%d probes, want 1: the outcome is kept for ten seconds", probes)
	}
	broken = errors.New("bucket secret-name is gone")
	url, log := start(t, serve.Options{Checks: checks}, nil)
	response, text := call(t, http.MethodGet, url+"/health/ready", nil)
	if response.StatusCode != 503 || strings.TrimSpace(text) != `{"failed":["state-bucket"],"status":"not ready"}` {
		t.Errorf("%d %s", response.StatusCode, text)
	}
	if lines := log.find(t, "readiness check failed"); len(lines) != 1 || lines[0]["check"] != "state-bucket" {
		t.Errorf("log %v", lines)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	url, _ := start(t, serve.Options{}, map[string]http.HandlerFunc{
		"GET /ok":    func(http.ResponseWriter, *http.Request) {},
		"GET /panic": func(http.ResponseWriter, *http.Request) { panic("x") },
	})
	for _, path := range []string{"/ok", "/panic", "/none", "//", "/health", "/health/ready"} {
		response, _ := call(t, http.MethodGet, url+path, nil)
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s %q", path, name, got)
			}
		}
	}
}

func TestNewNeedsAHandler(t *testing.T) {
	t.Parallel()
	if _, err := serve.New(serve.Options{Logger: slog.Default()}); err == nil {
		t.Error("no error")
	}
}
