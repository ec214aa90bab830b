package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// TestAlertReachesTheWebhook uses a company's folios up and lets hours pass: the tick of onboard sees it,
// notify tells it, once.
func TestAlertReachesTheWebhook(t *testing.T) {
	world, firms, _ := worldOf(t)
	var passed atomic.Int64
	s := startStackAt(t, world, func() time.Time { return time.Now().Add(time.Duration(passed.Load())) })
	type notice struct {
		ID, Event string
		Data      struct{ Remaining, Level int }
	}
	told := make(chan notice, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n notice
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			t.Errorf("webhook: %v", err)
		}
		told <- n
	}))
	t.Cleanup(receiver.Close)
	f := firms[0]
	path := "/v1/companies/" + f.RUT
	s.call(t, "onboard", http.MethodPut, path, map[string]any{
		"RznSoc": f.RznSoc, "GiroEmis": f.Giro, "Acteco": []int{f.Acteco}, "DirOrigen": f.Direccion, "CmnaOrigen": f.Comuna,
		"certificacion": map[string]any{"FchResol": f.FchResol, "NroResol": f.NroResol}, "webhook_url": receiver.URL,
	})
	s.call(t, "onboard", http.MethodPost, path+"/webhook:rotate", nil)
	s.certify(t, world, f, "modern")
	cafs, err := filepath.Glob(filepath.Join(world, "caf", f.ID, "33-1-100.xml"))
	if err != nil || len(cafs) == 0 {
		t.Fatalf("the world has no CAF: %v", err)
	}
	s.call(t, "onboard", http.MethodPost, path+"/cafs", file(t, cafs[0]))
	s.verdict(t, s.issue(t, "k", f.RUT, factura(33)).ID)
	s.call(t, "onboard", http.MethodPost, path+"/folios:void", map[string]any{"type": 33, "from": 2, "to": 100, "reason": "prueba"})

	seen := map[string]int{}
	deadline := time.After(30 * time.Second)
	for hours := 0; seen["folios.low"] == 0 || hours < 30; {
		select {
		case n := <-told:
			seen[n.Event]++
			if n.Event == "folios.low" && n.Data.Remaining != 0 {
				t.Errorf("%+v", n)
			}
		case <-time.After(20 * time.Millisecond):
			passed.Add(int64(time.Hour))
			hours++
		case <-deadline:
			t.Fatalf("after %d hours: %v", hours, seen)
		}
	}
	if seen["folios.low"] != 1 || seen["document.status"] == 0 {
		t.Errorf("told %v", seen)
	}
}
