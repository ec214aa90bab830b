package onboard_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/company"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// TestCertificates uploads every PFX of the fake PKI; its README says what is right to do.
func TestCertificates(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		password, signer string
		code             string // "" = good
	}{
		"a-legacy":           {password: password},
		"a-modern":           {password: password},
		"a-chain":            {password: password},
		"b-legacy":           {password: password},
		"b-modern":           {password: password},
		"b-chain":            {password: password},
		"c-legacy":           {password: password},
		"c-modern":           {password: password},
		"c-chain":            {password: password},
		"x-expired":          {password: password, code: "certificate-expired"},
		"x-not-yet-valid":    {password: password, code: "certificate-not-yet-valid"},
		"x-ec":               {password: password, code: "certificate-not-rsa"},
		"x-rsa4096":          {password: password},
		"x-rsa1024-sha1":     {password: password},
		"x-unknown-password": {password: password, code: "certificate-password"},
		"x-empty-password":   {},
		"x-odd-password":     {password: "contraseña Ñandú €1"},
		"x-no-key":           {password: password, code: "certificate-without-key"},
		"x-lower-k":          {password: password},
		"x-no-rut":           {password: password, code: "certificate-without-rut"},
		"x-rut-in-subject":   {password: password},
		"x-garbage":          {password: password, code: "certificate-malformed"},
	}
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA + "/certificate"
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { // one after another: they count objects
			body := certificateBody(t, pki(t, "certs", name+".pfx"), c.password, c.signer)
			if c.code != "" {
				w.refused(t, 422, c.code, bootstrap, http.MethodPut, path, body)
				return
			}
			answer := w.must(t, 200, bootstrap, http.MethodPut, path, body).json(t)
			if answer["subject"] == "" || answer["signer_rut"] == "" || answer["not_after"] == "" || answer["environment"] != "certificacion" {
				t.Errorf("%v", answer)
			}
			w.opens(t, answer)
		})
	}
}

// opens makes sure that the stored secret is the certificate of the answer.
func (w *world) opens(t *testing.T, answer map[string]any) {
	t.Helper()
	c, err := company.NewDirectory(w.bucket, w.clock).Load(t.Context(), rut.MustParse(companyA))
	if err != nil {
		t.Fatal(err)
	}
	stored := c.In(store.Certificacion).Certificate
	identity, err := company.NewVault(w.secrets, caf.SIIKeys()).Identity(t.Context(), stored)
	if err != nil {
		t.Fatal(err)
	}
	if err := identity.Check(w.now); err != nil || identity.RUT.String() != answer["signer_rut"] || stored.SHA256 != answer["sha256"] {
		t.Errorf("signer %s, SHA-256 %s, %v; answered %v", identity.RUT, stored.SHA256, err, answer)
	}
}

func TestCertificateSignerIsGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA + "/certificate"
	none := pki(t, "certs", "x-no-rut.pfx")
	answer := w.must(t, 200, bootstrap, http.MethodPut, path, certificateBody(t, none, password, "49.624.463-k")).json(t)
	if answer["signer_rut"] != signerA {
		t.Errorf("%v", answer)
	}
	w.opens(t, answer)
	w.refused(t, 422, "certificate-other-signer", bootstrap, http.MethodPut, path, certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, companyB))
	r := w.refused(t, 422, "invalid-request", bootstrap, http.MethodPut, path, certificateBody(t, none, password, "1-2"))
	if r.faults(t)["signer_rut"] != "invalid-rut" {
		t.Error(r.text)
	}
}

func TestCertificateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	good := certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, "")
	cases := map[string]struct {
		company, query, body string
		status               int
		code                 string
	}{
		"unknown company":     {companyB, "", good, 404, "company-unknown"},
		"unknown environment": {companyA, "?environment=maullin", good, 400, "invalid-parameter"},
		"no PFX":              {companyA, "", `{"password":"x"}`, 422, "invalid-request"},
		"not base64":          {companyA, "", `{"pfx":"***","password":"x"}`, 422, "invalid-request"},
		"unknown field":       {companyA, "", `{"pfx":"aGk=","clave":"x"}`, 422, "invalid-request"},
		"truncated":           {companyA, "", certificateBody(t, pki(t, "certs", "a-modern.pfx")[:900], password, ""), 422, "certificate-malformed"},
		"wrong password":      {companyA, "", certificateBody(t, pki(t, "certs", "a-legacy.pfx"), "x", ""), 422, "certificate-password"},
		"too large":           {companyA, "", certificateBody(t, bytes.Repeat([]byte("x"), 300_000), password, ""), 413, "body-too-large"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { // one after another: they count objects
			w.refused(t, c.status, c.code, bootstrap, http.MethodPut, "/v1/companies/"+c.company+"/certificate"+c.query, c.body)
		})
	}
}

func TestCertificateOfEachEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	w.must(t, 200, bootstrap, http.MethodPut, path+"/certificate?environment=produccion", certificateBody(t, pki(t, "certs", "b-modern.pfx"), password, ""))
	w.must(t, 200, bootstrap, http.MethodPut, path+"/certificate", certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, ""))
	c := w.must(t, 200, bootstrap, http.MethodGet, path, "").json(t)
	signer := func(e string) any {
		block, _ := c[e].(map[string]any)
		certificate, _ := block["certificate"].(map[string]any)
		return certificate["signer_rut"]
	}
	if signer("certificacion") != signerA || signer("produccion") != "49968026-0" {
		t.Errorf("%v, %v", signer("certificacion"), signer("produccion"))
	}
}

// TestSecretsStayInSecretManager looks for what was uploaded in every object, answer and log line.
func TestSecretsStayInSecretManager(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	pfx, file := pki(t, "certs", "x-odd-password.pfx"), pki(t, "caf", "a", "33-1-100.xml")
	upload := certificateBody(t, pfx, "contraseña Ñandú €1", "")
	var answers strings.Builder
	answers.WriteString(w.must(t, 200, bootstrap, http.MethodPut, path+"/certificate", upload).text)
	answers.WriteString(w.call(t, bootstrap, http.MethodPut, path+"/certificate", strings.Replace(upload, "contrase", "otra", 1)).text)
	answers.WriteString(w.must(t, 201, bootstrap, http.MethodPost, path+"/cafs", string(file)).text)
	key, _ := w.must(t, 201, bootstrap, http.MethodPost, path+"/keys", `{"scopes":["read"]}`).json(t)["key"].(string)
	answers.WriteString(w.must(t, 200, key, http.MethodGet, path, "").text)
	answers.WriteString(w.must(t, 200, key, http.MethodGet, path+"/keys", "").text)
	if !strings.HasPrefix(key, access.KeyPrefix) {
		t.Fatalf("key %q", key)
	}
	_, private, _ := bytes.Cut(file, []byte("-----BEGIN RSA PRIVATE KEY-----"))
	markers := map[string]string{
		"password": "Ñandú €1", "PFX": upload[len(`{"password":"`)+40:][:60], "CAF key": string(private[2:40]), "API key": key[len(access.KeyPrefix):], "bootstrap key": bootstrap,
	}
	places := map[string]string{"log": w.log.String(), "answers": answers.String(), "state": w.everything(t)}
	for marker, text := range markers {
		for place, content := range places {
			if strings.Contains(content, text) {
				t.Errorf("%s found in %s", marker, place)
			}
		}
	}
	if !strings.Contains(places["state"], signerA) || !strings.Contains(places["answers"], signerA) {
		t.Error("the search sees nothing")
	}
}

// everything is the content of the state bucket.
func (w *world) everything(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for o, err := range w.bucket.List(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		full, err := w.state.Read(t.Context(), o.Name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&all, o.Name, o.Meta, string(full.Data))
	}
	return all.String()
}
