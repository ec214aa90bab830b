package pollstatus_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	pollstatus "timbre/functions/poll-status"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/journal"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

const path = "/v1/documents/76192083-9"

func get[T any](r *rig, path string) T {
	r.t.Helper()
	w := call(r.handler, http.MethodGet, path, "")
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
		r.t.Fatalf("%s answered %d %s: %v", path, w.Code, w.Body, err)
	}
	return v
}

func TestShow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.envelope(1, []string{"0000000007"}, id(dte.Factura, 1))
	v := get[document.View](r, path+"/33/1")
	if v.Status != sent || v.TrackID == nil || *v.TrackID != "0000000007" || len(v.History) != 1 ||
		v.History[0].At != "2026-11-20T12:00:00-03:00" {
		t.Errorf("got %+v", v)
	}
	r.sii.set("0000000007", "EPR", sii.Count{Type: 33, Informed: 1, Accepted: 1})
	if v := get[document.View](r, path+"/33/1?refresh=true"); v.Status != accepted || v.SII.EnvelopeState != "EPR" {
		t.Errorf("refreshed: %s %+v", v.Status, v.SII)
	}
}

// TestRefreshIsBounded: at most one question in ten seconds a document, none after the verdict.
func TestRefreshIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.envelope(1, []string{"7"}, id(dte.Factura, 1))
	r.sii.set("7", "SOK")
	for range 5 {
		get[document.View](r, path+"/33/1?refresh=true")
	}
	if n := r.sii.times(); n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
	r.advance(10 * time.Second)
	r.sii.down = sii.ErrUnavailable
	if v := get[document.View](r, path+"/33/1?refresh=true"); v.Status != sent || r.sii.times() != 1 {
		t.Errorf("while the SII is down: %s", v.Status)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.envelope(1, []string{"7"}, id(dte.Factura, 1))
	if _, err := r.archive.Create(t.Context(), store.SentEnvelope(e), []byte("<EnvioDTE>\xd1</EnvioDTE>"), nil); err != nil {
		t.Fatal(err)
	}
	for suffix, want := range map[string]string{"/xml": string(r.signed(id(dte.Factura, 1))), "/envelope": "<EnvioDTE>\xd1</EnvioDTE>"} {
		w := call(r.handler, http.MethodGet, path+"/33/1"+suffix, "")
		if w.Body.String() != want || w.Header().Get("Content-Type") != "application/xml; charset=ISO-8859-1" {
			t.Errorf("%s answered %d %q as %s", suffix, w.Code, w.Body, w.Header().Get("Content-Type"))
		}
	}
	got := get[pollstatus.EvidenceList](r, path+"/33/1/evidence")
	if len(got.Evidence) != 1 || got.Evidence[0].Kind != dispatch.KindUpload {
		t.Errorf("evidence %+v", got)
	}
}

func TestRefusedReads(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.envelope(1, []string{"7"}, id(dte.Factura, 1))
	r.archive = store.NewBucket(store.NewMemory())
	r.handler = r.instance(r.memory)
	tests := map[string]int{
		path + "/33/2":                             http.StatusNotFound,
		path + "/33/0":                             http.StatusNotFound,
		path + "/35/1":                             http.StatusNotFound,
		path + "/33/1/xml":                         http.StatusNotFound, // not in this archive
		path + "/33/1?environment=produccion":      http.StatusNotFound,
		path + "/33/1?environment=otro":            http.StatusBadRequest,
		"/v1/documents/76192083-8/33/1":            http.StatusBadRequest,
		"/v1/documents/77500456-2/33/1":            http.StatusBadRequest,
		"/v1/documents/60803000-K/33/1":            http.StatusForbidden,
		"/v1/documents/60803000-K":                 http.StatusForbidden,
		path + "?type=35":                          http.StatusBadRequest,
		path + "?status=verde":                     http.StatusBadRequest,
		path + "?from=20-11-2026":                  http.StatusBadRequest,
		path + "?limit=0":                          http.StatusBadRequest,
		path + "?limit=1001":                       http.StatusBadRequest,
		path + "?cursor=../../companies":           http.StatusBadRequest,
		"/v1/events":                               http.StatusBadRequest,
		"/v1/events?company=60803000-K":            http.StatusForbidden,
		"/v1/events?company=76192083-9&after=-1":   http.StatusBadRequest,
		"/v1/events?company=76192083-9&limit=x":    http.StatusBadRequest,
		"/v1/documents/76192083-9/33/1/contrasena": http.StatusNotFound,
	}
	for url, want := range tests {
		w := call(r.handler, http.MethodGet, url, "")
		if w.Code != want || !strings.Contains(w.Body.String(), "urn:dte:problem:") {
			t.Errorf("%s answered %d %s, want %d", url, w.Code, w.Body, want)
		}
	}
}

