package rcv

import (
	"strconv"
	"strings"
	"time"

	"timbre/shared/rut"
)

// Columns by their plain titles (WEBSERVICES §10.3).
const (
	colType     = "tipodoc"
	colSale     = "tipoventa"
	colParty    = "rutproveedor"
	colName     = "razonsocial"
	colFolio    = "folio"
	colDate     = "fechadocto"
	colReceived = "fecharecepcion"
	colReceipt  = "fechaacuse"
	colClaimed  = "fechareclamo"
	colExempt   = "montoexento"
	colNet      = "montoneto"
	colVAT      = "montoivarecuperable"
	colTotal    = "montototal"
	colTobacco  = "tabacospuros"
)

// synonyms are titles that sales have for the same.
var synonyms = map[string]string{"rutcliente": colParty, "fechaacuserecibo": colReceipt, "montoiva": colVAT}

// titles are the columns as people know them, for faults.
var titles = map[string]string{
	colType: "Tipo Doc", colParty: "RUT", colFolio: "Folio", colDate: "Fecha Docto", colReceived: "Fecha Recepcion", colReceipt: "Fecha Acuse",
	colClaimed: "Fecha Reclamo", colExempt: "Monto Exento", colNet: "Monto Neto", colVAT: "Monto IVA", colTotal: "Monto Total",
}

// maxFolio is FolioType's largest (SiiTypes_v10.xsd, 10 digits).
const maxFolio = 9_999_999_999

// row reads the fields of a line. A document with several other taxes has a line for each, which repeats
// the document or leaves it blank: the first is the document.
func (r *reader) row() {
	key, ok := r.key()
	if !ok || r.seen[key] {
		return
	}
	before := len(r.sheet.Faults)
	row := Row{
		Key: key, Name: r.get(colName), Date: r.moment(colDate, time.DateOnly, "02/01/2006", "2/1/2006", time.DateOnly),
		Received: r.time(colReceived), Receipt: r.time(colReceipt), Claimed: r.time(colClaimed),
		Exempt: r.amount(colExempt), Net: r.amount(colNet), VAT: r.amount(colVAT), Total: r.amount(colTotal),
	}
	switch {
	case none(r.get(colTotal)):
		r.fault(colTotal, "falta el monto total")
	case row.Date == "" && len(r.sheet.Faults) == before:
		r.fault(colDate, "falta la fecha")
	}
	if len(r.sheet.Faults) == before {
		r.seen[key] = true
		r.sheet.Rows = append(r.sheet.Rows, row)
	}
}

// key reads what names the document of a line; false with a fault, or for a further line that leaves it blank.
func (r *reader) key() (Key, bool) {
	if none(r.get(colParty)) && none(r.get(colFolio)) && none(r.get(colTotal)) && none(r.get(colDate)) {
		return Key{}, false
	}
	kind, err := strconv.ParseUint(r.get(colType), 10, 16)
	if err != nil || kind == 0 {
		r.fault(colType, "el tipo de documento no es un número")
		return Key{}, false
	}
	party, err := rut.Parse(r.get(colParty))
	if err != nil {
		r.fault(colParty, "el RUT no es válido")
		return Key{}, false
	}
	folio, err := strconv.ParseUint(r.get(colFolio), 10, 48)
	if err != nil || folio == 0 || folio > maxFolio {
		r.fault(colFolio, "no es un folio")
		return Key{}, false
	}
	return Key{Issuer: party, Type: int(kind), Folio: int64(folio)}, true
}

// time reads a moment, which may lack seconds or the time of day.
func (r *reader) time(column string) string {
	return r.moment(column, "2006-01-02T15:04:05",
		"02/01/2006 15:04:05", "02/01/2006 15:04", "2/1/2006 15:04:05", "2/1/2006 15:04", "02/01/2006", "2/1/2006", "2006-01-02 15:04:05", time.DateOnly)
}

// moment reads a date in one of some forms and writes it in ours.
func (r *reader) moment(column, ours string, forms ...string) string {
	text := r.get(column)
	if none(text) {
		return ""
	}
	for _, form := range forms {
		if at, err := time.Parse(form, text); err == nil {
			return at.Format(ours)
		}
	}
	r.fault(column, "la fecha no se puede leer")
	return ""
}

// amount reads whole pesos; a spreadsheet may have put dots between thousands.
func (r *reader) amount(column string) int64 {
	text := r.get(column)
	if none(text) {
		return 0
	}
	n, err := strconv.ParseInt(withoutDots(text), 10, 56)
	if err != nil {
		r.fault(column, "el monto no es un número entero")
	}
	return n
}

// withoutDots takes dots out where they part thousands, and only there.
func withoutDots(s string) string {
	groups := strings.Split(strings.TrimPrefix(s, "-"), ".")
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && (len(g) == 0 || len(groups) > 1 && len(g) > 3) {
			return s
		}
	}
	return strings.ReplaceAll(s, ".", "")
}
