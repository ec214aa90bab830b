package onboard_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/folio"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// seriesA is company A's facturas in certification.
var seriesA = store.Series{Company: store.Company{Env: store.Certificacion, RUT: rut.MustParse(companyA)}, Type: 33}

// stock is what GET …/folios says of the first type.
func (w *world) stock(t *testing.T) map[string]any {
	t.Helper()
	types, _ := w.must(t, 200, bootstrap, http.MethodGet, "/v1/companies/"+companyA+"/folios", "").json(t)["types"].([]any)
	if len(types) == 0 {
		t.Fatal("no types")
	}
	first, _ := types[0].(map[string]any)
	return first
}

// withCAF is a world with company A and one of its CAFs.
func withCAF(t *testing.T, file, query string) *world {
	t.Helper()
	w := newWorld(t)
	w.register(t, companyA)
	w.must(t, 201, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/cafs"+query, string(pki(t, "caf", "a", file)))
	return w
}

func TestVoid(t *testing.T) {
	t.Parallel()
	w := withCAF(t, "33-1-100.xml", "?first=11")
	path := "/v1/companies/" + companyA + "/folios:void"
	body := func(from, to int) string {
		return fmt.Sprintf(`{"type":33,"from":%d,"to":%d,"reason":"Saltados por otro sistema"}`, from, to)
	}
	got := w.must(t, 200, bootstrap, http.MethodPost, path, body(11, 15)).json(t)
	want := map[string]any{"company": companyA, "environment": "certificacion", "type": 33.0, "from": 11.0, "to": 15.0, "reason": "Saltados por otro sistema"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.must(t, 200, bootstrap, http.MethodPost, path, body(11, 16)) // again, and one more
	if s := w.stock(t); s["voided"] != 6.0 || s["remaining"] != 84.0 || s["next"] != 17.0 {
		t.Errorf("%v", s)
	}
	var claim folio.Claim
	if _, err := w.bucket.ReadJSON(t.Context(), store.Claim(store.DocumentID{Series: seriesA, Folio: 11}), &claim); err != nil || claim.Reason != "Saltados por otro sistema" {
		t.Errorf("claim %+v, %v", claim, err)
	}
	w.claim(t, 30, folio.Held)
	r := w.refused(t, 409, "folio-used", bootstrap, http.MethodPost, path, body(25, 35))
	if detail := r.json(t)["detail"]; detail != "El folio 30 está en uso o reservado; no se anuló ninguno." {
		t.Error(detail)
	}
	w.claim(t, 40, folio.Reserved)
	w.refused(t, 409, "folio-used", bootstrap, http.MethodPost, path, body(40, 40))
	w.refused(t, 409, "folio-foreign", bootstrap, http.MethodPost, path, body(10, 12))
	w.refused(t, 409, "folio-foreign", bootstrap, http.MethodPost, path, body(100, 101))
	w.refused(t, 409, "folio-foreign", bootstrap, http.MethodPost, path+"?environment=produccion", body(50, 50))
	w.refused(t, 404, "company-unknown", bootstrap, http.MethodPost, "/v1/companies/"+companyB+"/folios:void", body(50, 50))
	for text, faults := range map[string]map[string]string{
		`{}`: {"type": "invalid-value", "from": "invalid-value", "reason": "missing-field"},
		`{"type":33,"from":1,"to":10001,"reason":"x"}`:                {"to": "invalid-value"},
		`{"type":33,"from":9,"to":8,"reason":"x"}`:                    {"to": "invalid-value"},
		`{"type":32,"from":1,"to":1,"reason":" "}`:                    {"type": "invalid-value", "reason": "missing-field"},
		`{"type":33,"from":-5,"to":9223372036854775807,"reason":"x"}`: {"from": "invalid-value"},
		`{"type":33,"from":1,"to":9223372036854775807,"reason":"x"}`:  {"to": "invalid-value"},
	} {
		if diff := cmp.Diff(faults, w.refused(t, 422, "invalid-request", bootstrap, http.MethodPost, path, text).faults(t)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// TestVoidOverCAFs names a range that lies in two CAFs and between them.
func TestVoidOverCAFs(t *testing.T) {
	t.Parallel()
	w := withCAF(t, "33-1-100.xml", "")
	w.must(t, 201, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/cafs", string(pki(t, "caf", "a", "33-501-502.xml")))
	r := w.refused(t, 409, "folio-foreign", bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/folios:void", `{"type":33,"from":99,"to":502,"reason":"x"}`)
	if detail := r.json(t)["detail"]; detail != "El folio 101 no está en ningún CAF cargado de la empresa." {
		t.Error(detail)
	}
}

// issued puts a document of a date under a folio.
func (w *world) issued(t *testing.T, n int64, date string) {
	t.Helper()
	w.claim(t, n, folio.Held)
	name := store.Document(store.DocumentID{Series: seriesA, Folio: n})
	if _, err := w.bucket.CreateJSON(t.Context(), name, map[string]any{}, map[string]string{"date": date, "status": "accepted", "total": "1190"}); err != nil {
		t.Fatal(err)
	}
}

// TestForecast uses 20 folios in 10 days: two a day.
func TestForecast(t *testing.T) {
	t.Parallel()
	w := withCAF(t, "33-1-100.xml", "")
	for n := range int64(20) {
		w.issued(t, n+1, today.AddDate(0, 0, int(n/2)-9).Format(time.DateOnly))
	}
	look := func(want map[string]any) {
		t.Helper()
		got := w.stock(t)
		caf, _ := got["cafs"].([]any)[0].(map[string]any)
		got["unused"] = caf["unused"]
		for name, v := range want {
			if got[name] != v {
				t.Errorf("%s: %v, want %v", name, got[name], v)
			}
		}
	}
	look(map[string]any{
		"used_last_30_days": 20.0, "use_per_day": 2.0, "days_until_run_out": 40.0, "run_out": "2027-01-03", "lost_at_expiry": 0.0, "unused": 80.0,
	})
	w.now = time.Date(2026, 12, 20, 15, 0, 0, 0, time.UTC) // the first ten are older than 30 days
	look(map[string]any{"used_last_30_days": 8.0, "use_per_day": 0.2, "days_until_run_out": 131.0, "lost_at_expiry": 45.0})
}

// TestForecastOfManyCAFs spends the folios of the one that expires first.
func TestForecastOfManyCAFs(t *testing.T) {
	t.Parallel()
	w := withCAF(t, "33-1-100.xml", "?first=60")
	w.must(t, 201, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/cafs", string(pki(t, "caf", "a", "33-501-502.xml")))
	w.issued(t, 60, "2026-10-26") // the first of 30 days
	w.now = time.Date(2027, 4, 25, 15, 0, 0, 0, time.UTC)
	for n := int64(61); n <= 70; n++ {
		w.issued(t, n, "2027-04-20")
	}
	got := w.stock(t)
	// Ten in 30 days are two until 2027-05-01: 28 of 30, and the two of the second CAF, are lost.
	if got["use_per_day"] != 0.3 || got["lost_at_expiry"] != 30.0 || got["days_until_run_out"] != 6.0 || got["remaining"] != 32.0 {
		t.Errorf("%v", got)
	}
}
