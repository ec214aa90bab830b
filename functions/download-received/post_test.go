package downloadreceived_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	downloadreceived "timbre/functions/download-received"
	"timbre/shared/company"
	"timbre/shared/exchange"
	"timbre/shared/store"
)

// fileOf is the XML that a mail brought.
func (r *rig) fileOf(d downloadreceived.Item) []byte {
	r.t.Helper()
	w := call(r.handler, http.MethodGet, d.Links.File, nil, "")
	if w.Code != http.StatusOK {
		r.t.Fatalf("%s: %d", d.Links.File, w.Code)
	}
	return w.Body.Bytes()
}

// TestByHand posts what else comes by mail: the mail itself, the envelope, one document.
func TestByHand(t *testing.T) {
	t.Parallel()
	source := newRig(t)
	source.post(invoice(t, 9))
	envelope := source.fileOf(source.list()[0])
	document := call(source.handler, http.MethodGet, source.list()[0].Links.XML, nil, "").Body.Bytes()
	cases := map[string]struct {
		body  []byte
		kind  exchange.Kind
		files int
	}{
		"mail":        {invoice(t, 9), exchange.EnvioDTE, 1},
		"envelope":    {envelope, exchange.EnvioDTE, 1},
		"document":    {document, exchange.DTE, 1},
		"blank lines": {append([]byte("\r\n"), envelope...), exchange.EnvioDTE, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for i := range 2 {
				a := r.post(c.body)
				if a.Documents != 1 || a.New != 1-i || a.Duplicates != i || len(a.Files) != c.files || a.Files[0].Kind != c.kind {
					t.Errorf("time %d: %+v", i+1, a)
				}
			}
			items := r.list()
			if len(items) != 1 || items[0].ID != buyer.String()+"/"+other.String()+"/33/9" || items[0].Strict == exchange.Fail {
				t.Fatalf("%+v", items)
			}
			if got := call(r.handler, http.MethodGet, items[0].Links.Mail, nil, "").Body.Bytes(); !bytes.Equal(got, c.body) {
				t.Errorf("kept: %.80s", got)
			}
			if n := r.due("mail"); n != 0 {
				t.Errorf("%d entries are left", n)
			}
		})
	}
}

