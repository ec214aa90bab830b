package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// routes tell which function serves a public path, the most telling first; a method counts where one
// is named. They are those of the HTTP contract; internal paths have none.
var routes = []struct{ method, path, function string }{
	{http.MethodPost, "/v1/documents", "generate-sign"},
	{"", "/v1/batches", "generate-sign"},
	{"", "/v1/folios:reserve", "generate-sign"},
	{"", "/api/dte/generate", "generate-sign"},
	{"", "/v1/outbox:flush", "send"},
	{"", "/v1/documents/", "poll-status"},
	{"", "/v1/events", "poll-status"},
	{"", "/v1/status:sweep", "poll-status"},
	{"", "/v1/received", "download-received"},
	{"", "/v1/received:download", "download-received"},
	{"", "/v1/received/", "download-received"},
	{"", "/api/dte/download/received", "download-received"},
	{"", "/v1/companies", "onboard"},
	{"", "/v1/companies/", "onboard"},
}

// gateway serves every public path on one address, as a load balancer does in the cloud.
type gateway struct {
	backends map[string]*backend
	missing  func(context.Context) []string // what is not ready
}

// newServer bounds what a slow or talkative caller may take.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ErrorLog: quiet(),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		w.WriteHeader(http.StatusOK)
		return
	case "/health/ready":
		g.health(w, r)
		return
	}
	function := functionOf(r)
	backend, found := g.backends[function]
	switch {
	case function == "":
		writeProblem(w, r, http.StatusNotFound, "not-found", "No existe esa dirección")
	case !found:
		writeProblem(w, r, http.StatusServiceUnavailable, "unavailable", "La función "+function+" no corre en esta máquina")
	default:
		backend.ServeHTTP(w, r)
	}
}

func functionOf(r *http.Request) string {
	for _, route := range routes {
		under := strings.HasSuffix(route.path, "/") && strings.HasPrefix(r.URL.Path, route.path)
		if (under || r.URL.Path == route.path) && (route.method == "" || route.method == r.Method) {
			return route.function
		}
	}
	return ""
}

func (g *gateway) health(w http.ResponseWriter, r *http.Request) {
	missing := g.missing(r.Context())
	status := http.StatusOK
	if len(missing) > 0 {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"ready": len(missing) == 0, "waiting_for": missing}) //nolint:errcheck // the caller went away
}

// wellFormedID is a request id that a function takes from its caller.
var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// writeProblem answers for the gateway itself, with an id as functions do.
func writeProblem(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	id := r.Header.Get("X-Request-Id")
	if !wellFormedID.MatchString(id) {
		id = rand.Text()
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Request-Id", id)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{ //nolint:errcheck // the caller went away
		"type": "urn:dte:problem:" + code, "title": "Puerta de enlace", "status": status, "detail": detail, "request_id": id,
	})
}

// quiet drops net/http's own lines about callers that went away.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
