package serve

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	readyFor     = 10 * time.Second // how long an outcome of the checks is repeated
	probeTimeout = 5 * time.Second
)

// The paths of every function's health.
const (
	HealthPath = "/health"
	ReadyPath  = "/health/ready"
)

// Check is one thing that a function needs for its work.
type Check struct {
	Name  string
	Probe func(ctx context.Context) error
}

// withHealth answers the two health paths before the function's own routes.
func withHealth(ready, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case reads && r.URL.Path == HealthPath:
			r.Pattern = HealthPath
			health(w)
		case reads && r.URL.Path == ReadyPath:
			r.Pattern = ReadyPath
			ready.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func health(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}`)) // a caller that has gone away needs no answer
}

// readiness answers the checks, made anew at most every ten seconds.
type readiness struct {
	checks []Check
	logger *slog.Logger
	now    func() time.Time

	mu     sync.Mutex
	at     time.Time
	failed []string
}

func newReadiness(checks []Check, logger *slog.Logger, now func() time.Time) *readiness {
	return &readiness{checks: checks, logger: logger, now: now}
}

// ServeHTTP names the checks that fail; why they do is in the log.
func (h *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	failed := h.outcome(r.Context())
	w.Header().Set("Content-Type", "application/json")
	status := "ready"
	if len(failed) > 0 {
		status = "not ready"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	answer := map[string]any{"status": status, "failed": failed}
	_ = json.NewEncoder(w).Encode(answer) // a caller that has gone away needs no answer
}

func (h *readiness) outcome(ctx context.Context) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); h.at.IsZero() || now.Sub(h.at) >= readyFor {
		h.failed, h.at = h.probe(context.WithoutCancel(ctx)), now
	}
	return h.failed
}

func (h *readiness) probe(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	errs := make([]error, len(h.checks))
	var probes sync.WaitGroup
	for i, c := range h.checks {
		probes.Go(func() { errs[i] = c.Probe(ctx) })
	}
	probes.Wait()
	failed := []string{}
	for i, err := range errs {
		if err != nil {
			h.logger.ErrorContext(ctx, "readiness check failed", "check", h.checks[i].Name, "error", err)
			failed = append(failed, h.checks[i].Name)
		}
	}
	return failed
}
