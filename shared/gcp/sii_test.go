package gcp_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"timbre/shared/gcp"
	"timbre/shared/serve"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// TestCallsOfTheSIIAreLogged shows the line that infra's metric of latency reads, for an answer and for none.
func TestCallsOfTheSIIAreLogged(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	var log bytes.Buffer
	c := &gcp.Cloud{State: store.NewBucket(store.NewMemory()), Logger: serve.NewLogger(&log, "proj"), Now: time.Now}
	client := c.SII(sii.Options{BaseURL: web.URL})
	for i := range 2 {
		if _, err := client.Date(t.Context(), store.Certificacion); (err == nil) != (i == 0) {
			t.Errorf("call %d: %v", i, err)
		}
		web.Close()
	}
	var outcomes []string
	for text := range strings.Lines(log.String()) {
		var line struct {
			Message, Service, Outcome string
			Latency                   *int `json:"latency_ms"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line.Message != "SII called" || line.Service == "" || line.Latency == nil || strings.Contains(text, web.URL) {
			t.Errorf("line %s", text)
		}
		outcomes = append(outcomes, line.Outcome)
	}
	if len(outcomes) < 2 || outcomes[0] != "Not Found" || outcomes[len(outcomes)-1] != "error" {
		t.Errorf("outcomes %v", outcomes)
	}
}
