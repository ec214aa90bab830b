package onboard_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/folio"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// TestCAFsOfTheFakeSII uploads every odd CAF of the fake PKI; its README says what is right to do.
func TestCAFsOfTheFakeSII(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		company string
		status  int
		code    string // "" = good
	}{
		"33-expired":        {companyA, 409, "caf-expired"},
		"33-bad-frma":       {companyA, 422, "caf-bad-signature"},
		"33-other-rut":      {companyA, 422, "caf-other-company"},
		"33-key-mismatch":   {companyA, 422, "caf-key-mismatch"},
		"33-idk300":         {companyA, 422, "caf-other-environment"},
		"33-unknown-idk":    {companyA, 422, "caf-unknown-idk"},
		"33-declared":       {companyA, 201, ""},
		"33-declared-utf8":  {companyA, 201, ""},
		"33-apos-b":         {companyB, 201, ""},
		"33-widened":        {companyA, 422, "caf-bad-signature"},
		"33-no-rsask":       {companyA, 422, "caf-no-private-key"},
		"33-crlf":           {companyA, 201, ""},
		"33-no-declaration": {companyA, 201, ""},
		"33-pem-one-line":   {companyA, 201, ""},
		"33-truncated":      {companyA, 422, "caf-malformed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, c.company)
			file := string(pki(t, "caf", "x", name+".xml"))
			path := "/v1/companies/" + c.company + "/cafs"
			if c.code != "" {
				w.refused(t, c.status, c.code, bootstrap, http.MethodPost, path, file)
				return
			}
			w.must(t, c.status, bootstrap, http.MethodPost, path, file)
			stored, err := w.secrets.Access(t.Context(), "timbre-caf-certificacion-"+c.company+"-33", "1")
			if err != nil || string(stored) != file {
				t.Errorf("the secret is not the file as it came: %v", err)
			}
		})
	}
}

// TestCAFsOfACompany uploads all CAFs of company A whose ranges do not overlap.
func TestCAFsOfACompany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	dir := golden.Reference(t, "testpki", "caf", "a")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	loaded := 0
	for _, entry := range entries {
		file := string(pki(t, "caf", "a", entry.Name()))
		if strings.Contains(entry.Name(), "-1-100000.") { // the same folios as 1-100, which comes first
			w.refused(t, 409, "caf-overlap", bootstrap, http.MethodPost, path+"/cafs", file)
			continue
		}
		answer := w.must(t, 201, bootstrap, http.MethodPost, path+"/cafs", file).json(t)
		if name := fmt.Sprintf("%v-%v-%v.xml", answer["type"], answer["from"], answer["to"]); name != entry.Name() || answer["first"] != answer["from"] {
			t.Errorf("%s: %v", entry.Name(), answer)
		}
		loaded++
	}
	c := w.must(t, 200, bootstrap, http.MethodGet, path, "").json(t)
	block, _ := c["certificacion"].(map[string]any)
	if cafs, _ := block["cafs"].([]any); len(cafs) != loaded || loaded != 14 {
		t.Errorf("%d CAFs shown, %d loaded", len(cafs), loaded)
	}
}

func TestCAFAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA + "/cafs"
	file := string(pki(t, "caf", "a", "33-1-100.xml"))
	first := w.must(t, 201, bootstrap, http.MethodPost, path+"?first=58", file)
	got := first.json(t)
	delete(got, "sha256")
	want := map[string]any{
		"environment": "certificacion", "type": 33.0, "from": 1.0, "to": 100.0, "first": 58.0,
		"authorized": "2026-11-02", "expires": "2027-05-01",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	objects := w.objects()
	for _, query := range []string{"", "?first=58"} {
		if again := w.must(t, 200, bootstrap, http.MethodPost, path+query, file); again.text != first.text {
			t.Errorf("the same file again%s: %s", query, again.text)
		}
	}
	if w.objects() != objects {
		t.Error("the same file again was stored again")
	}
	w.refused(t, 409, "caf-overlap", bootstrap, http.MethodPost, path+"?first=10", file)
	if raised := w.must(t, 200, bootstrap, http.MethodPost, path+"?first=70", file).json(t); raised["first"] != 70.0 {
		t.Errorf("first raised: %v", raised)
	}
	eternal := w.must(t, 201, bootstrap, http.MethodPost, path, string(pki(t, "caf", "a", "34-1-100.xml"))).json(t)
	if eternal["expires"] != nil {
		t.Errorf("a 34 does not expire: %v", eternal)
	}
}

func TestCAFRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	good, other := string(pki(t, "caf", "a", "33-1-100.xml")), string(pki(t, "caf", "x", "33-idk300.xml"))
	cases := map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"first below":                   {companyA + "/cafs?first=0", good, 400, "invalid-parameter"},
		"first above":                   {companyA + "/cafs?first=101", good, 400, "invalid-parameter"},
		"first not a number":            {companyA + "/cafs?first=1e1", good, 400, "invalid-parameter"},
		"unknown company":               {companyB + "/cafs", good, 404, "company-unknown"},
		"unknown environment":           {companyA + "/cafs?environment=x", good, 400, "invalid-parameter"},
		"of certificación in the other": {companyA + "/cafs?environment=produccion", good, 422, "caf-other-environment"},
		"empty":                         {companyA + "/cafs", "", 422, "caf-malformed"},
		"not XML":                       {companyA + "/cafs", "%PDF-1.4", 422, "caf-malformed"},
		"large":                         {companyA + "/cafs", good + strings.Repeat(" ", 40_000), 413, "caf-too-large"},
		"huge":                          {companyA + "/cafs", strings.Repeat("<", 100_000), 413, "body-too-large"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { // one after another: they count objects
			w.refused(t, c.status, c.code, bootstrap, http.MethodPost, "/v1/companies/"+c.path, c.body)
		})
	}
	if r := w.must(t, 201, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/cafs?environment=produccion", other).json(t); r["environment"] != "produccion" {
		t.Errorf("IDK 300 in produccion: %v", r)
	}
}

