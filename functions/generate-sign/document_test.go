package generatesign_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/store"
	"timbre/shared/ted"
)

func TestIssue(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	h := c.process(t, nil)
	first := post(t.Context(), h, "/v1/documents", "k1", c.order())
	if first.Code != http.StatusCreated {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	got := answered(t, first)
	id := c.rut.String() + "/33/1"
	want := map[string]any{"MntNeto": 6000.0, "TasaIVA": 19.0, "IVA": 1140.0, "MntTotal": 7140.0}
	if diff := cmp.Diff(want, got["totals"]); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]any{"id": id, "company": c.rut.String(), "type": 33.0, "folio": 1.0, "status": "signed",
		"environment": "certificacion", "reference": "account.move,1", "track_id": nil, "sii": nil} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	document := store.DocumentID{Series: store.Series{Company: store.Company{Env: store.Certificacion, RUT: c.rut}, Type: dte.Factura}, Folio: 1}
	signed, err := store.NewBucket(c.archive).Read(t.Context(), store.SignedDTE(document, 1))
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := ted.Find(signed.Data)
	if err != nil {
		t.Fatal(err)
	}
	if stamped, err := ted.Verify(stamp, c.keys); err != nil || stamped.Folio != 1 {
		t.Errorf("the stamp says %+v, %v", stamped, err)
	}
	expect(t, store.NewBucket(c.state), store.Outbox(store.DTE, document))
	if sent := c.events.Take(event.DTESigned); len(sent) != 1 || !strings.Contains(string(sent[0]), `"folio":1`) {
		t.Errorf("published %s", sent)
	}

	before := c.objects()
	again := post(t.Context(), c.process(t, nil), "/v1/documents", "k1", strings.Replace(c.order(), `6000`, `6000.0e0`, 1))
	if again.Code != http.StatusOK || again.Header().Get("Idempotent-Replayed") != "true" || again.Body.String() != first.Body.String() {
		t.Errorf("a repeat gets %d %v\n%s\nwant\n%s", again.Code, again.Header(), again.Body, first.Body)
	}
	other := post(t.Context(), h, "/v1/documents", "k1", c.order("6000", "6001"))
	if other.Code != http.StatusUnprocessableEntity || !strings.Contains(other.Body.String(), "idempotency-mismatch") {
		t.Errorf("another body under the key: %d %s", other.Code, other.Body)
	}
	if c.objects() != before {
		t.Errorf("repeats left %d objects", c.objects()-before)
	}
}

func expect(t *testing.T, b *store.Bucket, name store.Name) {
	t.Helper()
	if there, err := b.Exists(t.Context(), name); err != nil || !there {
		t.Errorf("no %s: %v", name, err)
	}
}

func TestRefusalsLeaveNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path, key, body string
		status                int
		code                  string
	}{
		{"not JSON", "", "k", `{"company":`, 400, "unreadable-body"},
		{"no key", "", "", "ORDER", 400, "idempotency-key-missing"},
		{"key with ñ", "", "ñ", "ORDER", 400, "idempotency-key-invalid"},
		{"unknown member", "", "k", strings.Replace("ORDER", "ORDER", `{"company":"COMPANY","documento":{}}`, 1), 422, "invalid-request"},
		{"unknown field", "", "k", `ORDER|"FmaPago":2|"FormaPago":2`, 422, "invalid-document"},
		{"wrong digit", "", "k", `ORDER|60803000-K|60803000-1`, 422, "invalid-document"},
		{"no giro", "", "k", `ORDER|"GiroRecep":"Gobierno",|`, 422, "invalid-document"},
		{"no comuna", "", "k", `ORDER|,"CmnaRecep":"Santiago"|`, 422, "invalid-document"},
		{"negative price", "", "k", `ORDER|6000|-1`, 422, "invalid-document"},
		{"zero quantity", "", "k", `ORDER|"QtyItem":1|"QtyItem":0`, 422, "invalid-document"},
		{"no lines", "", "k", `ORDER|[{"NmbItem":"Hosting «Ñandú» & más","QtyItem":1,"PrcItem":6000}]|[]`, 422, "invalid-document"},
		{"totals differ", "", "k", `ORDER|"reference":|"expected_totals":{"MntTotal":7141},"reference":`, 422, "totals-differ"},
		{"no CAF", "", "k", `ORDER|"TipoDTE":33|"TipoDTE":34`, 409, "caf-missing"},
		{"folio of no CAF", "", "k", `ORDER|"TipoDTE":33|"TipoDTE":33,"Folio":151`, 409, "folio-out-of-range"},
		{"unknown company", "", "k", `ORDER|COMPANY|11111111-1`, 404, "company-unknown"},
		{"not a company", "", "k", `ORDER|COMPANY|x`, 422, "invalid-request"},
		{"too large", "", "k", `ORDER|Gobierno|` + strings.Repeat("g", 1<<20), 413, "body-too-large"},
		{"bad dry_run", "?dry_run=maybe", "k", "ORDER", 400, "invalid-parameter"},
		{"dry run of nonsense", "?dry_run=true", "", `ORDER|6000|"x"`, 422, "invalid-document"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, dte.Factura)
			h, before := c.process(t, nil), c.objects()
			body := tt.body
			if parts := strings.Split(body, "|"); parts[0] == "ORDER" {
				body = c.order(parts[1:]...)
			}
			body = strings.ReplaceAll(body, "COMPANY", c.rut.String())
			answer := post(t.Context(), h, "/v1/documents"+tt.path, tt.key, body)
			if answer.Code != tt.status || answered(t, answer)["type"] != "urn:dte:problem:"+tt.code {
				t.Errorf("%d %s", answer.Code, answer.Body)
			}
			if c.objects() != before || len(c.events.Take(event.DTESigned)) > 0 {
				t.Errorf("the refusal left %d objects or a message", c.objects()-before)
			}
			if good := post(t.Context(), h, "/v1/documents", "k", c.order()); good.Code != http.StatusCreated {
				t.Errorf("the key is spent: %d %s", good.Code, good.Body)
			}
		})
	}
}

func TestDryRunLeavesNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	before := c.objects()
	answer := post(t.Context(), c.process(t, nil), "/v1/documents?dry_run=true", "", c.order())
	got := answered(t, answer)
	if answer.Code != http.StatusOK || got["dry_run"] != true || len(got["explain"].([]any)) == 0 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if c.objects() != before {
		t.Errorf("it left %d objects", c.objects()-before)
	}
}

func TestExhausted(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	h := c.process(t, nil)
	for n := range 150 {
		if answer := post(t.Context(), h, "/v1/documents", fmt.Sprint(n), c.order()); answer.Code != http.StatusCreated {
			t.Fatalf("document %d: %d %s", n, answer.Code, answer.Body)
		}
	}
	before := c.objects()
	answer := post(t.Context(), h, "/v1/documents", "one more", c.order())
	if answer.Code != http.StatusConflict || answered(t, answer)["type"] != "urn:dte:problem:folio-exhausted" || c.objects() != before {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

// TestHundredKeysTwice posts 200 orders of 100 keys at once: on one instance the folios are
// consecutive; on three all keys agree, and every hole is taken by the next posts.
func TestHundredKeysTwice(t *testing.T) {
	t.Parallel()
	for _, instances := range []int{1, 3} {
		t.Run(fmt.Sprint(instances), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, dte.Factura)
			processes := make([]http.Handler, instances)
			for i := range processes {
				processes[i] = c.process(t, nil)
			}
			const keys = 100
			answers := make([][2]*httptest.ResponseRecorder, keys)
			var group sync.WaitGroup
			for n := range 2 * keys {
				group.Go(func() {
					answers[n/2][n%2] = post(t.Context(), processes[n%instances], "/v1/documents", fmt.Sprint(n/2), c.order())
				})
			}
			group.Wait()
			folios := map[int64]bool{}
			for key, pair := range answers {
				if pair[0].Body.String() != pair[1].Body.String() {
					t.Errorf("key %d: %d %s\nand %d %s", key, pair[0].Code, pair[0].Body, pair[1].Code, pair[1].Body)
				}
				folios[folioOf(t, pair[0])] = true
			}
			if len(folios) != keys {
				t.Errorf("%d keys have %d folios", keys, len(folios))
			}
			highest := int64(0)
			for f := range folios {
				highest = max(highest, f)
			}
			holes := int(highest) - keys
			if instances == 1 && holes != 0 {
				t.Errorf("one instance left %d holes", holes)
			}
			fresh := c.process(t, nil)
			for n := range holes {
				f := folioOf(t, post(t.Context(), fresh, "/v1/documents", fmt.Sprint("later ", n), c.order()))
				if f > highest || folios[f] {
					t.Errorf("folio %d was given, holes below %d were free", f, highest)
				}
				folios[f] = true
			}
		})
	}
}

func folioOf(t *testing.T, answer *httptest.ResponseRecorder) int64 {
	t.Helper()
	var v struct {
		Folio int64 `json:"folio"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &v); err != nil || v.Folio == 0 {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return v.Folio
}

// TestNamesInTheState shows that one document leaves exactly the objects of the design.
func TestNamesInTheState(t *testing.T) {
	t.Parallel()
	c := newCloud(t, dte.Factura)
	post(t.Context(), c.process(t, nil), "/v1/documents", "k", c.order())
	var got []string
	for _, name := range append(names(t, c.archive, ""), names(t, c.state, "")...) {
		kind, _, _ := strings.Cut(name, "/")
		got = append(got, kind)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"claims", "companies", "doc", "dte", "due", "orders", "outbox", "req"}, got); diff != "" {
		t.Error(diff)
	}
}
