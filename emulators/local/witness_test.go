package local_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"timbre/emulators/local"
	"timbre/emulators/sii/authority"
)

// statusOf is the status of a refusal, 0 for none, -1 for another error.
func statusOf(err error) int {
	refusal := &local.APIError{}
	switch {
	case err == nil:
		return 0
	case errors.As(err, &refusal):
		return refusal.Status
	}
	return -1
}

// TestRestartWhileIssuing restarts the product's own functions while 1,000 orders are posted, and follows
// all documents to the verdict: what Pub/Sub and the scheduler send must not be lost either.
func TestRestartWhileIssuing(t *testing.T) {
	if os.Getenv("WITNESS") == "" {
		t.Skip("takes a minute; WITNESS=1 runs it on the binaries of make build")
	}
	binaries, err := filepath.Abs(filepath.Join("..", "..", ".local", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if given := os.Getenv("BIN_DIR"); given != "" {
		binaries = given
	}
	world := filepath.Join(t.TempDir(), "world")
	if err := authority.Make(world, authority.Options{Folios: 10 * requests}); err != nil {
		t.Fatal(err)
	}
	stack := start(t, binaries, world)
	issued := map[string]int64{} // the highest folio by company
	var mu sync.Mutex
	ids := map[string]bool{}
	sent := load(restartAll(t, stack), func(n int) {
		company := stack.Companies[n%len(stack.Companies)].RUT
		folio, id, err := issue(t, stack.Client, company, n)
		mu.Lock()
		defer mu.Unlock()
		if err != nil || ids[id] {
			t.Errorf("order %d: %s issued before: %v; %v", n, id, ids[id], err)
		}
		ids[id] = true
		issued[company] = max(issued[company], folio)
	})
	total := 0
	for _, last := range issued {
		total += int(last)
	}
	if total != sent || len(ids) != sent {
		t.Errorf("%d orders have %d documents, %d folios used", sent, len(ids), total)
	}
	for company := range issued {
		awaitVerdicts(t, stack.Client, company)
	}
	t.Logf("%d documents issued and accepted while every function was restarted", sent)
}

func issue(t *testing.T, client *local.Client, company string, n int) (int64, string, error) {
	t.Helper()
	order := map[string]any{"company": company, "document": map[string]any{
		"Encabezado": map[string]any{"IdDoc": map[string]any{"TipoDTE": 33, "FmaPago": 1}, "Receptor": map[string]any{
			"RUTRecep": "60803000-K", "RznSocRecep": "Servicio de Impuestos Internos", "GiroRecep": "Administración pública",
			"DirRecep": "Teatinos 120", "CmnaRecep": "Santiago",
		}},
		"Detalle": []any{map[string]any{"NmbItem": "Ñandú", "QtyItem": 1, "PrcItem": 1000 + n}},
	}}
	answer, err := client.Call(t.Context(), http.MethodPost, "/v1/documents", order, "Idempotency-Key", fmt.Sprint("restart-", n))
	if err != nil {
		return 0, "", err
	}
	var document struct {
		ID    string `json:"id"`
		Folio int64  `json:"folio"`
	}
	return document.Folio, document.ID, json.Unmarshal(answer, &document)
}

// awaitVerdicts waits until every document of a company is accepted.
func awaitVerdicts(t *testing.T, client *local.Client, company string) {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		states := statuses(t, client, company)
		accepted := states["accepted"]
		delete(states, "accepted")
		if len(states) == 0 {
			return
		}
		select {
		case <-timeout:
			t.Fatalf("%s: %d accepted, but %v", company, accepted, states)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// statuses counts a company's documents by their status.
func statuses(t *testing.T, client *local.Client, company string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for cursor := ""; ; {
		answer, err := client.Call(t.Context(), http.MethodGet, "/v1/documents/"+company+"?type=33&cursor="+url.QueryEscape(cursor), nil)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Items []struct {
				Status string `json:"status"`
			} `json:"items"`
			Cursor *string `json:"cursor"`
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		for _, item := range page.Items {
			found[item.Status]++
		}
		if page.Cursor == nil {
			return found
		}
		cursor = *page.Cursor
	}
}
