package downloadreceived_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/emulators/sii/supplier"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/outmail"
)

const (
	pendingHeader = "Nro;Tipo Doc;Tipo Compra;RUT Proveedor;Razon Social;Folio;Fecha Docto;Fecha Recepcion;Monto Exento;Monto Neto;Monto IVA Recuperable;Monto Total"
	registered    = "Nro;Tipo Doc;Tipo Compra;RUT Proveedor;Razon Social;Folio;Fecha Docto;Fecha Recepcion;Fecha Acuse;Monto Exento;Monto Neto;Monto IVA Recuperable;Monto Total;Tabacos Puros"
)

// booked is a line of the register about a document of the supplier.
func booked(folio, total int) string {
	return fmt.Sprintf("1;33;Del Giro;%s;Proveedor Ñ;%d;20/11/2026;20/11/2026 12:00:00;;0;1000;190;%d;", other, folio, total)
}

func pendingLine(folio, total int) string {
	return strings.Replace(booked(folio, total), "12:00:00;;", "12:00:00;", 1)
}

// upload puts a book of November.
func (r *rig) upload(query string, lines ...string) (int, downloadreceived.BookAnswer) {
	r.t.Helper()
	path := "/v1/received/" + buyer.String() + "/reconciliation?" + query
	w := call(r.handler, http.MethodPut, path, []byte(strings.Join(lines, "\n")), "text/csv")
	var a downloadreceived.BookAnswer
	if w.Code == http.StatusOK {
		r.read(w, path, &a)
	}
	return w.Code, a
}

func (r *rig) reconciled(query string) downloadreceived.Reconciliation {
	r.t.Helper()
	var a downloadreceived.Reconciliation
	r.get("/v1/received/"+buyer.String()+"/reconciliation"+query, &a)
	return a
}

// TestReconciliation uploads the books, finds the gaps, asks for a missing XML, and sees it leave the list.
func TestReconciliation(t *testing.T) {
	t.Parallel()
	c := newCorrespondence(t)
	for _, folio := range []int{7000, 7010, 7020} {
		c.sent("plain", folio)
	}
	if a := c.download(); a.MissingXML != nil {
		t.Errorf("missing before any book: %v", *a.MissingXML)
	}
	code, read := c.upload("period=2026-11", registered, booked(7000, 1190), booked(7010, 9999), booked(7030, 1190))
	if code != http.StatusOK || read.Book != "REGISTRO" || read.Documents != 3 || read.Period != "2026-11" {
		t.Fatalf("upload: %d %+v", code, read)
	}
	half := c.reconciled("?period=2026-11")
	if half.Periods[0].Complete || len(half.UnknownToSII) != 0 {
		t.Errorf("half the books: %+v", half)
	}
	code, read = c.upload("period=2026-11", pendingHeader, pendingLine(7040, 1190), "x;y;z;;;;;;;;;5")
	if code != http.StatusOK || read.Book != "PENDIENTE" || len(read.Faults) != 1 {
		t.Fatalf("upload: %d %+v", code, read)
	}
	if fresh := c.reconciled("?period=2026-11"); len(fresh.UnknownToSII) != 0 {
		t.Errorf("a document of today is called unknown: %+v", fresh.UnknownToSII)
	}
	c.advance(49 * time.Hour)
	got := c.reconciled("")
	if len(got.Periods) != 2 || !got.Periods[0].Complete || got.Agreeing != 1 {
		t.Errorf("periods %+v, %d agree", got.Periods, got.Agreeing)
	}
	if len(got.MissingXML) != 2 || got.MissingXML[0].Folio != 7030 || got.MissingXML[1].Folio != 7040 || got.MissingXML[1].Book != "PENDIENTE" {
		t.Fatalf("missing %+v", got.MissingXML)
	}
	if len(got.Differing) != 1 || got.Differing[0].Total != 9999 || got.Differing[0].TotalXML != 1190 || !strings.HasSuffix(got.Differing[0].ID, "/7010") {
		t.Errorf("differing %+v", got.Differing)
	}
	if len(got.UnknownToSII) != 1 || got.UnknownToSII[0].Folio != 7020 || got.UnknownToSII[0].SII != "not-asked" {
		t.Errorf("unknown %+v", got.UnknownToSII)
	}
	ask := got.MissingXML[0].Request
	if ask.To != supplier.DefaultFrom || !strings.Contains(ask.Text, "7030") || !strings.Contains(ask.Text, "dte@empresa.example") {
		t.Errorf("request %+v", ask)
	}
	if a := c.download(); a.MissingXML == nil || *a.MissingXML != 2 {
		t.Errorf("missing_xml %v", a.MissingXML)
	}
	c.asks(7030)
	c.sent("plain", 7030)
	if a := c.download(); a.MissingXML == nil || *a.MissingXML != 1 {
		t.Errorf("missing_xml after it came: %v", a.MissingXML)
	}
}

