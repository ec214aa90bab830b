package rcv

import (
	"strconv"
	"strings"
)

// line is a row as it stands in a file: a document with several other taxes
// takes one line for each.
type line struct {
	Row
	number int // Nro; 0: a further line of the same document
	tax    Tax
}

type column struct {
	title string
	value func(line) string
}

func fixed(value string) func(line) string { return func(line) string { return value } }

// key are the columns by which lines of one document belong together.
func key(title string) []column {
	return []column{
		{"Nro", func(l line) string { return some(int64(l.number)) }},
		{"Tipo Doc", func(l line) string { return strconv.Itoa(l.Type) }},
		{title, func(l line) string { return l.transaction() }},
	}
}

func party(title string) []column {
	return []column{
		{title, func(l line) string { return l.RUT }},
		{"Razon Social", func(l line) string { return l.Name }},
		{"Folio", func(l line) string { return strconv.Itoa(l.Folio) }},
		{"Fecha Docto", func(l line) string { return day(l.Date) }},
	}
}

var (
	received = column{"Fecha Recepcion", func(l line) string { return stamp(l.Received) }}
	receipt  = column{"Fecha Acuse", func(l line) string { return stamp(l.Receipt) }}
	claim    = column{"Fecha Reclamo", func(l line) string { return stamp(l.Claimed) }}
)

var purchaseAmounts = []column{
	{"Monto Exento", func(l line) string { return digits(l.Exempt) }},
	{"Monto Neto", func(l line) string { return digits(l.Net) }},
	{"Monto IVA Recuperable", func(l line) string { return some(l.recoverable()) }},
	{"Monto Iva No Recuperable", func(l line) string { return some(l.lost()) }},
	{"Codigo IVA No Rec.", func(l line) string { return some(int64(l.lostCode())) }},
	{"Monto Total", func(l line) string { return digits(l.Total) }},
	{"Monto Neto Activo Fijo", func(l line) string { return some(l.asset(l.Net)) }},
	{"IVA Activo Fijo", func(l line) string { return some(l.asset(l.VAT)) }},
	{"IVA uso Comun", func(l line) string { return some(l.common()) }},
	{"Impto. Sin Derecho a Credito", fixed("")},
	{"IVA No Retenido", func(l line) string { return digits(l.NotWithheld) }},
}

var tobacco = []column{{"Tabacos Puros", fixed("")}, {"Tabacos Cigarrillos", fixed("")}, {"Tabacos Elaborados", fixed("")}}

// purchaseTail has the other taxes last; titles differ a little for sales.
var purchaseTail = []column{
	{"NCE o NDE sobre Fact. de Compra", fixed("0")}, {"Codigo Otro Impuesto", taxCode}, {"Valor Otro Impuesto", taxAmount}, {"Tasa Otro Impuesto", taxRate},
}

func taxCode(l line) string { return some(int64(l.tax.Code)) }

func taxAmount(l line) string { return some(l.tax.Amount) }

func taxRate(l line) string { return l.tax.Rate }

// sales are the columns behind Fecha Docto; what the simulator does not know has
// the value that exported files show.
var sales = []column{
	received,
	{"Fecha Acuse Recibo", func(l line) string { return stamp(l.Receipt) }},
	claim,
	{"Monto Exento", func(l line) string { return digits(l.Exempt) }},
	{"Monto Neto", func(l line) string { return digits(l.Net) }},
	{"Monto IVA", func(l line) string { return digits(l.VAT) }},
	{"Monto total", func(l line) string { return digits(l.Total) }},
	{"IVA Retenido Total", fixed("0")},
	{"IVA Retenido Parcial", fixed("0")},
	{"IVA no retenido", func(l line) string { return digits(l.NotWithheld) }},
	{"IVA propio", fixed("0")},
	{"IVA Terceros", fixed("0")},
	{"RUT Emisor Liquid. Factura", fixed("-")},
	{"Neto Comision Liquid. Factura", fixed("0")},
	{"Exento Comision Liquid. Factura", fixed("0")},
	{"IVA Comision Liquid. Factura", fixed("0")},
	{"IVA fuera de plazo", fixed("0")},
	{"Tipo Docto. Referencia", func(l line) string { return l.Reference }},
	{"Folio Docto. Referencia", func(l line) string { return l.Folios }},
	{"Num. Ident. Receptor Extranjero", fixed("")},
	{"Nacionalidad Receptor Extranjero", fixed("")},
	{"Credito empresa constructora", fixed("0")},
	{"Impto. Zona Franca (Ley 18211)", fixed("")},
	{"Garantia Dep. Envases", fixed("0")},
	{"Indicador Venta sin Costo", fixed("2")},
	{"Indicador Servicio Periodico", fixed("0")},
	{"Monto No facturable", fixed("0")},
	{"Total Monto Periodo", fixed("0")},
	{"Venta Pasajes Transporte Nacional", fixed("")},
	{"Venta Pasajes Transporte Internacional", fixed("")},
	{"Numero Interno", fixed("")},
	{"Codigo Sucursal", fixed("0")},
	{"NCE o NDE sobre Fact. de Compra", fixed("")},
	{"Codigo Otro Imp.", taxCode},
	{"Valor Otro Imp.", taxAmount},
	{"Tasa Otro Imp.", taxRate},
}

// columns of a book (WEBSERVICES §10.3; the recorded files).
func (b Book) columns() []column {
	if b == Sales {
		return join(key("Tipo Venta"), party("Rut cliente"), sales)
	}
	dates := map[Book][]column{Registered: {received, receipt}, NotIncluded: {received, receipt}, Refused: {received, claim}, Pending: {received}}[b]
	var special []column
	if b == Registered {
		special = tobacco
	}
	return join(key("Tipo Compra"), party("RUT Proveedor"), dates, purchaseAmounts, special, purchaseTail)
}

func join(groups ...[]column) []column {
	var all []column
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// Lines are a book as a file: the header, then the rows. Rows end with a
// semicolon that the header lacks; those of a sale with several other taxes with
// six of them. Further lines of a purchase repeat it, those of a sale leave all
// but its key and the tax blank: both forms are in use.
func Lines(b Book, rows []Row) []string {
	columns := b.columns()
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.title
	}
	lines := []string{strings.Join(titles, ";")}
	for i, r := range rows {
		taxes := r.Taxes
		if len(taxes) == 0 {
			taxes = []Tax{{}}
		}
		for j, tax := range taxes {
			lines = append(lines, line{Row: r, number: i + 1, tax: tax}.write(columns, j > 0))
		}
	}
	return lines
}

// blank are the columns that a further line of a sale leaves empty: all between
// Fecha Docto and the tax.
func blank(i, columns int) bool { return i == 0 || i >= 7 && i < columns-3 }

func (l line) write(columns []column, further bool) string {
	values := make([]string, len(columns))
	for i, c := range columns {
		if !further || l.Book != Sales || !blank(i, len(columns)) {
			values[i] = clean(c.value(l))
		}
	}
	end := ";"
	if l.Book == Sales && len(l.Taxes) > 1 {
		end = ";;;;;;"
	}
	return strings.Join(values, ";") + end
}

// clean keeps a name within its field: the files quote nothing.
func clean(s string) string { return strings.NewReplacer(";", ",", "\r", " ", "\n", " ").Replace(s) }
