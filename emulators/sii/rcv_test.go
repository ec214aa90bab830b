package sii_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/sii"
	"timbre/emulators/sii/claims"
	"timbre/emulators/sii/faults"
	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/rcv"
)

const webAccept = "application/json, text/plain, */*"

// books is what the web application's backend answers.
type books struct {
	Data  json.RawMessage `json:"data"`
	File  string          `json:"nombreArchivo"`
	State struct {
		Code int    `json:"codRespuesta"`
		Text string `json:"msgeRespuesta"`
	} `json:"respEstado"`
}

// bookBody is a right query about company b's purchases.
func (c *claimant) bookBody(method, state, period string) map[string]map[string]any {
	number, digit, _ := strings.Cut(c.receiver.RUT, "-")
	operation := "COMPRA"
	if state == "" {
		operation = "VENTA"
	}
	return map[string]map[string]any{
		"metaData": {
			"namespace":      "cl.sii.sdi.lob.diii.consdcv.data.api.interfaces.FacadeService/" + method,
			"conversationId": c.token, "transactionId": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "page": nil,
		},
		"data": {
			"rutEmisor": number, "dvEmisor": digit, "ptributario": period, "operacion": operation, "estadoContab": state, "codTipoDoc": "0",
			"accionRecaptcha": "RCV_DETC", "tokenRecaptcha": "t-o-k-e-n-web",
		},
	}
}

func (c *claimant) postBook(method string, body any, header map[string]string) seen {
	c.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	all := map[string]string{"Accept": webAccept, "Cookie": "TOKEN=" + c.token}
	for k, v := range header {
		all[k] = v
	}
	kind := "application/json"
	if v := header["Content-Type"]; v != "" {
		kind = v
	}
	return watch(c.bench, http.MethodPost, "/www4c.sii.cl/consdcvinternetui/services/data/facadeService/"+method, kind, data, all)
}

func (c *claimant) openBook(method, state, period string) books {
	c.t.Helper()
	got := c.postBook(method, c.bookBody(method, state, period), nil)
	var b books
	if err := json.Unmarshal([]byte(got.body), &b); err != nil || got.status != 200 {
		c.t.Fatalf("%s %s: %d %s: %v", method, state, got.status, got.body, err)
	}
	return b
}

// folios are the folios of a book of purchases, by its details.
func (c *claimant) folios(state, period string) string {
	c.t.Helper()
	b := c.openBook("getDetalleCompra", state, period)
	if b.State.Code == 2 {
		return "[]"
	}
	var rows []rcv.Detail
	if err := json.Unmarshal(b.Data, &rows); err != nil {
		c.t.Fatal(err)
	}
	list := []int{}
	for _, r := range rows {
		list = append(list, r.Folio)
	}
	return fmt.Sprint(list)
}

// Documents move from PENDIENTE to REGISTRO when they are accepted or 8 days have
// passed, to RECLAMADO when claimed; the month moves with them.
func TestBooksFollowTheRegister(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	plant := func(folio int, change func(*sii.Plant)) {
		c.plant(folio, func(p *sii.Plant) {
			p.ReceivedAt = time.Date(2026, 11, 20, 9, 0, 0, 0, chile())
			if change != nil {
				change(p)
			}
		})
	}
	plant(1, nil)
	plant(2, nil)
	plant(3, nil)
	plant(4, func(p *sii.Plant) { p.Payment = "1" })
	plant(5, func(p *sii.Plant) { p.Purchase, p.Payment = "7", "1" })
	plant(6, func(p *sii.Plant) { p.Type = 61 })
	plant(7, func(p *sii.Plant) { p.Type = 52 })
	plant(8, func(p *sii.Plant) { p.Receiver = companyOf(2).RUT })
	plant(9, func(p *sii.Plant) { p.Purchase = "7" })
	check := func(when, period string, want map[string]string) {
		t.Helper()
		for state, folios := range want {
			if got := c.folios(state, period); got != folios {
				t.Errorf("%s: %s of %s: got %s, want %s", when, state, period, got, folios)
			}
		}
	}
	check("at first", "202611", map[string]string{"PENDIENTE": "[1 2 3 9]", "REGISTRO": "[4 6]", "NO_INCLUIR": "[5]", "RECLAMADO": "[]"})
	for folio, action := range map[int]string{1: "ERM", 2: "RCD"} {
		if got := c.code(ingresar, folio, action); got != "0" {
			t.Fatalf("%s: got %s", action, got)
		}
	}
	check("answered", "202611", map[string]string{"PENDIENTE": "[3 9]", "REGISTRO": "[1 4 6]", "RECLAMADO": "[2]"})
	plant(10, func(p *sii.Plant) { p.ReceivedAt = time.Date(2026, 11, 25, 0, 30, 0, 0, chile()) })
	wait := func(d time.Duration) { // a token lives for an hour
		c.server.Advance(d)
		c.token = c.login(loadSigner(t, c.world, "b", c.person))
	}
	wait(claims.Term)
	check("term passed", "202611", map[string]string{"PENDIENTE": "[10]", "REGISTRO": "[1 3 4 6]", "NO_INCLUIR": "[5 9]", "RECLAMADO": "[2]"})
	wait(10 * 24 * time.Hour)
	check("a later month", "202611", map[string]string{"PENDIENTE": "[]", "REGISTRO": "[1 3 4 6]"})
	check("a later month", "202612", map[string]string{"PENDIENTE": "[]", "REGISTRO": "[10]"})
}

