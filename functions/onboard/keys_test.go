package onboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/access"
	"timbre/shared/rut"
)

func TestKeysAreShownOnceAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	made := w.must(t, 201, bootstrap, http.MethodPost, path+"/keys", `{"ruts":["99.928.793-k"],"scopes":["read","admin","read"],"label":"Odoo ñ"}`)
	if made.header.Get("Cache-Control") != "no-store" {
		t.Error("a cache may keep the key")
	}
	answer := made.json(t)
	key, _ := answer["key"].(string)
	id, _ := answer["id"].(string)
	delete(answer, "key")
	want := map[string]any{"id": id, "ruts": []any{companyA}, "scopes": []any{"admin", "read"}, "label": "Odoo ñ", "created": "2026-11-24T15:00:00Z"}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Error(diff)
	}
	listed := w.must(t, 200, key, http.MethodGet, path+"/keys", "")
	if diff := cmp.Diff(map[string]any{"keys": []any{want}}, listed.json(t)); diff != "" {
		t.Error(diff)
	}
	w.must(t, 204, key, http.MethodDelete, path+"/keys/"+id, "")
	w.refused(t, 401, "unauthorized", key, http.MethodGet, path+"/keys", "")
	w.refused(t, 404, "not-found", bootstrap, http.MethodDelete, path+"/keys/"+id, "")
}

func TestKeysOfOtherCompanies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	w.register(t, companyB)
	adminA := w.key(t, companyA, access.Admin, access.Read)
	_, both, err := w.keys.Issue(t.Context(), []rut.RUT{rut.MustParse(companyA), rut.MustParse(companyB)}, []access.Scope{access.Read}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, ofB, err := w.keys.Issue(t.Context(), []rut.RUT{rut.MustParse(companyB)}, []access.Scope{access.Read}, "")
	if err != nil {
		t.Fatal(err)
	}
	list := w.must(t, 200, adminA, http.MethodGet, "/v1/companies/"+companyA+"/keys", "").text
	if strings.Contains(list, companyB) || strings.Contains(list, ofB.ID) || !strings.Contains(list, both.ID) {
		t.Errorf("what A sees: %s", list)
	}
	w.refused(t, 403, "forbidden", adminA, http.MethodDelete, "/v1/companies/"+companyA+"/keys/"+both.ID, "")
	w.refused(t, 404, "not-found", adminA, http.MethodDelete, "/v1/companies/"+companyA+"/keys/"+ofB.ID, "")
	w.refused(t, 404, "not-found", adminA, http.MethodDelete, "/v1/companies/"+companyA+"/keys/"+strings.Repeat("0", 16), "")
	w.refused(t, 404, "not-found", adminA, http.MethodDelete, "/v1/companies/"+companyA+"/keys/..%2f..%2fcompanies", "")
	w.must(t, 204, bootstrap, http.MethodDelete, "/v1/companies/"+companyA+"/keys/"+both.ID, "")
}

func TestKeysRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	adminA := w.key(t, companyA, access.Admin, access.Read)
	cases := map[string]struct {
		credential, company, body string
		status                    int
		code                      string
	}{
		"for another company":         {adminA, companyA, `{"ruts":["` + companyB + `"],"scopes":["read"]}`, 403, "forbidden"},
		"for another company as well": {adminA, companyA, `{"ruts":["` + companyA + `","` + companyB + `"],"scopes":["read"]}`, 403, "forbidden"},
		"more than one has":           {adminA, companyA, `{"scopes":["issue"]}`, 403, "forbidden"},
		"for every company":           {bootstrap, companyA, `{"ruts":["*"],"scopes":["read"]}`, 422, "invalid-request"},
		"without scopes":              {bootstrap, companyA, `{"ruts":["` + companyA + `"],"scopes":[]}`, 422, "invalid-request"},
		"unknown scope":               {bootstrap, companyA, `{"scopes":["root"]}`, 422, "invalid-request"},
		"long label":                  {bootstrap, companyA, `{"scopes":["read"],"label":"` + strings.Repeat("x", 101) + `"}`, 422, "invalid-request"},
		"unknown company":             {bootstrap, companyB, `{"scopes":["read"]}`, 404, "company-unknown"},
		"unknown field":               {bootstrap, companyA, `{"scopes":["read"],"key":"mine"}`, 422, "invalid-request"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { // one after another: they count objects
			w.refused(t, c.status, c.code, c.credential, http.MethodPost, "/v1/companies/"+c.company+"/keys", c.body)
		})
	}
	w.must(t, 201, adminA, http.MethodPost, "/v1/companies/"+companyA+"/keys", `{"scopes":["read"]}`)
}

func TestTwoKeysOverlapWhileRotating(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	old := w.key(t, companyA, access.Admin, access.Read)
	made := w.must(t, 201, old, http.MethodPost, path+"/keys", `{"scopes":["admin","read"]}`).json(t)
	young, _ := made["key"].(string)
	w.must(t, 200, old, http.MethodGet, path, "")
	list, _ := w.must(t, 200, young, http.MethodGet, path+"/keys", "").json(t)["keys"].([]any)
	for _, item := range list {
		if k, _ := item.(map[string]any); k["id"] != made["id"] {
			id, _ := k["id"].(string)
			w.must(t, 204, young, http.MethodDelete, path+"/keys/"+id, "")
		}
	}
	w.now = w.now.Add(time.Minute)
	w.refused(t, 401, "unauthorized", old, http.MethodGet, path, "")
	w.must(t, 200, young, http.MethodGet, path, "")
}
