package generatesign_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"timbre/shared/dte"
)

// TestBatchOnTheWire: rows are answered while others still come, and each that came has its own answer. A
// server of HTTP/1 would throw the rest of a body of up to 256 kB away when its answer begins.
func TestBatchOnTheWire(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	server := httptest.NewServer(c.process(t, nil))
	defer server.Close()
	rows := make([]string, 300)
	for i := range rows {
		rows[i] = c.row("same") // the first is issued, the others repeat it
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/batches", strings.NewReader(c.batch(rows...)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+bootstrapKey)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read below
	recorded := httptest.NewRecorder()
	if _, err := io.Copy(recorded, answer.Body); err != nil {
		t.Fatal(err)
	}
	results := resultsOf(t, recorded)
	for _, r := range results {
		if r.Status != http.StatusOK && r.Status != http.StatusCreated {
			t.Errorf("row %d: %d %s", r.Index, r.Status, r.Problem)
		}
	}
	if len(results) != len(rows) {
		t.Errorf("%d results of %d rows", len(results), len(rows))
	}
}

// TestConnectionAfterABatch is used for the next request, whatever stands behind the batch or in it.
func TestConnectionAfterABatch(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	server := httptest.NewServer(c.process(t, nil))
	defer server.Close()
	for name, body := range map[string]string{
		"a line's end": c.batch(c.row("k")) + "\n", "much space": c.batch(c.row("k")) + strings.Repeat(" ", 9000),
		"a row that is none": c.batch(c.row("k"), "nonsense", c.row("l")),
	} {
		connections := 0
		client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			connections++
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}}
		for range 3 {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/batches", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+bootstrapKey)
			request.Header.Set("Content-Type", "application/json")
			answer, err := client.Do(request)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_, err = io.Copy(io.Discard, answer.Body)
			if closeErr := answer.Body.Close(); err != nil || closeErr != nil || answer.StatusCode != http.StatusOK {
				t.Errorf("%s: %s, %v, %v", name, answer.Status, err, closeErr)
			}
		}
		if connections != 1 {
			t.Errorf("%s: %d connections", name, connections)
		}
		client.CloseIdleConnections()
	}
}
