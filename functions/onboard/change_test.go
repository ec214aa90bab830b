package onboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// configuration is company A's as it is stored.
func (w *world) configuration(t *testing.T) *company.Company {
	t.Helper()
	var c company.Company
	if _, err := w.bucket.ReadJSON(t.Context(), store.CompanyConfig(rut.MustParse(companyA)), &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestMailPasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	r := w.must(t, 200, bootstrap, http.MethodPut, path+"/secrets", `{"imap_password":"clave de correo"}`)
	if got := r.json(t); got["imap_password"] != true || got["smtp_password"] != false {
		t.Errorf("%v", got)
	}
	w.must(t, 200, bootstrap, http.MethodPut, path+"/secrets", `{"smtp_password":"otra"}`)
	c := w.configuration(t)
	for ref, want := range map[*company.Secret]string{c.IMAPPassword: "clave de correo", c.SMTPPassword: "otra"} {
		if content, err := w.secrets.Access(t.Context(), ref.Name, ref.Version); err != nil || string(content) != want {
			t.Errorf("%q, %v", content, err)
		}
	}
	shown := w.must(t, 200, bootstrap, http.MethodGet, path, "")
	if got := shown.json(t); got["imap_password"] != true || strings.Contains(shown.text, "clave de correo") {
		t.Error(shown.text)
	}
	w.must(t, 200, bootstrap, http.MethodPut, path, bodyA) // keeps them
	w.must(t, 200, bootstrap, http.MethodPut, path+"/secrets", `{"imap_password":""}`)
	if c := w.configuration(t); c.IMAPPassword != nil || c.SMTPPassword == nil {
		t.Errorf("%+v", c)
	}
	w.refused(t, 422, "invalid-request", bootstrap, http.MethodPut, path+"/secrets", `{}`)
	w.refused(t, 422, "invalid-request", bootstrap, http.MethodPut, path+"/secrets", `{"imap_password":"`+strings.Repeat("x", 1001)+`"}`)
	w.refused(t, 422, "invalid-request", bootstrap, http.MethodPut, path+"/secrets", `{"pop_password":"x"}`)
	w.refused(t, 404, "company-unknown", bootstrap, http.MethodPut, "/v1/companies/"+companyB+"/secrets", `{"imap_password":"x"}`)
}

// waits puts a document into the outbox.
func (w *world) waits(t *testing.T, n int64) store.Name {
	t.Helper()
	name := store.Outbox(store.DTE, store.DocumentID{Series: seriesA, Folio: n})
	if _, err := w.bucket.Create(t.Context(), name, nil, nil); err != nil {
		t.Fatal(err)
	}
	return name
}

func (w *world) remove(t *testing.T, name store.Name) {
	t.Helper()
	o, err := w.bucket.Read(t.Context(), name)
	if err == nil {
		err = w.bucket.Delete(t.Context(), name, o.Generation)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSwitchWaitsForTheOutbox refuses the other environment while documents of the present one wait.
func TestSwitchWaitsForTheOutbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	toProduction := strings.Replace(bodyA, `"certificacion"`, `"active":"produccion","produccion":{"FchResol":"2014-08-22","NroResol":80},"certificacion"`, 1)
	waiting := w.waits(t, 7)
	w.refused(t, 409, "outbox-not-empty", bootstrap, http.MethodPut, path, toProduction)
	if c := w.configuration(t); c.Active != store.Certificacion || c.Blocks[store.Produccion] != nil {
		t.Errorf("the refusal changed something: %+v", c)
	}
	w.must(t, 200, bootstrap, http.MethodPut, path, bodyA) // changes that leave the environment alone may be made
	w.must(t, 200, bootstrap, http.MethodPut, path, strings.Replace(bodyA, `"certificacion"`, `"active":"certificacion","certificacion"`, 1))
	w.remove(t, waiting)
	if got := w.must(t, 200, bootstrap, http.MethodPut, path, toProduction).json(t); got["active"] != "produccion" {
		t.Errorf("%v", got)
	}
}

func TestStandbyCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	standby := strings.Replace(certificateBody(t, pki(t, "certs", "b-modern.pfx"), password, ""), "{", `{"standby":true,`, 1)
	w.refused(t, 409, "certificate-missing", bootstrap, http.MethodPut, path+"/certificate", standby)
	w.refused(t, 409, "standby-missing", bootstrap, http.MethodPost, path+"/certificate:promote", "")
	w.must(t, 200, bootstrap, http.MethodPut, path+"/certificate", certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, ""))
	w.must(t, 200, bootstrap, http.MethodPut, path+"/certificate", standby)
	signers := func() (string, string) {
		t.Helper()
		b := w.configuration(t).In(store.Certificacion)
		if b.Standby == nil {
			return b.Certificate.Signer.String(), ""
		}
		return b.Certificate.Signer.String(), b.Standby.Signer.String()
	}
	if first, second := signers(); first != signerA || second != "49968026-0" {
		t.Errorf("loaded: %s, %s", first, second)
	}
	if got := w.must(t, 200, bootstrap, http.MethodPost, path+"/certificate:promote", "").json(t); got["signer_rut"] != "49968026-0" {
		t.Errorf("promoted: %v", got)
	}
	if first, second := signers(); first != "49968026-0" || second != signerA {
		t.Errorf("promoted: %s, %s", first, second)
	}
	w.must(t, 200, bootstrap, http.MethodPost, path+"/certificate:promote", "") // and back
	if first, _ := signers(); first != signerA {
		t.Errorf("and back: %s", first)
	}
}

