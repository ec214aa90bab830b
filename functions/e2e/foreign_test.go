package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	fakesii "timbre/emulators/sii"
)

// TestForeignDocument: another software has sent a document of the same date, amount and receiver under our folio.
// QueryEstDte says that the data agree, and still ours is not accepted.
func TestForeignDocument(t *testing.T) {
	world, firms, forms := worldOf(t)
	s := startStack(t, world)
	f := firms[0]
	s.onboard(t, world, f)
	s.certify(t, world, f, forms[0])
	chile, err := time.LoadLocation("America/Santiago")
	check(t, err)
	plant := fakesii.Plant{
		Issuer: f.RUT, Type: 33, Folio: 1, Date: s.now().In(chile).Format(time.DateOnly), Receiver: "60803000-K", ReceivedAt: s.now(),
		Signature: "c2lnbmVkIGJ5IGFub3RoZXIgc29mdHdhcmU=",
	}
	plant.Total, plant.Net, plant.VAT = 4820, 4050, 770
	check(t, s.sii.Change("documents", plant))
	d := s.issue(t, "foreign", f.RUT, factura(33))
	if d.Folio != 1 || d.Totals.MntTotal != json.Number("4820") {
		t.Fatalf("issued %+v, want the planted one's twin", d)
	}
	got := s.verdict(t, d.ID)
	if got.Status != "rejected" || !strings.Contains(string(got.SII), `"document_state":"DNK"`) {
		t.Errorf("the twin of a foreign document is %s: %s", got.Status, got.SII)
	}
}