// TestList: every document once, in order, by pages of every size and with every filter.
func TestList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var want []string
	for n, d := range []store.DocumentID{id(33, 9), id(33, 10), id(33, 100), id(34, 1), id(61, 7)} {
		r.envelope(int64(n+1), []string{"7"}, d)
		want = append(want, d.String())
	}
	for limit := 1; limit <= 6; limit++ {
		if diff := cmp.Diff(want, r.pages(fmt.Sprintf("limit=%d", limit))); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
	filters := map[string][]string{
		"type=33":                       want[:3],
		"type=33&limit=2":               want[:3],
		"status=sent":                   want,
		"status=rejected":               nil,
		"from=2026-11-20&to=2026-11-20": want,
		"from=2026-11-21":               nil,
		"to=2026-11-19":                 nil,
	}
	for query, want := range filters {
		if diff := cmp.Diff(want, r.pages(query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	item := get[pollstatus.List](r, path+"?limit=1").Items[0]
	if item.Total != "1190" || item.IssueDate != "2026-11-20" || item.Links.Self != path+"/33/9" {
		t.Errorf("item %+v", item)
	}
}

// pages collects the ids of all pages.
func (r *rig) pages(query string) []string {
	r.t.Helper()
	var ids []string
	cursor := ""
	for range 20 {
		page := get[pollstatus.List](r, path+"?"+query+cursor)
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		if page.Cursor == nil {
			return ids
		}
		cursor = "&cursor=" + *page.Cursor
	}
	r.t.Fatal("the cursor does not end")
	return nil
}

// TestEvents: the log from any number on, without a gap.
func TestEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := journal.New(r.state, event.Log)
	for n := 1; n <= 5; n++ {
		body := fmt.Sprintf(`{"id":"e%d","event":"document.status","at":"2026-11-20T12:00:00-03:00","data":{"seq":%d}}`, n, n)
		if _, err := log.Append(t.Context(), here, journal.Event{ID: store.EventID(fmt.Sprintf("e%d", n)), Body: json.RawMessage(body)}); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	after := int64(0)
	for {
		page := get[pollstatus.EventList](r, fmt.Sprintf("/v1/events?company=76192083-9&limit=2&after=%d", after))
		if len(page.Items) == 0 {
			break
		}
		for _, item := range page.Items {
			ids = append(ids, fmt.Sprint(item.Number, item.ID, string(item.Data)))
		}
		after = page.After
	}
	want := []string{`1e1{"seq":1}`, `2e2{"seq":2}`, `3e3{"seq":3}`, `4e4{"seq":4}`, `5e5{"seq":5}`}
	if diff := cmp.Diff(want, ids); diff != "" || after != 5 {
		t.Errorf("events up to %d (-want +got):\n%s", after, diff)
	}
}

// TestUndelivered: what notify gave up, with why.
func TestUndelivered(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := journal.New(r.state, event.Log)
	for n := int64(1); n <= 4; n++ {
		body := fmt.Sprintf(`{"id":"e%d","event":"document.status","at":"2026-11-20T12:00:00-03:00","data":{}}`, n)
		if _, err := log.Append(t.Context(), here, journal.Event{ID: store.EventID(fmt.Sprintf("e%d", n)), Body: json.RawMessage(body)}); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			continue // this one was delivered
		}
		letter := event.DeadLetter{Number: n, ID: fmt.Sprintf("e%d", n), Attempts: 9, At: r.now, Reason: "timeout"}
		if _, err := r.state.CreateJSON(t.Context(), store.DeadLetter(here, n), letter, nil); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, after := range []int64{0, 3, 4} {
		page := get[pollstatus.UndeliveredList](r, fmt.Sprintf("/v1/events?company=76192083-9&undelivered=true&limit=2&after=%d", after))
		for _, item := range page.Items {
			got = append(got, fmt.Sprint(item.Number, item.ID, item.Delivery.Attempts, item.Delivery.Reason))
		}
		got = append(got, fmt.Sprint("after ", page.After))
	}
	want := []string{"2e29timeout", "3e39timeout", "after 3", "4e49timeout", "after 4", "after 4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("undelivered (-want +got):\n%s", diff)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.envelope(1, []string{"1"}, id(33, 1), id(33, 2))
	r.envelope(2, []string{"2"}, id(33, 3))
	r.sii.set("1", "EPR", sii.Count{Type: 33, Informed: 2, Accepted: 2})
	r.sii.set("2", "SOK")
	for _, body := range []string{"", `{"company":"76192083-9"}`} {
		w := call(r.handler, http.MethodPost, "/v1/status:sweep", body)
		want := `{"looked":2,"pending":1}`
		if body != "" { // the first is decided by now
			want = `{"looked":1,"pending":1}`
		}
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("sweep answered %d %s, want %s", w.Code, w.Body, want)
		}
	}
	r.caller.RUTs = []rut.RUT{rut.SII}
	if w := call(r.handler, http.MethodPost, "/v1/status:sweep", `{"company":"76192083-9"}`); w.Code != http.StatusForbidden {
		t.Errorf("sweep of a foreign company answered %d", w.Code)
	}
}
