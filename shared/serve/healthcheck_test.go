package serve_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"timbre/shared/serve"
)

func TestCheckHealth(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		want   error
	}{
		"ready":     {http.StatusOK, nil},
		"not ready": {http.StatusServiceUnavailable, serve.ErrNotReady},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != serve.ReadyPath {
					t.Errorf("asked %s", r.URL.Path)
				}
				w.WriteHeader(test.status)
			}))
			t.Cleanup(server.Close)
			if err := serve.CheckHealth(t.Context(), portOf(server)); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestCheckHealthWithoutFunction(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	port := portOf(server)
	server.Close()
	if err := serve.CheckHealth(t.Context(), port); err == nil {
		t.Error("healthy, though nobody listens")
	}
}

func portOf(s *httptest.Server) string { return s.URL[len("http://127.0.0.1:"):] }
