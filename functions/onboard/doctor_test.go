package onboard_test

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"timbre/shared/folio"
	"timbre/shared/sii"
)

// doctor gives the table by check, and the worst outcome.
func (w *world) doctor(t *testing.T, query string) (map[string]map[string]any, any) {
	t.Helper()
	r := w.must(t, 200, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/:check"+query, "").json(t)
	rows := map[string]map[string]any{}
	list, _ := r["checks"].([]any)
	for _, item := range list {
		row, _ := item.(map[string]any)
		name, _ := row["check"].(string)
		rows[name] = row
		if cure, has := row["cure"].(string); has == (row["status"] == "pass" || row["status"] == "skip") || has && cure == "" {
			t.Errorf("%s: %v says to do %q", name, row["status"], cure)
		}
	}
	return rows, r["status"]
}

// healthy is company A with all that it needs.
func healthy(t *testing.T) *world {
	t.Helper()
	w := withCAF(t, "33-1-100.xml", "")
	w.must(t, 201, bootstrap, http.MethodPost, "/v1/companies/"+companyA+"/cafs", string(pki(t, "caf", "a", "39-1-100.xml")))
	w.must(t, 200, bootstrap, http.MethodPut, "/v1/companies/"+companyA+"/certificate", certificateBody(t, pki(t, "certs", "a-modern.pfx"), password, ""))
	return w
}

func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	rows, worst := w.doctor(t, "")
	want := map[string]string{
		"empresa": "pass", "resolucion": "pass", "certificado": "pass", "certificado de reserva": "skip", "acceso al SII": "pass",
		"CAF 33": "pass", "próximo folio 33": "pass", "CAF 39": "pass", "próximo folio 39": "skip",
		"casilla de intercambio": "skip", "bucket de estado": "pass", "bucket de archivo": "pass", "secretos": "pass", "reloj": "pass",
	}
	for name, status := range want {
		if rows[name]["status"] != status {
			t.Errorf("%s: %v, want %s", name, rows[name], status)
		}
	}
	if len(rows) != len(want) || worst != "pass" {
		t.Errorf("%d rows, %v in all", len(rows), worst)
	}
}

