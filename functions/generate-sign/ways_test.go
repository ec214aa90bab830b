package generatesign_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/store"
)

func TestReserve(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura, dte.FacturaExenta)
	h := c.process(t, nil)
	body := `{"company":"` + c.rut.String() + `","type":33}`
	first := post(t.Context(), h, "/v1/folios:reserve", "k", body)
	got := answered(t, first)
	if first.Code != http.StatusCreated || got["folio"] != 1.0 || got["type"] != 33.0 {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	if at, err := time.Parse(time.RFC3339, got["expires_at"].(string)); err != nil || at.Before(time.Now().Add(23*time.Hour)) {
		t.Errorf("it expires at %v, %v", at, err)
	}
	again := post(t.Context(), c.process(t, nil), "/v1/folios:reserve", "k", body)
	if again.Code != http.StatusOK || again.Body.String() != first.Body.String() {
		t.Errorf("a repeat gets %d %s", again.Code, again.Body)
	}
	if other := post(t.Context(), h, "/v1/documents", "other", c.order()); folioOf(t, other) != 2 {
		t.Errorf("another document takes folio %s", other.Body)
	}
	wrong := post(t.Context(), h, "/v1/documents", "k", c.order(`"TipoDTE":33`, `"TipoDTE":34`))
	if wrong.Code != http.StatusUnprocessableEntity {
		t.Errorf("another type with the key: %d %s", wrong.Code, wrong.Body)
	}
	document := post(t.Context(), h, "/v1/documents", "k", c.order())
	if document.Code != http.StatusCreated || folioOf(t, document) != 1 {
		t.Errorf("the document gets %d %s", document.Code, document.Body)
	}
	replay := post(t.Context(), c.process(t, nil), "/v1/documents", "k", c.order())
	if replay.Code != http.StatusOK || replay.Body.String() != document.Body.String() {
		t.Errorf("a repeat gets %d %s", replay.Code, replay.Body)
	}
}

func TestReservationExpires(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	post(t.Context(), c.process(t, nil), "/v1/folios:reserve", "k", `{"company":"`+c.rut.String()+`","type":33}`)
	c.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	h := c.process(t, nil)
	if err := h.(sweeper).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	late := post(t.Context(), h, "/v1/documents", "k", c.order())
	if late.Code != http.StatusConflict || answered(t, late)["type"] != "urn:dte:problem:reservation-expired" {
		t.Errorf("%d %s", late.Code, late.Body)
	}
	if next := post(t.Context(), h, "/v1/documents", "other", c.order()); folioOf(t, next) != 1 {
		t.Errorf("the folio is not free: %s", next.Body)
	}
}

