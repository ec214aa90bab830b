package gcp

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"timbre/shared/sii"
)

// SII is a client of the SII whose calls are logged as metrics read them (infra/monitoring.tf): by service,
// how long until the answer, which status or which error. Neither addresses nor bodies are, which hold RUTs.
func (c *Cloud) SII(o sii.Options) *sii.Client {
	o.Wrap = func(next http.RoundTripper) http.RoundTripper { return &watch{next, c.Logger} }
	return sii.New(c.State, c.Now, o)
}

// watch logs each call.
type watch struct {
	next   http.RoundTripper
	logger *slog.Logger
}

// RoundTrip implements http.RoundTripper.
func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	begin := time.Now()
	answer, err := w.next.RoundTrip(r)
	outcome := "error"
	if err == nil {
		outcome = http.StatusText(answer.StatusCode)
	}
	w.logger.InfoContext(r.Context(), "SII called", "service", serviceOf(r.URL.Path), "outcome", outcome,
		"latency_ms", time.Since(begin).Milliseconds(), "error", err)
	return answer, err
}

// services are the SII's by a part of their path (WEBSERVICES §2, §7, §8).
var services = []struct{ part, name string }{
	{"CrSeed", "seed"}, {"GetTokenFromSeed", "token"}, {"DTEUpload", "upload"}, {"QueryEstUp", "envelope-state"},
	{"QueryEstDteAv", "exact-state"}, {"QueryEstDte", "document-state"}, {"wsDTECorreo", "mail-again"},
	{"boleta.electronica", "boletas"}, {"registroreclamodte", "claims"}, {"consdcvinternetui", "rcv"},
}

func serviceOf(address string) string {
	for _, s := range services {
		if strings.Contains(address, s.part) {
			return s.name
		}
	}
	return "other"
}