// TestDoctorFinds breaks one thing at a time.
func TestDoctorFinds(t *testing.T) {
	t.Parallel()
	path := "/v1/companies/" + companyA
	change := func(from, to string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			w.must(t, 200, bootstrap, http.MethodPut, path, strings.Replace(bodyA, from, to, 1))
		}
	}
	cases := map[string]struct {
		spoil                 func(t *testing.T, w *world)
		query                 string
		check, status, detail string
	}{
		"resolution in certification": {change(`"NroResol":0`, `"NroResol":80`), "", "resolucion", "fail", "Resolución 80"},
		"no resolution":               {func(*testing.T, *world) {}, "?environment=produccion", "resolucion", "fail", "Falta"},
		"other environment":           {func(*testing.T, *world) {}, "?environment=produccion", "empresa", "warn", "produccion"},
		"no certificate":              {func(*testing.T, *world) {}, "?environment=produccion", "certificado", "fail", "No hay"},
		"no CAF":                      {func(*testing.T, *world) {}, "?environment=produccion", "CAF", "fail", "ningún"},
		"certificate ends": {func(_ *testing.T, w *world) {
			w.now = w.now.AddDate(25, 0, 0)
		}, "", "certificado", "fail", "venció"},
		"CAF expired": {func(_ *testing.T, w *world) { w.now = time.Date(2027, 5, 10, 12, 0, 0, 0, time.UTC) }, "", "CAF 33", "fail", "Quedan 0"},
		"CAF expires": {func(_ *testing.T, w *world) { w.now = time.Date(2027, 4, 20, 12, 0, 0, 0, time.UTC) }, "", "CAF 33", "warn", "100 se perderán"},
		"CAF is gone": {func(t *testing.T, w *world) { w.lose(t, "timbre-caf-certificacion-"+companyA+"-33") }, "", "CAF 33", "fail", "no se puede leer"},
		"PFX is gone": {func(t *testing.T, w *world) { w.lose(t, "timbre-certificate-certificacion-"+companyA) }, "", "certificado", "fail", ""},
		"refused": {func(_ *testing.T, w *world) {
			w.sii.err = &sii.StatusError{Op: "getToken", Code: "11", Glosa: "NO EXISTE"}
		}, "", "acceso al SII", "fail", "11 NO EXISTE"},
		"SII is down":       {func(_ *testing.T, w *world) { w.sii.err = errors.New("down") }, "", "acceso al SII", "warn", "no responde"},
		"SII tells no time": {func(_ *testing.T, w *world) { w.sii.err = errors.New("down") }, "", "reloj", "warn", "hora"},
		"folio is used":     {func(_ *testing.T, w *world) { w.sii.states = map[int64]string{1: "DNK"} }, "", "próximo folio 33", "fail", "Folio 1: el SII responde DNK"},
		"folio is void":     {func(_ *testing.T, w *world) { w.sii.states = map[int64]string{1: "FAN"} }, "", "próximo folio 33", "fail", "FAN"},
		"SII is unsure":     {func(_ *testing.T, w *world) { w.sii.states = map[int64]string{1: "-3"} }, "", "próximo folio 33", "warn", "-3"},
		"next folio":        {func(t *testing.T, w *world) { w.claim(t, 1, folio.Held) }, "", "próximo folio 33", "pass", "folio 2"},
		"clock is off":      {func(_ *testing.T, w *world) { w.sii.at = func() time.Time { return w.now.Add(-2 * time.Minute) } }, "", "reloj", "fail", "2m0s"},
		"no password":       {change(`"certificacion"`, mailboxOf("127.0.0.1:1", "")+`"certificacion"`), "", "casilla (IMAP)", "fail", "Falta la clave"},
		"mailbox is down": {func(t *testing.T, w *world) {
			change(`"certificacion"`, mailboxOf("127.0.0.1:1", "")+`"certificacion"`)(t, w)
			w.passwords(t)
		}, "", "casilla (IMAP)", "fail", "mail-unreachable"},
		"SMTP is down": {func(t *testing.T, w *world) {
			change(`"certificacion"`, mailboxOf("127.0.0.1:1", "")+`"certificacion"`)(t, w)
			w.passwords(t)
		}, "", "envío de correo (SMTP)", "fail", "mail-unreachable"},
		"SMTP in clear": {func(t *testing.T, w *world) {
			change(`"certificacion"`, mailboxOf(listening(t), "plain")+`"certificacion"`)(t, w)
			w.passwords(t)
		}, "", "envío de correo (SMTP)", "warn", "sin cifrar"},
		"leaving": {func(t *testing.T, w *world) { w.must(t, 202, bootstrap, http.MethodDelete, path, "") }, "", "empresa", "fail", "eliminando"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := healthy(t)
			c.spoil(t, w)
			rows, worst := w.doctor(t, c.query)
			row := rows[c.check]
			detail, _ := row["detail"].(string)
			if row["status"] != c.status || !strings.Contains(detail, c.detail) {
				t.Errorf("%v", row)
			}
			if c.status == "fail" && worst != "fail" {
				t.Errorf("%v in all", worst)
			}
		})
	}
}

// lose deletes a secret behind the function's back.
func (w *world) lose(t *testing.T, name string) {
	t.Helper()
	if err := w.secrets.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

func (w *world) passwords(t *testing.T) {
	t.Helper()
	w.must(t, 200, bootstrap, http.MethodPut, "/v1/companies/"+companyA+"/secrets", `{"imap_password":"x","smtp_password":"y"}`)
}

// mailboxOf is the part of a configuration that names a mail server.
func mailboxOf(address, security string) string {
	host, port, _ := net.SplitHostPort(address)
	account := `{"host":"` + host + `","port":` + port + `,"user":"u","security":"` + security + `"}`
	return `"intercambio":{"email":"dte@example.cl","imap":` + account + `,"smtp":` + account + `},`
}

// listening is the address of a server that hangs up.
func listening(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			connection, err := l.Accept()
			if err != nil {
				return
			}
			_ = connection.Close()
		}
	}()
	return l.Addr().String()
}
