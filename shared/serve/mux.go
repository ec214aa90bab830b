package serve

import (
	"log/slog"
	"net/http"
	"path"

	"timbre/shared/problem"
)

// Mux routes a function's paths and answers unknown ones with a problem document.
type Mux struct {
	routes *http.ServeMux
	logger *slog.Logger
}

// NewMux makes a Mux without routes.
func NewMux(logger *slog.Logger) *Mux { return &Mux{routes: http.NewServeMux(), logger: logger} }

// Handle adds a route, with the patterns of http.ServeMux.
func (m *Mux) Handle(pattern string, h http.Handler) { m.routes.Handle(pattern, h) }

// ServeHTTP implements http.Handler. A path that is not clean (//, ..) is no path of ours.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Clean(r.URL.Path) != r.URL.Path {
		problem.Write(w, r, problem.New(problem.NotFound, ""), m.logger)
		return
	}
	h, pattern := m.routes.Handler(r)
	if pattern != "" {
		m.routes.ServeHTTP(w, r)
		return
	}
	probe := &discard{header: http.Header{}}
	h.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		problem.Write(w, r, problem.New(problem.MethodNotAllowed, ""), m.logger)
		return
	}
	problem.Write(w, r, problem.New(problem.NotFound, ""), m.logger)
}

// discard keeps the status and the header of what http.ServeMux would say.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
