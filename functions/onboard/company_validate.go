package onboard

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"timbre/shared/company"
	"timbre/shared/problem"
	"timbre/shared/store"
)

// faults collects what is wrong with a request.
type faults struct{ found []problem.Field }

func (f *faults) add(path, code, detail string, args ...any) {
	f.found = append(f.found, problem.Field{Path: path, Code: code, Detail: fmt.Sprintf(detail, args...)})
}

// Lengths of zone Emisor (DTE_v10.xsd; FORMATS §6.2; where prose and XSD disagree the XSD counts).
const (
	maxRznSoc    = 100
	maxGiroEmis  = 80
	maxDirOrigen = 70
	maxComuna    = 20
	maxActeco    = 4
	maxNroResol  = 999_999 // NroResolType
)

// validate lists all faults of the request; now tells which day is today, and plain whether a webhook may do
// without TLS.
func (r *companyRequest) validate(now time.Time, plain bool) []problem.Field {
	var f faults
	f.text("RznSoc", r.RznSoc, maxRznSoc, true)
	f.text("GiroEmis", r.GiroEmis, maxGiroEmis, true)
	f.text("DirOrigen", r.DirOrigen, maxDirOrigen, true)
	f.text("CmnaOrigen", r.CmnaOrigen, maxComuna, true)
	f.text("CiudadOrigen", r.CiudadOrigen, maxComuna, false)
	f.acteco(r.Acteco)
	if r.Active != "" && !store.Environment(r.Active).Valid() {
		f.add("active", "invalid-value", "El ambiente activo debe ser certificacion o produccion.")
	}
	f.block("certificacion", r.Certificacion, now)
	f.block("produccion", r.Produccion, now)
	f.webhook(r.WebhookURL, plain)
	if r.NamespaceForm != "" && r.NamespaceForm != "both" && r.NamespaceForm != "sii" {
		f.add("namespace_form", "invalid-value", "La forma de los espacios de nombres debe ser both o sii.")
	}
	if r.Intercambio != nil {
		f.intercambio(r.Intercambio)
	}
	return f.found
}

// text checks a text that goes into documents, which are ISO-8859-1 (FORMATS §4).
func (f *faults) text(path, value string, limit int, required bool) {
	if strings.TrimSpace(value) == "" {
		if required {
			f.add(path, "missing-field", "Falta el campo.")
		} else if value != "" {
			f.add(path, "invalid-value", "El texto está en blanco.")
		}
		return
	}
	if n := utf8.RuneCountInString(value); n > limit {
		f.add(path, "too-long", "Tiene %d caracteres; el máximo es %d.", n, limit)
	}
	if strings.TrimSpace(value) != value {
		f.add(path, "invalid-value", "No debe empezar ni terminar con espacios.")
	}
	for _, c := range value {
		if c < ' ' || c > 0xFF || c >= 0x7F && c < 0xA0 {
			f.add(path, "invalid-character", "El carácter %q no existe en los documentos del SII (ISO-8859-1).", c)
			return
		}
	}
}

func (f *faults) acteco(codes []digits) {
	if len(codes) == 0 {
		f.add("Acteco", "missing-field", "Indique al menos un código de actividad económica.")
	}
	if len(codes) > maxActeco {
		f.add("Acteco", "too-many", "Indique a lo más %d códigos de actividad económica.", maxActeco)
	}
	for i, c := range codes {
		if len(c) == 0 || len(c) > 6 || strings.Trim(string(c), "0123456789") != "" || strings.Trim(string(c), "0") == "" {
			f.add(fmt.Sprintf("Acteco[%d]", i), "invalid-value", "El código de actividad económica tiene hasta 6 dígitos.")
		}
	}
}

func (f *faults) block(path string, b *blockRequest, now time.Time) {
	if b == nil {
		return
	}
	day, err := time.Parse(time.DateOnly, b.FchResol)
	switch {
	case b.FchResol == "":
		f.add(path+".FchResol", "missing-field", "Falta la fecha de la resolución.")
	case err != nil:
		f.add(path+".FchResol", "invalid-value", "La fecha debe tener la forma AAAA-MM-DD.")
	case day.Format(time.DateOnly) > now.Format(time.DateOnly):
		f.add(path+".FchResol", "invalid-value", "La fecha de la resolución es futura.")
	}
	if b.NroResol < 0 || b.NroResol > maxNroResol {
		f.add(path+".NroResol", "invalid-value", "El número de resolución va de 0 a %d.", maxNroResol)
	}
}

func (f *faults) webhook(text string, plain bool) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(plain && u.Scheme == "http") || len(text) > 2000 {
		f.add("webhook_url", "invalid-value", "Debe ser una dirección https completa y sin usuario ni clave.")
	}
}

func (f *faults) intercambio(i *company.Intercambio) {
	if !strings.Contains(strings.Trim(i.Email, "@"), "@") {
		f.add("intercambio.email", "invalid-value", "Debe ser una dirección de correo.")
	}
	f.mailbox("intercambio.imap", i.IMAP)
	f.mailbox("intercambio.smtp", i.SMTP)
}

func (f *faults) mailbox(path string, m *company.Mailbox) {
	if m == nil {
		return
	}
	if m.Host == "" {
		f.add(path+".host", "missing-field", "Falta el servidor de correo.")
	}
	if m.Port < 1 || m.Port > 65535 {
		f.add(path+".port", "invalid-value", "El puerto va de 1 a 65535.")
	}
	if m.User == "" {
		f.add(path+".user", "missing-field", "Falta el usuario.")
	}
	if !slices.Contains([]string{"", "tls", "starttls", "plain"}, m.Security) {
		f.add(path+".security", "invalid-value", "El cifrado debe ser tls, starttls o plain (sin cifrar, no recomendado).")
	}
}