// TestTombstone lets the CAF expire between claim and signature: the folio is closed for good, the
// caller told, the key spent.
func TestTombstone(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	dies := &interruptedBeforeSigning{Memory: c.archive}
	first := post(t.Context(), c.process(t, func(d store.Driver) store.Driver {
		if d == store.Driver(c.archive) {
			return dies
		}
		return d
	}), "/v1/documents", "k", c.order())
	if first.Code != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	c.now = func() time.Time { return time.Now().AddDate(0, 6, 5) }
	h := c.process(t, nil)
	for range 2 {
		late := post(t.Context(), h, "/v1/documents", "k", c.order())
		if late.Code != http.StatusConflict || answered(t, late)["type"] != "urn:dte:problem:caf-expired" || !strings.Contains(late.Body.String(), "Folio 1") {
			t.Errorf("%d %s", late.Code, late.Body)
		}
	}
	if got := names(t, c.state, "outbox/"); len(got) != 0 {
		t.Errorf("a document that is none waits to be sent: %v", got)
	}
	if err := h.(sweeper).Sweep(t.Context()); err != nil {
		t.Errorf("the sweeper is not done with it: %v", err)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	h := c.process(t, nil)
	rows := []string{c.row("b0"), c.row("b1", `"QtyItem":1`, `"QtyItem":0`), c.row("b2"), c.row(""), `{"idempotency_key":"b4","documento":{}}`, c.row("b0")}
	answer := post(t.Context(), h, "/v1/batches", "", c.batch(rows...))
	results := resultsOf(t, answer)
	want := map[int]int{0: 201, 1: 422, 2: 201, 3: 400, 4: 422, 5: 200}
	got := map[int]int{}
	for _, r := range results {
		got[r.Index] = r.Status
		if (r.Status == 201 || r.Status == 200) != (len(r.Document) > 0) {
			t.Errorf("row %d: %d with document %s", r.Index, r.Status, r.Document)
		}
	}
	if got[0] == 200 { // the two rows of one key may end in either order
		got[0], got[5] = got[5], got[0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	single := post(t.Context(), h, "/v1/documents", "b2", c.order())
	if single.Code != http.StatusOK {
		t.Errorf("the row's key is another than the single request's: %d %s", single.Code, single.Body)
	}
	if docs := names(t, c.state, "doc/"); len(docs) != 2 {
		t.Errorf("there are %v", docs)
	}
}

func TestBatchThatBreaks(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	h := c.process(t, nil)
	for name, tt := range map[string]struct {
		body   string
		status int
		rows   []int // statuses of rows, if the batch was begun
	}{
		"not JSON":        {`{"company"`, 400, nil},
		"documents first": {`{"documents":[],"company":"x"}`, 400, nil},
		"no company":      {`{"company":"11111111-1","documents":[]}`, 404, nil},
		"cut off":         {strings.TrimSuffix(c.batch(c.row("cut")), "]}"), 200, []int{201, 400}},
		"text behind":     {c.batch() + "x", 200, []int{400}},
		"mixed":           {c.batch(c.row("m"), c.row("n", `"TipoDTE":33`, `"TipoDTE":39`)), 200, []int{201, 422}},
		"empty":           {c.batch(), 200, nil},
		"a row too large": {c.batch(c.row("l"), c.row("m", `"TipoDTE"`, `"X":"`+strings.Repeat("x", 3<<20)+`","TipoDTE"`), c.row("n")), 200, []int{201, 413}},
		"large before":    {`{"` + strings.Repeat("x", 3<<20) + `"`, 413, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := post(t.Context(), h, "/v1/batches", "", tt.body)
			if answer.Code != tt.status {
				t.Fatalf("%d %s", answer.Code, answer.Body)
			}
			if tt.status != http.StatusOK {
				return
			}
			var got []int
			for _, r := range resultsOf(t, answer) {
				got = append(got, r.Status)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.rows, got); diff != "" {
				t.Errorf("%s\n%s", diff, answer.Body)
			}
		})
	}
}

func TestBatchOfTooMany(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	rows := make([]string, 2001)
	for i := range rows {
		rows[i] = `{"idempotency_key":"k","document":{}}`
	}
	results := resultsOf(t, post(t.Context(), c.process(t, nil), "/v1/batches", "", c.batch(rows...)))
	slices.SortFunc(results, func(a, b result) int { return a.Index - b.Index })
	if len(results) != 2001 || results[1999].Status != http.StatusUnprocessableEntity || results[2000].Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d results, the last %+v", len(results), results[len(results)-1])
	}
}

type result struct {
	Index, Status     int
	Document, Problem json.RawMessage
}

func resultsOf(t *testing.T, answer *httptest.ResponseRecorder) []result {
	t.Helper()
	var v struct {
		BatchID string `json:"batch_id"`
		Results []result
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &v); err != nil || v.BatchID == "" {
		t.Fatalf("%d %v: %s", answer.Code, err, answer.Body)
	}
	return v.Results
}

func (c *cloud) batch(rows ...string) string {
	return fmt.Sprintf(`{"company":%q,"documents":[%s]}`, c.rut, strings.Join(rows, ","))
}

// row is the order of a single request as a row of a batch.
func (c *cloud) row(key string, change ...string) string {
	return strings.Replace(c.order(change...), fmt.Sprintf(`"company":%q`, c.rut), fmt.Sprintf(`"idempotency_key":%q`, key), 1)
}

func TestMove(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura, dte.FacturaExenta)
	h := c.process(t, nil)
	move := func(change ...string) string {
		body := `{"move_id":4711,"company_vat":"COMPANY","partner_vat":"60803000-K","certificate_id":null,` +
			`"partner":{"name":"Servicio de Impuestos Internos","activity":"Gobierno","address":"Teatinos 120","comuna":"Santiago"},` +
			`"lines":[{"description":"Hosting","quantity":2,"price":5000.0,"discount":10,"tax_code":14},{"description":"Curso","quantity":1,"price":1000,"tax_code":null}]}`
		return strings.NewReplacer(append(change, "COMPANY", c.rut.String())...).Replace(body)
	}
	first := post(t.Context(), c.withTrack(t, h), "/api/dte/generate", "", move())
	got := answered(t, first)
	if first.Code != http.StatusOK || got["success"] != true || got["folio"] != "1" || got["status"] != "sent" || got["track_id"] != "0123456789" {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	again := answered(t, post(t.Context(), h, "/api/dte/generate", "", move()))
	if again["folio"] != "1" {
		t.Errorf("the same move again: %v", again)
	}
	for name, tt := range map[string]struct {
		change []string
		status int
		text   string
	}{
		"no such certificate": {[]string{`"certificate_id":null`, `"certificate_id":"x"`}, 422, `"path":"certificate_id"`},
		"no comuna":           {[]string{`"comuna":"Santiago"`, `"comuna":""`, "4711", "1"}, 422, `"path":"partner.comuna"`},
		"zero quantity":       {[]string{`"quantity":2`, `"quantity":0`, "4711", "1"}, 422, `"path":"lines[0].quantity"`},
		"another move":        {[]string{`"price":1000`, `"price":1001`}, 422, "idempotency-mismatch"},
		"no move":             {[]string{`"move_id":4711`, `"move_id":null`}, 422, `"path":"move_id"`},
		"no type":             {[]string{`"move_id":4711`, `"document_type":99,"move_id":1`}, 422, `"path":"document_type"`},
	} {
		answer := post(t.Context(), h, "/api/dte/generate", "", move(tt.change...))
		if answer.Code != tt.status || answered(t, answer)["success"] != false || !strings.Contains(answer.Body.String(), tt.text) {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	exempt := answered(t, post(t.Context(), c.withTrack(t, h), "/api/dte/generate", "", move("4711", "2", `"tax_code":14`, `"tax_code":null`)))
	if exempt["success"] != true || len(names(t, c.state, "doc/certificacion/"+c.rut.String()+"/34/")) != 1 {
		t.Errorf("only exempt lines: %v", exempt)
	}
}