// An uploaded invoice stands in both companies' books with its own figures.
func TestBooksOfUploads(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := &claimant{bench: b.as("b"), path: claimsCert}
	b.sendOf(b.invoice(1))
	if got := c.code(ingresar, 1, "ERM"); got != "0" {
		t.Fatalf("receipt: %s", got)
	}
	export := c.openBook("getDetalleCompraExport", "REGISTRO", "202611")
	var lines []string
	if err := json.Unmarshal(export.Data, &lines); err != nil {
		t.Fatal(err)
	}
	want := "1;33;Del Giro;" + b.company.RUT + ";" + b.company.Name + ";1;20/11/2026;20/11/2026 12:00:00;20/11/2026 12:01:00;500;8000;1520;;;10020;;;;;0;;;;0;;;;"
	if len(lines) != 2 || lines[1] != want {
		t.Errorf("export: got %q, want %q", lines, want)
	}
	if want := "RCV_COMPRA_REGISTRO_" + b.receiver.RUT + "_202611.csv"; export.File != want {
		t.Errorf("file: got %s, want %s", export.File, want)
	}
	seller := &claimant{bench: b.as("a"), path: claimsCert}
	seller.receiver = b.company // bookBody asks for the receiver's books
	body := seller.bookBody("getDetalleVenta", "", "202611")
	body["data"]["accionRecaptcha"] = "RCV_DETV"
	sale := seller.postBook("getDetalleVenta", body, nil).body
	for _, part := range []string{`"detRznSoc":"` + companyOf(1).Name + `"`, `"detMntExe":500`, `"detMntTotal":10020`, `"detEventoReceptor":"C"`, `"detFecAcuse":"20/11/2026 12:01:00"`} {
		if !strings.Contains(sale, part) {
			t.Errorf("sale lacks %s: %s", part, sale)
		}
	}
	resumen := c.postBook("getResumen", c.bookBody("getResumen", "REGISTRO", "202611"), nil).body
	if !strings.HasPrefix(resumen, `{"data":[{"rsmnTipoDocInteger":33,"dcvNombreTipoDoc":"Factura Electrónica","rsmnTotDoc":1,"rsmnMntExe":500,"rsmnMntNeto":8000,"rsmnMntIVA":1520,"rsmnMntTotal":10020}],"totDocRes":1,"dataCabecera":{"dcvFecModificacion":"20/11/2026 12:01:00"},"respEstado":{"codRespuesta":0`) {
		t.Errorf("summary: %s", resumen)
	}
}