// asks has the mail for a missing document sent: once a day.
func (c *corresponds) asks(folio int) {
	c.t.Helper()
	path := "/v1/received/" + buyer.String() + "/reconciliation/requests"
	post := func(folio int, more string) (int, downloadreceived.Outgoing) {
		w := call(c.handler, http.MethodPost, path, []byte(fmt.Sprintf(`{"issuer":%q,"type":33,"folio":%d%s}`, other, folio, more)), "application/json")
		var out downloadreceived.Outgoing
		if w.Code == http.StatusOK {
			c.read(w, path, &out)
		}
		return w.Code, out
	}
	code, first := post(folio, "")
	if code != http.StatusOK || first.Kind != outmail.Request || first.To != supplier.DefaultFrom {
		c.t.Fatalf("request: %d %+v", code, first)
	}
	if code, again := post(folio, ""); code != http.StatusOK || again.MessageID != first.MessageID {
		c.t.Errorf("again: %d %+v", code, again)
	}
	if code, _ := post(7000, ""); code != http.StatusNotFound {
		c.t.Errorf("one that is not missing: %d", code)
	}
	if code, _ := post(folio, `,"to":"x"`); code != http.StatusUnprocessableEntity {
		c.t.Errorf("bad address: %d", code)
	}
	before := len(c.mails())
	c.ticks(2)
	asked := 0
	for _, raw := range c.mails()[before:] {
		if strings.Contains(string(raw), "Message-ID: <"+first.MessageID+">") {
			asked++
		}
	}
	if asked != 1 {
		c.t.Errorf("%d requests came", asked)
	}
}

// TestBookRefused: what is no book of purchases is told and replaces nothing.
func TestBookRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, tt := range map[string]struct {
		query, text string
		want        int
	}{
		"no period":   {"", registered, http.StatusBadRequest},
		"bad period":  {"period=202611", registered, http.StatusBadRequest},
		"no book":     {"period=2026-11", "hola;mundo", http.StatusUnprocessableEntity},
		"sales":       {"period=2026-11", "Tipo Doc;Tipo Venta;Rut cliente;Folio;Fecha Docto;Monto total", http.StatusUnprocessableEntity},
		"environment": {"period=2026-11&environment=x", registered, http.StatusBadRequest},
	} {
		if code, _ := r.upload(tt.query, tt.text); code != tt.want {
			t.Errorf("%s: %d, want %d", name, code, tt.want)
		}
	}
	if got := r.reconciled("?period=2026-11"); len(got.Periods) != 1 || len(got.Periods[0].Books) != 0 {
		t.Errorf("left: %+v", got.Periods)
	}
	if w := call(r.handler, http.MethodGet, "/v1/received/"+buyer.String()+"/reconciliation?period=x", nil, ""); w.Code != http.StatusBadRequest {
		t.Errorf("period: %d", w.Code)
	}
}

// TestBookReplaced: the newer upload of a book stands.
func TestBookReplaced(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, folio := range []int{1, 2} {
		if code, _ := r.upload("period=2026-11", registered, booked(folio, 5)); code != http.StatusOK {
			t.Fatal(code)
		}
		r.advance(time.Minute)
	}
	got := r.reconciled("?period=2026-11")
	if len(got.MissingXML) != 1 || got.MissingXML[0].Folio != 2 || got.MissingXML[0].Request.To != "" {
		text, _ := json.Marshal(got) // it is shown
		t.Errorf("%s", text)
	}
}
