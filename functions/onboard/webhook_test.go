package onboard_test

import (
	"net/http"
	"strings"
	"testing"

	"timbre/shared/company"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// TestRotateWebhook: each rotation shows a new secret once; the newest two sign.
func TestRotateWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/companies/" + companyA
	w.must(t, http.StatusNotFound, bootstrap, http.MethodPost, path+"/webhook:rotate", "")
	w.register(t, companyA)
	var shown []string
	for n := range 3 {
		answer := w.must(t, http.StatusOK, bootstrap, http.MethodPost, path+"/webhook:rotate", "")
		secret, _ := answer.json(t)["secret"].(string)
		if !strings.HasPrefix(secret, "whsec_") || len(secret) < 49 {
			t.Errorf("secret %q", secret)
		}
		if live := answer.json(t)["live"]; live != float64(min(n+1, 2)) {
			t.Errorf("%v live after %d rotations", live, n+1)
		}
		if answer.header.Get("Cache-Control") != "no-store" {
			t.Error("the answer may be kept")
		}
		shown = append(shown, secret)
	}
	var c company.Company
	if _, err := w.bucket.ReadJSON(t.Context(), store.CompanyConfig(rut.MustParse(companyA)), &c); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{shown[2], shown[1]} {
		ref := c.WebhookSecrets[i]
		got, err := w.secrets.Access(t.Context(), ref.Name, ref.Version)
		if err != nil || string(got) != want {
			t.Errorf("secret %d is %q (%v)", i, got, err)
		}
	}
	shows := w.must(t, http.StatusOK, bootstrap, http.MethodGet, path, "").text + w.log.String()
	for _, secret := range shown {
		if strings.Contains(shows, secret) {
			t.Error("a secret is shown again")
		}
	}
	w.must(t, http.StatusOK, bootstrap, http.MethodPut, path, bodyA)
	if _, err := w.bucket.ReadJSON(t.Context(), store.CompanyConfig(rut.MustParse(companyA)), &c); err != nil || len(c.WebhookSecrets) != 2 {
		t.Errorf("a change of the company leaves %v (%v)", c.WebhookSecrets, err)
	}
}