// The headers, the session and the metadata must be those of the web application.
func TestBooksRefuse(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	c.plant(1, nil)
	good := func() map[string]map[string]any { return c.bookBody("getDetalleCompra", "PENDIENTE", "202611") }
	for _, tt := range []struct {
		name   string
		header map[string]string
		status int
		text   string
	}{
		{"plain Accept", map[string]string{"Accept": "application/json"}, 500, "RESTEASY001530"},
		{"form", map[string]string{"Content-Type": "text/plain"}, 415, "Unsupported"},
		{"dead token", map[string]string{"Cookie": "TOKEN=NOSUCHTOKEN00"}, 401, "JBWEB000065"},
		{"no token", map[string]string{"Cookie": "x=y"}, 401, "JBWEB000065"},
	} {
		if got := c.postBook("getDetalleCompra", good(), tt.header); got.status != tt.status || !strings.Contains(got.body, tt.text) {
			t.Errorf("%s: got %d %s", tt.name, got.status, got.body)
		}
	}
	for _, tt := range []struct {
		part, field string
		value       any
		text        string
	}{
		{"metaData", "conversationId", c.receiver.RUT, "El token no es valido: NO Existen Datos"},
		{"metaData", "namespace", "getDetalleCompra", "metaData"}, {"metaData", "transactionId", "", "metaData"},
		{"data", "dvEmisor", "X", "rutEmisor"}, {"data", "ptributario", "202613", "ptributario"}, {"data", "codTipoDoc", "", "codTipoDoc"},
		{"data", "operacion", "VENTA", "operacion"}, {"data", "estadoContab", "TODO", "estadoContab"},
		{"data", "tokenRecaptcha", "", "Recaptcha"}, {"data", "accionRecaptcha", "", "Recaptcha"},
	} {
		body := good()
		body[tt.part][tt.field] = tt.value
		var b books
		got := c.postBook("getDetalleCompra", body, nil)
		if err := json.Unmarshal([]byte(got.body), &b); err != nil || b.State.Code == 0 || !strings.Contains(b.State.Text, tt.text) || string(b.Data) != "null" {
			t.Errorf("%s: got %d %s", tt.field, got.status, got.body)
		}
	}
	other := good()
	number, digit, _ := strings.Cut(c.company.RUT, "-")
	other["data"]["rutEmisor"], other["data"]["dvEmisor"] = number, digit
	if got := c.postBook("getDetalleCompra", other, nil); !strings.Contains(got.body, "Usuario no autorizado") {
		t.Errorf("another company's book: got %s", got.body)
	}
	if got := c.postBook("getDetalleCompra", "hola", nil); got.status != 400 {
		t.Errorf("no object: got %d %s", got.status, got.body)
	}
	if got := c.postBook("getOtrosImpuestos", good(), nil); got.status != 404 {
		t.Errorf("unknown method: got %d", got.status)
	}
	c.fault(faults.Rule{Fault: faults.HTML, Operation: "getDetalleCompra", Times: 1})
	if got := c.postBook("getDetalleCompra", good(), nil); got.status != 200 || !strings.HasPrefix(got.body, "<html>") {
		t.Errorf("fault: got %d %s", got.status, got.body)
	}
	if got := c.folios("PENDIENTE", "202611"); got != "[1]" {
		t.Errorf("after all: got %s", got)
	}
}

// The control API gives a book as a browser would save it.
func TestDownloadedBook(t *testing.T) {
	t.Parallel()
	c := newClaimant(t)
	c.plant(1, func(p *sii.Plant) {
		p.Book = judge.Book{IssuerName: "Ñandú Ltda.", Net: 1000, VAT: 190, Total: 1290, Taxes: []judge.BookTax{{Code: 24, Amount: 60, Rate: "31.5"}, {Code: 27, Amount: 40, Rate: "10"}}}
	})
	get := func(change url.Values) (int, string) {
		q := url.Values{"company": {c.receiver.RUT}, "period": {"202611"}, "book": {"PENDIENTE"}}
		for k, v := range change {
			q[k] = v
		}
		response, err := http.Get(c.server.ControlURL + "/_control/rcv.csv?" + q.Encode()) //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // read only
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	rows, err := c.server.Book("", c.receiver.RUT, "202611", rcv.Pending)
	if err != nil {
		t.Fatal(err)
	}
	status, utf8 := get(nil)
	if want := strings.Join(rcv.Lines(rcv.Pending, rows), "\n") + "\n"; status != 200 || !cmp.Equal(want, utf8) || strings.Count(utf8, "\n") != 3 || !strings.Contains(utf8, "Ñandú") {
		t.Errorf("got %d %q, want %q", status, utf8, want)
	}
	if _, latin1 := get(url.Values{"encoding": {"latin1"}}); !strings.Contains(latin1, "\xd1and\xfa Ltda.") {
		t.Errorf("latin1: got %q", latin1)
	}
	for name, bad := range map[string]url.Values{"book": {"book": {"TODO"}}, "period": {"period": {"2026-11"}}, "environment": {"environment": {"x"}}} {
		if status, _ := get(bad); status != 422 {
			t.Errorf("bad %s: got %d, want 422", name, status)
		}
	}
}

// FuzzBookQuery: the reader never panics, and what it takes names one book.
func FuzzBookQuery(f *testing.F) {
	f.Add("getResumen", []byte(`{"metaData":{"namespace":"cl.sii.sdi.lob.diii.consdcv.data.api.interfaces.FacadeService/getResumen","conversationId":"T","transactionId":"1","page":null},"data":{"rutEmisor":"76192083","dvEmisor":"9","ptributario":"202610","operacion":"COMPRA","estadoContab":"REGISTRO","busquedaInicial":true}}`))
	f.Add("getDetalleVenta", []byte(`{"data":{"operacion":"VENTA"}}`))
	f.Add("getDetalleCompra", []byte(`[]`))
	f.Add("", []byte(``))
	f.Fuzz(func(t *testing.T, method string, body []byte) {
		book, err := sii.ReadBookQuery(method, body)
		if (err == nil) != (book != "") {
			t.Errorf("book %q together with error %v", book, err)
		}
	})
}
