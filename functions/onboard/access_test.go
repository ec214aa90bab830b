package onboard_test

import (
	"net/http"
	"testing"
	"time"

	"timbre/emulators/oidc"
	"timbre/shared/access"
)

// route is a path of the function, a body that is right for it, and what is asked of the caller.
type route struct {
	method, path, body string
	scope              access.Scope // "" = internal
	status             int          // of the right caller
}

func routes(t *testing.T) []route {
	t.Helper()
	of := "/v1/companies/" + companyA
	return []route{
		{http.MethodPut, of, bodyA, access.Admin, 200},
		{http.MethodGet, of, "", access.Read, 200},
		{http.MethodPut, of + "/certificate", certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, ""), access.Admin, 200},
		{http.MethodPost, of + "/certificate:promote", "", access.Admin, 409},
		{http.MethodPut, of + "/secrets", `{"imap_password":"x"}`, access.Admin, 200},
		{http.MethodPost, of + "/webhook:rotate", "", access.Admin, 200},
		{http.MethodPost, of + "/folios:void", `{}`, access.Admin, 422},
		{http.MethodPost, of + "/:check", "", access.Admin, 200},
		{http.MethodGet, of + "/export", "", access.Admin, 200},
		{http.MethodPost, of + "/cafs", string(pki(t, "caf", "a", "33-1-100.xml")), access.Admin, 201},
		{http.MethodGet, of + "/folios", "", access.Read, 200},
		{http.MethodPost, of + "/keys", `{"scopes":["read"]}`, access.Admin, 201},
		{http.MethodGet, of + "/keys", "", access.Read, 200},
		{http.MethodDelete, of + "/keys/0123456789abcdef", "", access.Admin, 404},
		{http.MethodPost, "/_tick", "", "", 204},
	}
}

// TestAccess is the matrix of paths and credentials. Refusals leave nothing behind.
func TestAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	w.register(t, companyB)
	right := w.key(t, companyA, access.Admin, access.Read)
	scopes := map[access.Scope]string{ // a key with every scope but that one
		access.Admin: w.key(t, companyA, access.Issue, access.Read, access.Receive),
		access.Read:  w.key(t, companyA, access.Issue, access.Receive, access.Admin),
	}
	expired := func(c *oidc.Claims) { c.Expires = time.Now().Add(-time.Minute).Unix() }
	elsewhere := func(c *oidc.Claims) { c.Audience = "https://other.example" }
	forged := func(c *oidc.Claims) { c.Issuer = "https://evil.example" }
	type credential struct {
		name, text       string
		public, internal int // status; 0 = that of the right caller
	}
	credentials := func(r route) []credential {
		email := person
		if r.scope == "" {
			email = account
		}
		return []credential{
			{"no key", "", 401, 401},
			{"bad key", "timbre_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 401, 401},
			{"other company's key", w.key(t, companyB, access.Scopes()...), 403, 401},
			{"wrong scope", scopes[r.scope], 403, 401},
			{"expired token", w.token(t, email, expired), 401, 401},
			{"wrong audience", w.token(t, email, elsewhere), 401, 401},
			{"wrong issuer", w.token(t, email, forged), 401, 401},
			{"token of a stranger", w.token(t, "eva@example.cl", nil), 401, 401},
			{"service account", w.token(t, account, nil), 401, 0},
			{"bootstrap key", bootstrap, 0, 401},
			{"person's token", w.token(t, person, nil), 0, 401},
			{"right key", right, 0, 401},
		}
	}
	for _, r := range routes(t) {
		for _, c := range credentials(r) {
			want := c.public
			if r.scope == "" {
				want = c.internal
			}
			if c.name == "wrong scope" && r.scope == "" {
				continue // an internal path asks for no scope
			}
			switch want {
			case 0:
				w.once(t, r, c.text)
			case 403:
				w.refused(t, 403, "forbidden", c.text, r.method, r.path, r.body)
			default:
				w.refused(t, 401, "unauthorized", c.text, r.method, r.path, r.body)
			}
		}
	}
}

// once is a request that is let in; a CAF that is loaded already answers 200.
func (w *world) once(t *testing.T, r route, credential string) {
	t.Helper()
	got := w.call(t, credential, r.method, r.path, r.body)
	if got.status != r.status && (r.status != 201 || got.status != 200) {
		t.Errorf("%s %s: %d, want %d: %s", r.method, r.path, got.status, r.status, got.text)
	}
}

// TestForbiddenTellsNothing compares what a stranger sees of a company that exists and one that does not.
func TestForbiddenTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	stranger := w.key(t, "99952202-5", access.Scopes()...)
	for _, suffix := range []string{"", "/folios", "/keys"} {
		there := w.refused(t, 403, "forbidden", stranger, http.MethodGet, "/v1/companies/"+companyA+suffix, "").json(t)
		absent := w.refused(t, 403, "forbidden", stranger, http.MethodGet, "/v1/companies/"+companyB+suffix, "").json(t)
		if there["detail"] != absent["detail"] || there["title"] != absent["title"] {
			t.Errorf("%v\n%v", there, absent)
		}
	}
}

func TestUnknownPathsAndHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(t, 200, "", http.MethodGet, "/health", "")
	w.must(t, 200, "", http.MethodGet, "/health/ready", "")
	w.refused(t, 404, "not-found", bootstrap, http.MethodGet, "/v1/companies", "")
	w.refused(t, 404, "not-found", bootstrap, http.MethodGet, "/v1/companies/"+companyA+"/none", "")
	r := w.refused(t, 405, "method-not-allowed", bootstrap, http.MethodPatch, "/v1/companies/"+companyA, "")
	if allow := r.header.Get("Allow"); allow != "DELETE, GET, HEAD, PUT" {
		t.Errorf("Allow %q", allow)
	}
}