// TestRotationOverlaps opens the certificate before: envelopes that name it are finished with it.
func TestRotationOverlaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA + "/certificate"
	w.must(t, 200, bootstrap, http.MethodPut, path, certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, ""))
	before := w.configuration(t).In(store.Certificacion).Certificate
	w.must(t, 200, bootstrap, http.MethodPut, path, certificateBody(t, pki(t, "certs", "b-modern.pfx"), password, ""))
	now := w.configuration(t).In(store.Certificacion).Certificate
	vault := company.NewVault(w.secrets, nil)
	for signer, held := range map[string]*company.Certificate{signerA: before, "49968026-0": now} {
		if identity, err := vault.Identity(t.Context(), held); err != nil || identity.RUT.String() != signer {
			t.Errorf("%s: %v", signer, err)
		}
	}
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	w := withCAF(t, "33-1-100.xml", "")
	path := "/v1/companies/" + companyA
	w.must(t, 200, bootstrap, http.MethodPut, path+"/certificate", certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, ""))
	w.must(t, 200, bootstrap, http.MethodPut, path+"/secrets", `{"imap_password":"x","smtp_password":"y"}`)
	w.issued(t, 1, "2026-11-20")
	key := w.key(t, companyA, access.Scopes()...)
	signed := store.SignedDTE(store.DocumentID{Series: seriesA, Folio: 1}, 1)
	if _, err := w.archive.Create(t.Context(), signed, []byte("<DTE/>"), nil); err != nil {
		t.Fatal(err)
	}
	w.refused(t, 403, "forbidden", key, http.MethodDelete, path, "")
	waiting := w.waits(t, 1)
	w.refused(t, 409, "outbox-not-empty", bootstrap, http.MethodDelete, path, "")
	w.remove(t, waiting)

	sent := store.Document(store.DocumentID{Series: seriesA, Folio: 3})
	if _, err := w.bucket.CreateJSON(t.Context(), sent, map[string]any{}, map[string]string{"status": "sent"}); err != nil {
		t.Fatal(err)
	}
	w.refused(t, 409, "outbox-not-empty", bootstrap, http.MethodDelete, path, "") // no verdict so far
	w.remove(t, sent)

	begun := w.must(t, 202, bootstrap, http.MethodDelete, path, "")
	if begun.header.Get("Retry-After") != "600" || begun.json(t)["deletable_after"] != "2026-11-24T15:10:00Z" {
		t.Errorf("%v %s", begun.header, begun.text)
	}
	if c := w.configuration(t); len(c.In(store.Certificacion).CAFs) != 0 || c.In(store.Certificacion).Certificate == nil {
		t.Errorf("while leaving: %+v", c.In(store.Certificacion))
	}
	w.now = w.now.Add(9 * time.Minute)
	w.must(t, 202, bootstrap, http.MethodDelete, path, "")
	w.now = w.now.Add(time.Minute)
	waiting = w.waits(t, 2) // what had been begun was signed meanwhile
	w.refused(t, 409, "outbox-not-empty", bootstrap, http.MethodDelete, path, "")
	w.remove(t, waiting)
	w.must(t, 204, bootstrap, http.MethodDelete, path, "")

	w.refused(t, 404, "company-unknown", bootstrap, http.MethodDelete, path, "")
	w.refused(t, 401, "unauthorized", key, http.MethodGet, path, "")
	if n := w.secrets.Len(); n != 0 {
		t.Errorf("%d secrets are left", n)
	}
	if _, err := w.archive.Read(t.Context(), signed); err != nil {
		t.Errorf("the archive: %v", err)
	}
	w.register(t, companyA) // once more: the folio stays used
	w.must(t, 201, bootstrap, http.MethodPost, path+"/cafs", string(pki(t, "caf", "a", "33-1-100.xml")))
	if s := w.stock(t); s["next"] != 2.0 || s["used"] != 1.0 {
		t.Errorf("%v", s)
	}
}

// TestDeletionCalledOff keeps a company whose configuration is sent again.
func TestDeletionCalledOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	path := "/v1/companies/" + companyA
	w.must(t, 202, bootstrap, http.MethodDelete, path, "")
	if got := w.must(t, 200, bootstrap, http.MethodGet, path, "").json(t); got["leaving"] == nil {
		t.Errorf("%v", got)
	}
	w.must(t, 200, bootstrap, http.MethodPut, path, bodyA)
	w.now = w.now.Add(time.Hour)
	w.must(t, 202, bootstrap, http.MethodDelete, path, "") // begins anew
}
