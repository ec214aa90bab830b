package sii_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"timbre/shared/sii"
	"timbre/shared/store"
)

func TestDate(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		header string
		ok     bool
	}{
		"a date":  {"Tue, 24 Nov 2026 15:00:00 GMT", true},
		"no date": {"", false},
		"garbage": {"soon", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Date"] = nil
				if c.header != "" {
					w.Header().Set("Date", c.header)
				}
				if r.URL.Path != "/maullin.sii.cl/DTEWS/CrSeed.jws" {
					t.Errorf("path %s", r.URL.Path)
				}
				w.WriteHeader(http.StatusMethodNotAllowed) // any answer has the time
			}))
			t.Cleanup(server.Close)
			client := sii.New(store.NewBucket(store.NewMemory()), time.Now, sii.Options{BaseURL: server.URL})
			at, err := client.Date(t.Context(), store.Certificacion)
			if c.ok && (err != nil || !at.Equal(time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC))) {
				t.Errorf("%v, %v", at, err)
			}
			if !c.ok && !errors.Is(err, sii.ErrUnavailable) {
				t.Errorf("%v, %v", at, err)
			}
		})
	}
}