func TestCAFExpiresOnTheDayInChile(t *testing.T) {
	t.Parallel()
	file := string(pki(t, "caf", "a", "33-1-100.xml")) // of 2026-11-02: the last day is 2027-05-01
	cases := map[string]struct {
		now    time.Time
		status int
	}{
		"last evening in Chile":  {time.Date(2027, 5, 2, 3, 59, 0, 0, time.UTC), 201},
		"the day after in Chile": {time.Date(2027, 5, 2, 4, 1, 0, 0, time.UTC), 409},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, companyA)
			w.now = c.now
			w.must(t, c.status, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/cafs", file)
		})
	}
}

// TestCAFsAtOnce uploads two overlapping files at the same time: one is refused, and leaves nothing.
func TestCAFsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	before := w.objects()
	files := []string{string(pki(t, "caf", "a", "33-1-100.xml")), string(pki(t, "caf", "a", "33-1-100000.xml"))}
	var mu sync.Mutex
	statuses := map[int]int{}
	var uploads sync.WaitGroup
	for i := range 10 {
		uploads.Go(func() {
			r := w.call(t, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/cafs", files[i%2])
			mu.Lock()
			defer mu.Unlock()
			statuses[r.status]++
		})
	}
	uploads.Wait()
	if diff := cmp.Diff(map[int]int{201: 1, 200: 4, 409: 5}, statuses); diff != "" {
		t.Error(diff)
	}
	if got := w.objects(); got != before+1 {
		t.Errorf("%d objects more, want one secret", got-before)
	}
}

// claim puts a claim into the state bucket, as generate-sign does.
func (w *world) claim(t *testing.T, n int64, state folio.State) {
	t.Helper()
	series := store.Series{Company: store.Company{Env: store.Certificacion, RUT: rut.MustParse(companyA)}, Type: 33}
	name := store.Claim(store.DocumentID{Series: series, Folio: n})
	_, err := w.bucket.CreateJSON(t.Context(), name, folio.Claim{State: state}, map[string]string{"state": string(state)})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFolios(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	if empty := w.must(t, 200, bootstrap, http.MethodGet, path+"/folios", "").json(t); !cmp.Equal(empty["types"], []any{}) {
		t.Errorf("without CAFs: %v", empty)
	}
	w.must(t, 201, bootstrap, http.MethodPost, path+"/cafs?first=58", string(pki(t, "caf", "a", "33-1-100.xml")))
	w.must(t, 201, bootstrap, http.MethodPost, path+"/cafs", string(pki(t, "caf", "a", "33-501-502.xml")))
	w.must(t, 201, bootstrap, http.MethodPost, path+"/cafs", string(pki(t, "caf", "a", "34-1-100.xml")))
	stock := func() map[string]any {
		t.Helper()
		types, _ := w.must(t, 200, bootstrap, http.MethodGet, path+"/folios", "").json(t)["types"].([]any)
		if len(types) != 2 {
			t.Fatalf("%d types", len(types))
		}
		first, _ := types[0].(map[string]any)
		delete(first, "cafs")
		return first
	}
	want := map[string]any{
		"type": 33.0, "name": "FACTURA ELECTRÓNICA", "next": 58.0, "used": 0.0, "reserved": 0.0, "free": 0.0, "free_folios": []any{}, "voided": 0.0,
		"remaining": 45.0, "expires": "2027-05-01", "used_last_30_days": 0.0, "use_per_day": 0.0, "days_until_run_out": nil, "run_out": nil,
		"lost_at_expiry": 45.0,
	}
	if diff := cmp.Diff(want, stock()); diff != "" {
		t.Error(diff)
	}
	for n := int64(58); n <= 61; n++ {
		w.claim(t, n, folio.Held)
	}
	w.claim(t, 62, folio.Void)
	w.claim(t, 64, folio.Foreign)
	w.claim(t, 65, folio.Reserved)
	want["next"], want["used"], want["reserved"], want["voided"], want["remaining"], want["lost_at_expiry"] = 63.0, 5.0, 1.0, 1.0, 38.0, 38.0
	if diff := cmp.Diff(want, stock()); diff != "" {
		t.Error(diff)
	}
	w.claim(t, 70, folio.Free)
	w.claim(t, 66, folio.Free)
	want["next"], want["free"], want["free_folios"] = 66.0, 2.0, []any{66.0, 70.0}
	if diff := cmp.Diff(want, stock()); diff != "" {
		t.Error(diff)
	}
	w.now = time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC) // both CAFs of 33 have expired
	want["next"], want["remaining"], want["expires"] = nil, 0.0, nil
	if diff := cmp.Diff(want, stock()); diff != "" {
		t.Error(diff)
	}
}

func TestFoliosWhenAllAreUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	w.must(t, 201, bootstrap, http.MethodPost, path+"/cafs", string(pki(t, "caf", "a", "33-501-502.xml")))
	w.claim(t, 501, folio.Held)
	w.claim(t, 502, folio.Held)
	w.claim(t, 7, folio.Held) // of a CAF that is no longer loaded
	types, _ := w.must(t, 200, bootstrap, http.MethodGet, path+"/folios", "").json(t)["types"].([]any)
	stock, _ := types[0].(map[string]any)
	if stock["next"] != nil || stock["remaining"] != 0.0 || stock["used"] != 3.0 {
		t.Errorf("%v", stock)
	}
}
