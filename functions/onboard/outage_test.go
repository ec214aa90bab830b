package onboard_test

import (
	"net/http"
	"testing"

	"timbre/shared/gcp/secret"
)

// TestSecretManagerIsDown answers 503, which says to come again, and changes nothing.
func TestSecretManagerIsDown(t *testing.T) {
	t.Parallel()
	w := withCAF(t, "33-1-100.xml", "")
	down, err := secret.New(t.Context(), "proj", "127.0.0.1:1") // nobody listens there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = down.Close() })
	w.deps.Secrets = down
	w.serve(t)
	path := "/v1/companies/" + companyA
	before := w.everything(t)
	calls := []struct{ method, path, body string }{
		{http.MethodPut, path + "/certificate", certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, "")},
		{http.MethodPost, path + "/cafs", string(pki(t, "caf", "a", "34-1-100.xml"))},
		{http.MethodPut, path + "/secrets", `{"imap_password":"x"}`},
		{http.MethodPost, path + "/webhook:rotate", ""},
	}
	for _, c := range calls {
		r := w.must(t, 503, bootstrap, c.method, c.path, c.body)
		if r.code(t) != "unavailable" || r.header.Get("Retry-After") != "5" {
			t.Errorf("%s: %v %s", c.path, r.header, r.text)
		}
	}
	if w.everything(t) != before {
		t.Error("the state was changed")
	}
	w.must(t, 200, bootstrap, http.MethodGet, path+"/folios", "") // needs no secret
}
