package judge

import (
	"slices"
	"strings"
	"time"

	"timbre/emulators/sii/rut"
)

func in(kind int, kinds ...int) bool { return slices.Contains(kinds, kind) }

// header runs the rules on issuer, receiver and dates.
func (c Court) header(d *Document) []Finding {
	var all []Finding
	for _, rule := range []func(*Document) []Finding{c.ruts, c.issuer, receiver, c.dates} {
		all = append(all, rule(d)...)
	}
	return all
}

// ruts: Formato DTE asks for the check digit; the code is not known.
func (c Court) ruts(d *Document) []Finding {
	var all []Finding
	for _, path := range []string{"Emisor/RUTEmisor", "Emisor/RUTMandante", "Receptor/RUTRecep", "RUTSolicita", "RUTProvSW", "Transporte/RUTTrans", "Transporte/Chofer/RUTChofer", "Transporte/Aduana/RUTCiaTransp"} {
		if value := d.get("Encabezado/" + path); value != "" && !rut.Valid(value) {
			all = append(all, reject("", "rut-digit", "RUT inválido en %s: %s", path, value))
		}
	}
	for _, ref := range d.References {
		if ref.Issuer != "" && !rut.Valid(ref.Issuer) {
			all = append(all, reject("", "rut-digit", "RUT inválido en RUTOtr: %s", ref.Issuer).at(ref.Line))
		}
	}
	return all
}

// issuer: HED-3-861 and HED-1-863 are live; "DTE Sin Comuna Origen" is a glosa
// that a vendor's help quotes.
func (c Court) issuer(d *Document) []Finding {
	var all []Finding
	if in(d.Type, 33, 34, 52) && blank(d.get("Encabezado/Emisor/CmnaOrigen")) {
		all = append(all, reject("", "issuer-comuna", "DTE Sin Comuna Origen"))
	}
	for _, el := range d.content.FindElements("Encabezado/Emisor/Acteco") {
		if known := c.Company.Actecos; len(known) > 0 && !slices.Contains(known, number(content(el))) {
			all = append(all, reject("HED-3-861", "issuer-acteco", "Actividad Económica no registrada: %s", content(el)))
		}
	}
	unnamed := d.boleta() && d.IssuerName == "" // RznSocEmisor is optional
	if !unnamed && !strings.EqualFold(first40(d.IssuerName), d.caf.Name) {
		all = append(all, slight("HED-1-863", "issuer-name", "Razón Social Emisor distinta de la registrada [%s] <> [%s]", d.IssuerName, d.caf.Name))
	}
	return all
}

// receiver: HED-3-845 is live; 846 (comuna) is client code only.
func receiver(d *Document) []Finding {
	var all []Finding
	if in(d.Type, 33, 34, 46, 52, 43, 110) && blank(d.get("Encabezado/Receptor/DirRecep")) {
		all = append(all, reject("HED-3-845", "receiver-address", "DTE Sin Direccion del Receptor."))
	}
	if in(d.Type, 33, 34, 46, 52, 43) && blank(d.get("Encabezado/Receptor/CmnaRecep")) {
		all = append(all, reject("", "receiver-comuna", "DTE Sin Comuna del Receptor."))
	}
	return all
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// dates: DTE-1-650 is live (sent more than three days after issue); a date in
// the future is refused by the format document.
func (c Court) dates(d *Document) []Finding {
	today := c.Received.Add(tolerance).Format(time.DateOnly) // the sender's clock may be ahead at midnight
	var all []Finding
	if d.Date > today {
		all = append(all, reject("", "issued-in-future", "Fecha de emisión %s posterior a la recepción %s", d.Date, today))
	}
	if issued, err := time.ParseInLocation(time.DateOnly, d.Date, c.Received.Location()); err == nil && c.Received.After(issued.AddDate(0, 0, 4)) {
		all = append(all, slight("DTE-1-650", "sent-late", "Fecha de envío excede el plazo permitido: emitido %s", d.Date))
	}
	if signed, err := time.ParseInLocation(chileanTime, d.Signed, c.Received.Location()); err != nil || signed.After(c.Received.Add(tolerance)) {
		all = append(all, reject("", "signed-in-future", "Fecha de firma %s posterior a la recepción", d.Signed))
	}
	return all
}
