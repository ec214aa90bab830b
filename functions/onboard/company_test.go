package onboard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/access"
)

func TestCreateAndChangeACompany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/companies/" + companyA
	created := w.must(t, 201, bootstrap, http.MethodPut, "/v1/companies/99.928.793-k", bodyA)
	want := map[string]any{
		"rut": companyA, "RznSoc": "Panadería Ñuñoa & Hijos Ltda.", "GiroEmis": "Fabricación y venta de pan", "Acteco": []any{"107100"},
		"DirOrigen": "Avda. Irarrázaval 3000", "CmnaOrigen": "Ñuñoa", "CiudadOrigen": "Santiago", "active": "certificacion",
		"certificacion": map[string]any{"FchResol": "2024-01-02", "NroResol": 0.0, "certificate": nil, "standby": nil, "cafs": []any{}},
		"produccion":    nil, "webhook_url": "", "namespace_form": "both", "strict_remarks": false, "boletas_rest": false, "intercambio": nil, "imap_password": false, "smtp_password": false,
	}
	if diff := cmp.Diff(want, created.json(t)); diff != "" {
		t.Error(diff)
	}
	admin := w.key(t, companyA, access.Admin, access.Read)
	if again := w.must(t, 200, admin, http.MethodPut, path, bodyA); again.text != created.text {
		t.Errorf("the same again: %s", again.text)
	}
	w.must(t, 200, admin, http.MethodPut, path+"/certificate", certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, ""))
	w.must(t, 201, admin, http.MethodPost, path+"/cafs", string(pki(t, "caf", "a", "33-1-100.xml")))
	changed := w.must(t, 200, admin, http.MethodPut, path, strings.Replace(bodyA, `"certificacion":{"FchResol":"2024-01-02","NroResol":0}`,
		`"active":"produccion","produccion":{"FchResol":"2014-08-22","NroResol":80},"strict_remarks":true,"webhook_url":"https://odoo.example/dte",
		"intercambio":{"email":"dte@example.cl","imap":{"host":"imap.example","port":993,"user":"u","folder":"INBOX"}}`, 1)).json(t)
	block, _ := changed["certificacion"].(map[string]any)
	if cafs, _ := block["cafs"].([]any); len(cafs) != 1 || block["certificate"] == nil || block["FchResol"] != "2024-01-02" {
		t.Errorf("a block that the request does not name was changed: %v", block)
	}
	if changed["active"] != "produccion" || changed["strict_remarks"] != true {
		t.Errorf("%v", changed)
	}
	kept := w.must(t, 200, admin, http.MethodPut, path, bodyA).json(t)
	if kept["active"] != "produccion" || kept["strict_remarks"] != true || kept["intercambio"] == nil {
		t.Errorf("switches that the request does not name were changed: %v", kept)
	}
	if got := w.must(t, 200, admin, http.MethodGet, path, "").json(t); !cmp.Equal(got, kept) {
		t.Error(cmp.Diff(kept, got))
	}
}

func TestCompanyReportsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := `{"RznSoc":"` + strings.Repeat("ñ", 101) + `","GiroEmis":" ","Acteco":[0,"12x",3],"DirOrigen":"Calle “Larga”","CmnaOrigen":"Ñuñoa ",
		"active":"maullin","certificacion":{"FchResol":"02-01-2024","NroResol":-1},"produccion":{"FchResol":"2027-01-01","NroResol":1000000},
		"webhook_url":"http://odoo.example/dte","namespace_form":"none","intercambio":{"email":"nobody","imap":{"port":0}}}`
	r := w.refused(t, 422, "invalid-request", bootstrap, http.MethodPut, "/v1/companies/"+companyA, body)
	want := map[string]string{
		"RznSoc": "too-long", "GiroEmis": "missing-field", "Acteco[0]": "invalid-value", "Acteco[1]": "invalid-value",
		"DirOrigen": "invalid-character", "CmnaOrigen": "invalid-value", "active": "invalid-value",
		"certificacion.FchResol": "invalid-value", "certificacion.NroResol": "invalid-value",
		"produccion.FchResol": "invalid-value", "produccion.NroResol": "invalid-value",
		"webhook_url": "invalid-value", "namespace_form": "invalid-value", "intercambio.email": "invalid-value",
		"intercambio.imap.host": "missing-field", "intercambio.imap.port": "invalid-value", "intercambio.imap.user": "missing-field",
	}
	if diff := cmp.Diff(want, r.faults(t)); diff != "" {
		t.Error(diff)
	}
	r = w.refused(t, 422, "invalid-request", bootstrap, http.MethodPut, "/v1/companies/"+companyA, `{}`)
	want = map[string]string{"RznSoc": "missing-field", "GiroEmis": "missing-field", "Acteco": "missing-field", "DirOrigen": "missing-field", "CmnaOrigen": "missing-field"}
	if diff := cmp.Diff(want, r.faults(t)); diff != "" {
		t.Error(diff)
	}
}

func TestCompanyRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, companyA)
	admin := w.key(t, companyB, access.Admin) // of a company that does not exist yet
	cases := map[string]struct {
		credential, rut, body string
		status                int
		code                  string
	}{
		"only the bootstrap key creates": {admin, companyB, bodyA, 403, "forbidden"},
		"wrong check digit":              {bootstrap, "99928793-1", bodyA, 400, "invalid-parameter"},
		"not a RUT":                      {bootstrap, "panaderia", bodyA, 400, "invalid-parameter"},
		"out of the folder":              {bootstrap, "..%2f..%2fkeys", bodyA, 404, "not-found"},
		"unknown field":                  {bootstrap, companyA, strings.Replace(bodyA, `"RznSoc"`, `"Rznsoc"`, 1), 422, "invalid-request"},
		"wrong type":                     {bootstrap, companyA, strings.Replace(bodyA, `"NroResol":0`, `"NroResol":"cero"`, 1), 422, "invalid-request"},
		"not JSON":                       {bootstrap, companyA, `<xml/>`, 400, "unreadable-body"},
		"no body":                        {bootstrap, companyA, ``, 400, "unreadable-body"},
		"too large":                      {bootstrap, companyA, `{"RznSoc":"` + strings.Repeat("x", 300_000) + `"}`, 413, "body-too-large"},
		"active without a resolution":    {bootstrap, companyA, strings.Replace(bodyA, `"certificacion"`, `"active":"produccion","certificacion"`, 1), 422, "invalid-request"},
		"created without a resolution":   {bootstrap, companyB, strings.Replace(bodyA, `"certificacion"`, `"produccion"`, 1), 422, "invalid-request"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { // one after another: they count objects
			w.refused(t, c.status, c.code, c.credential, http.MethodPut, "/v1/companies/"+c.rut, c.body)
		})
	}
	w.refused(t, 404, "company-unknown", bootstrap, http.MethodGet, "/v1/companies/"+companyB, "")
}
