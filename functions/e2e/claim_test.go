package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// purchase is what the test reads of a received document.
type purchase struct {
	ID, SII, State string
	SIIReceivedAt  *string `json:"sii_received_at"`
	ClaimDeadline  *string `json:"claim_deadline"`
	Claims         []struct{ Action, Reason string }
}

// TestPurchaseIsAccepted: one company issues an invoice, its customer's tick learns from the SII when it came and that
// it is the very one in hand, and a person accepts it at the SII.
func TestPurchaseIsAccepted(t *testing.T) {
	world, firms, forms := worldOf(t)
	s := startStack(t, world)
	seller, buyer := firms[0], firms[1]
	for _, f := range []firm{seller, buyer} {
		s.onboard(t, world, f)
		s.certify(t, world, f, forms[0])
	}
	order := factura(33)
	head := order["Encabezado"].(map[string]any) //nolint:errcheck // factura has it
	head["IdDoc"] = map[string]any{"TipoDTE": 33, "FmaPago": 2, "FchVenc": time.Now().AddDate(0, 1, 0).Format(time.DateOnly)}
	head["Receptor"].(map[string]any)["RUTRecep"] = buyer.RUT //nolint:errcheck // so
	d := s.issue(t, "purchase", seller.RUT, order)
	if got := s.verdict(t, d.ID); got.Status != "accepted" {
		t.Fatalf("%s is %s: %s", d.ID, got.Status, got.SII)
	}
	envelope := s.call(t, "poll-status", http.MethodGet, "/v1/documents/"+d.ID+"/envelope", nil)
	s.call(t, "download-received", http.MethodPost, "/v1/received?company="+buyer.RUT, envelope)
	path := "/v1/received/" + buyer.RUT + "/" + d.ID
	p := s.watched(t, path)
	if p.SII != "registered" || p.State != "received" {
		t.Fatalf("before the response: %+v", p)
	}
	for range 2 {
		s.call(t, "download-received", http.MethodPost, path+"/response", map[string]any{"action": "ACD", "reason": "conforme"})
	}
	check(t, json.Unmarshal(s.call(t, "download-received", http.MethodGet, path, nil), &p))
	if p.State != "accepted" || len(p.Claims) != 1 || p.Claims[0].Action != "ACD" || p.Claims[0].Reason != "conforme" {
		t.Errorf("after the response: %+v", p)
	}
	for _, held := range s.sii.Documents() {
		if held.Folio == int(d.Folio) && held.Issuer == seller.RUT && (len(held.Events) != 1 || held.Events[0].Code != "ACD") {
			t.Errorf("the SII holds %+v", held.Events)
		}
	}
}

// watched waits until the SII has told when it received a document.
func (s *stack) watched(t *testing.T, path string) purchase {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		var p purchase
		check(t, json.Unmarshal(s.call(t, "download-received", http.MethodGet, path, nil), &p))
		if p.SIIReceivedAt != nil && p.ClaimDeadline != nil {
			return p
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the reception was never told: %+v", p)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