// TestRefusals leave nothing behind.
func TestRefusals(t *testing.T) {
	t.Parallel()
	post, mine := "/v1/received?company="+buyer.String(), "/v1/received/"+buyer.String()
	cases := map[string]struct {
		method, path, body, kind string
		status                   int
		code                     string
	}{
		"cut short":          {"POST", post, "<EnvioDTE><SetDTE>", "application/xml", 422, "received-unreadable"},
		"a DTD":              {"POST", post, "<!DOCTYPE x><x/>", "", 422, "received-unreadable"},
		"another root":       {"POST", post, "<Invoice/>", "text/xml", 422, "received-unreadable"},
		"no mail":            {"POST", post, "hola", "text/plain", 422, "received-unreadable"},
		"nothing":            {"POST", post, "", "", 422, "received-unreadable"},
		"JSON":               {"POST", post, "{}", "application/json", 415, "unsupported-media-type"},
		"too large":          {"POST", post, strings.Repeat("x", 20<<20), "", 413, "body-too-large"},
		"no company":         {"POST", "/v1/received", "<x/>", "", 400, "invalid-parameter"},
		"another's":          {"POST", "/v1/received?company=" + other.String(), "<x/>", "", 403, "forbidden"},
		"bad cursor":         {"GET", "/v1/received?cursor=x&limit=0&company=" + buyer.String(), "", "", 400, "invalid-parameter"},
		"bad since":          {"GET", "/api/dte/download/received?since=ayer&rut=" + buyer.String(), "", "", 400, "invalid-parameter"},
		"bad environment":    {"GET", "/v1/received?environment=x&company=" + buyer.String(), "", "", 400, "invalid-parameter"},
		"not received":       {"GET", mine + "/" + other.String() + "/33/1", "", "", 404, "not-found"},
		"no issuer":          {"GET", mine + "/x/33/1", "", "", 404, "not-found"},
		"no such file":       {"GET", mine + "/files/" + strings.Repeat("0", 64), "", "", 404, "not-found"},
		"no digest":          {"GET", mine + "/mails/..", "", "", 404, "not-found"},
		"download of nobody": {"POST", "/v1/received:download", "{}", "application/json", 403, "forbidden"},
		"unknown field":      {"POST", "/v1/received:download", `{"empresa":"x"}`, "application/json", 422, "invalid-request"},
	}
	r := newRig(t)
	before := r.memory.Len() + r.kept.Len()
	for name, c := range cases {
		w := call(r.handler, c.method, c.path, []byte(c.body), c.kind)
		var problem struct{ Type string }
		_ = json.Unmarshal(w.Body.Bytes(), &problem) // compared below
		if w.Code != c.status || problem.Type != "urn:dte:problem:"+c.code {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if after := r.memory.Len() + r.kept.Len(); after != before {
		t.Errorf("%d objects became %d", before, after)
	}
}

func TestWithoutMailbox(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := store.Update(t.Context(), r.state, store.CompanyConfig(buyer), func(c *company.Company) error {
		c.IMAPPassword = nil
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := call(r.handler, http.MethodPost, "/v1/received:download", []byte(`{"company":"`+buyer.String()+`"}`), "application/json")
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "mailbox-missing") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestSeed asks for documents since a day, a time, ever, and from page to page.
func TestSeed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const days = 12
	for i := range days {
		r.post(invoice(t, 1+i))
		r.advance(24 * time.Hour)
	}
	cases := map[string]struct {
		since string
		want  int
	}{
		"ever":     {"", days},
		"a day":    {"2026-11-28", 4},
		"a time":   {noon.Add(3 * 24 * time.Hour).Format(time.RFC3339), 9},
		"UTC":      {"2026-11-20T15:00:01Z", 11},
		"too late": {"2027-01-01", 0},
	}
	for name, c := range cases {
		var page downloadreceived.SeedAnswer
		r.get("/api/dte/download/received?rut="+buyer.String()+"&since="+url.QueryEscape(c.since), &page)
		if !page.Success || len(page.Documents) != c.want || page.Cursor != "" {
			t.Errorf("%s: %d documents, cursor %q", name, len(page.Documents), page.Cursor)
		}
	}
	var all []downloadreceived.Item
	for cursor := ""; ; {
		var page downloadreceived.SeedAnswer
		r.get("/api/dte/download/received?limit=5&since=2026-11-23&rut="+buyer.String()+"&cursor="+cursor, &page)
		all = append(all, page.Documents...)
		if cursor = page.Cursor; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff("4 5 6 7 8 9 10 11 12", folios(all)); diff != "" {
		t.Error(diff)
	}
}

// TestShape is how a document looks in the list: the names are the contract's.
func TestShape(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.post(invoice(t, 3))
	var page struct {
		Items []map[string]any
	}
	r.get("/v1/received?company="+buyer.String(), &page)
	item := page.Items[0]
	for _, c := range item["checks"].([]any) { //nolint:errcheck // a panic fails the test
		if check := c.(map[string]any); check["check"] == "" || check["status"] == "" || check["reason"] == "" { //nolint:errcheck // as above
			t.Errorf("%v", check)
		}
	}
	delete(item, "checks")
	links := fmt.Sprint(item["links"])
	delete(item, "links")
	want := map[string]any{
		"id": "76400123-0/77500456-8/33/3", "company": "76400123-0", "environment": "certificacion", "issuer": "77500456-8",
		"issuer_name": "Ferretería O'Higgins y Cía. S.A.", "type": 33.0, "folio": 3.0, "issue_date": "2026-11-20", "total": 1190.0,
		"received_at": "2026-11-20T12:00:00-03:00", "sii_received_at": nil, "claim_deadline": nil, "strict": "pass", "sii": "not-asked",
		"state": "received", "variants": 1.0,
	}
	if diff := cmp.Diff(want, item); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(links, "self:/v1/received/76400123-0/77500456-8/33/3") {
		t.Error(links)
	}
}
