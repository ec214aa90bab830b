package local_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	issueWhile(t, restartAll(t, stack), stack.Client, stack.Companies)
}

// TestRestartOfContainers does the same to the stack of containers that WORLD and GATEWAY_URL name.
func TestRestartOfContainers(t *testing.T) {
	command := os.Getenv("RESTART_CONTAINERS")
	if command == "" {
		t.Skip("RESTART_CONTAINERS names no command that restarts a running stack's containers")
	}
	parts, err := local.PartsFromEnvironment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, companies, err := parts.Connect()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		text, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput() //nolint:gosec // the caller's own
		if err != nil {
			t.Errorf("%s: %v\n%s", command, err, text)
		}
	}()
	issueWhile(t, done, client, companies)
}

// issueWhile posts orders, 1,000 and more until done: each gets a document and a folio of its own, no
// folio is left out, and all are accepted.
func issueWhile(t *testing.T, done <-chan struct{}, client *local.Client, companies []local.Company) {
	t.Helper()
	run := rand.Text()
	var mu sync.Mutex
	folios := map[string][]int64{} // by company
	sent := load(done, func(n int) {
		company := companies[n%len(companies)].RUT
		folio, err := issue(t, client, company, fmt.Sprint(run, "-", n))
		if err != nil {
			t.Errorf("order %d: %v", n, err)
		}
		mu.Lock()
		defer mu.Unlock()
		folios[company] = append(folios[company], folio)
	})
	for company, used := range folios {
		slices.Sort(used)
		for i, folio := range used {
			if folio != used[0]+int64(i) {
				t.Fatalf("%s: folio %d comes after %d others from %d on", company, folio, i, used[0])
			}
		}
		awaitVerdicts(t, client, company)
	}
	t.Logf("%d documents issued and accepted while every function was restarted", sent)
}

func issue(t *testing.T, client *local.Client, company, key string) (int64, error) {
	t.Helper()
	order := map[string]any{"company": company, "document": map[string]any{
		"Encabezado": map[string]any{"IdDoc": map[string]any{"TipoDTE": 33, "FmaPago": 1}, "Receptor": map[string]any{
			"RUTRecep": "60803000-K", "RznSocRecep": "Servicio de Impuestos Internos", "GiroRecep": "Administración pública",
			"DirRecep": "Teatinos 120", "CmnaRecep": "Santiago",
		}},
		"Detalle": []any{map[string]any{"NmbItem": "Ñandú", "QtyItem": 1, "PrcItem": 1000}},
	}}
	answer, err := client.Call(t.Context(), http.MethodPost, "/v1/documents", order, "Idempotency-Key", key)
	for statusOf(err) == http.StatusTooManyRequests { // this machine is faster than a key's rate
		time.Sleep(time.Second)
		answer, err = client.Call(t.Context(), http.MethodPost, "/v1/documents", order, "Idempotency-Key", key)
	}
	if err != nil {
		return 0, err
	}
	var document struct {
		Folio int64 `json:"folio"`
	}
	return document.Folio, json.Unmarshal(answer, &document)
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
