package check_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/infra/check"
)

// receive lets B take in an invoice that A issued, and goes through every operation on purchases.
func (a *api) receive(t *testing.T) {
	t.Helper()
	id, envelope := a.purchase(t)
	xml := map[string]string{"Content-Type": "application/xml"}
	a.want(t, http.StatusOK, call{method: "POST", path: "/v1/received?company=" + rutB, body: envelope, header: xml})
	a.want(t, http.StatusOK, call{method: "POST", path: "/v1/received:download", body: fmt.Sprintf(`{"company": %q}`, rutB)})
	a.want(t, http.StatusOK, call{method: "GET", path: "/v1/received?limit=5&company=" + rutB})
	a.want(t, http.StatusOK, call{method: "GET", path: "/api/dte/download/received?since=2020-01-01&rut=" + rutB})
	mine, of := "/v1/received/"+rutB, "/v1/received/"+id
	var shown struct{ Links struct{ File, Mail string } }
	if err := json.Unmarshal([]byte(a.want(t, http.StatusOK, call{method: "GET", path: of})), &shown); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{of + "/xml", shown.Links.File, shown.Links.Mail, mine + "/quarantine", mine + "/files", mine + "/outbox?limit=5"} {
		a.want(t, http.StatusOK, call{method: "GET", path: path})
	}
	a.want(t, http.StatusOK, call{method: "POST", path: of + "/response", body: `{"action": "ERM"}`})
	a.answer(t, mine, of)
	a.reconcile(t, mine)
	a.told(t, id)
}

// told waits for the event of a purchase.
func (a *api) told(t *testing.T, id string) {
	t.Helper()
	doc, err := check.LoadOpenAPI(root)
	if err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(200 * time.Millisecond) { // notify is told beside
		var page struct {
			Items []struct {
				Event string
				Data  json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(a.want(t, http.StatusOK, call{method: "GET", path: "/v1/events?company=" + rutB})), &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			if e.Event == "document.received" && strings.Contains(string(e.Data), id) {
				conforms(t, doc, "ReceivedData", e.Data)
				return
			}
		}
	}
	t.Fatalf("no event tells of %s", id)
}

// purchase issues an invoice of A to B and gives its id at B, and its envelope once the SII has it.
func (a *api) purchase(t *testing.T) (string, string) {
	t.Helper()
	body := fmt.Sprintf(`{"company": %q, "document": %s}`, rutA, strings.Replace(order(33), "60803000-K", rutB, 1))
	var made struct {
		ID    string
		Folio int64
	}
	answer := a.want(t, http.StatusCreated, call{method: "POST", path: "/v1/documents", body: body, header: key("purchase")})
	if err := json.Unmarshal([]byte(answer), &made); err != nil {
		t.Fatal(err)
	}
	a.accepted(t, "/v1/documents/"+made.ID)
	envelope := a.want(t, http.StatusOK, call{method: "GET", path: "/v1/documents/" + made.ID + "/envelope"})
	// The SII's copy is the customer's but for RutReceptor, which the checks tell.
	return fmt.Sprintf("%s/%s/33/%d", rutB, rutA, made.Folio), envelope
}

// answer mails the supplier.
func (a *api) answer(t *testing.T, mine, of string) {
	t.Helper()
	a.want(t, http.StatusOK, call{method: "PUT", path: mine + "/suppliers/" + rutA, body: `{"email": "dte@proveedor.example"}`})
	a.want(t, http.StatusOK, call{method: "GET", path: mine + "/suppliers/" + rutA})
	var letter struct{ ID string }
	if err := json.Unmarshal([]byte(a.want(t, http.StatusOK, call{method: "POST", path: of + "/answers", body: `{"action": "ACD"}`})), &letter); err != nil {
		t.Fatal(err)
	}
	a.want(t, http.StatusOK, call{method: "GET", path: mine + "/outbox/" + letter.ID})
	a.want(t, http.StatusOK, call{method: "POST", path: mine + "/outbox/" + letter.ID + "/resend"})
}

// reconcile uploads a book of this month with an invoice that never came, and asks its issuer for it.
func (a *api) reconcile(t *testing.T, mine string) {
	t.Helper()
	now := time.Now()
	book := "Nro;Tipo Doc;Tipo Compra;RUT Proveedor;Razon Social;Folio;Fecha Docto;Fecha Recepcion;Monto Exento;Monto Neto;Monto IVA Recuperable;Monto Total\n" +
		"1;33;Del Giro;" + rutA + ";Panadería;998;" + now.Format("02/01/2006") + ";" + now.Format("02/01/2006 15:04:05") + ";0;1000;190;1190\n"
	csv := map[string]string{"Content-Type": "text/csv"}
	a.want(t, http.StatusOK, call{method: "PUT", path: mine + "/reconciliation?period=" + now.Format("2006-01"), body: book, header: csv})
	a.want(t, http.StatusOK, call{method: "GET", path: mine + "/reconciliation"})
	a.want(t, http.StatusOK, call{method: "POST", path: mine + "/reconciliation/requests", body: fmt.Sprintf(`{"issuer": %q, "type": 33, "folio": 998}`, rutA)})
}
