package rcv_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"timbre/shared/golden"
	"timbre/shared/rcv"
	"timbre/shared/rut"
)

// header of a book in the words of real exports (WEBSERVICES §10.3).
func header(b rcv.Book) string {
	dates := map[rcv.Book]string{
		rcv.Registro: "Fecha Recepcion;Fecha Acuse", rcv.NoIncluir: "Fecha Recepcion;Fecha Acuse",
		rcv.Reclamado: "Fecha Recepcion;Fecha Reclamo", rcv.Pendiente: "Fecha Recepcion",
	}
	tobacco := ""
	if b == rcv.Registro {
		tobacco = "Tabacos Puros;Tabacos Cigarrillos;Tabacos Elaborados;"
	}
	if b == rcv.Ventas {
		return "Nro;Tipo Doc;Tipo Venta;Rut cliente;Razon Social;Folio;Fecha Docto;Fecha Recepcion;Fecha Acuse Recibo;Fecha Reclamo;Monto Exento;" +
			"Monto Neto;Monto IVA;Monto total;IVA Retenido Total"
	}
	return "Nro;Tipo Doc;Tipo Compra;RUT Proveedor;Razon Social;Folio;Fecha Docto;" + dates[b] + ";Monto Exento;Monto Neto;Monto IVA Recuperable;" +
		"Monto Iva No Recuperable;Codigo IVA No Rec.;Monto Total;Monto Neto Activo Fijo;IVA Activo Fijo;IVA uso Comun;Impto. Sin Derecho a Credito;" +
		"IVA No Retenido;" + tobacco + "NCE o NDE sobre Fact. de Compra;Codigo Otro Impuesto;Valor Otro Impuesto;Tasa Otro Impuesto"
}

const pending = "1;33;Del Giro;76354771-K;Señales Ñuñoa Ltda.;170;19/11/2026;20/11/2026 15:04:05;0;1000;190;;;1190;;;;;0;0;;;;"

func sheet(rows ...string) string {
	return header(rcv.Pendiente) + "\n" + strings.Join(rows, "\n") + "\n"
}

var row170 = rcv.Row{
	Key: rcv.Key{Issuer: rut.MustParse("76354771-K"), Type: 33, Folio: 170}, Name: "Señales Ñuñoa Ltda.", Date: "2026-11-19",
	Received: "2026-11-20T15:04:05", Net: 1000, VAT: 190, Total: 1190,
}

func encoded(t *testing.T, e interface{ Bytes([]byte) ([]byte, error) }, text string) string {
	t.Helper()
	out, err := e.Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// However browsers and spreadsheets save it, it is the same row.
func TestForms(t *testing.T) {
	t.Parallel()
	plain := sheet(pending)
	tabs := strings.ReplaceAll(plain, ";", "\t")
	tests := map[string]string{
		"as downloaded":        plain,
		"BOM":                  "\ufeff" + plain,
		"CR LF":                strings.ReplaceAll(plain, "\n", "\r\n"),
		"no last line end":     strings.TrimSpace(plain),
		"ISO-8859-1":           encoded(t, charmap.ISO8859_1.NewEncoder(), plain),
		"UTF-16":               encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), plain),
		"tabs":                 tabs,
		"commas":               strings.ReplaceAll(plain, ";", ","),
		"quotes":               strings.ReplaceAll(plain, "Señales Ñuñoa Ltda.", `"Señales Ñuñoa Ltda."`),
		"trailing columns":     strings.ReplaceAll(plain, "Tasa Otro Impuesto", "Tasa Otro Impuesto;Nueva;Otra"),
		"accents, upper case":  strings.ReplaceAll(strings.ReplaceAll(plain, "Razon Social", "RAZÓN SOCIAL"), "Fecha Recepcion", "Fecha Recepción"),
		"thousands with dots":  strings.ReplaceAll(plain, ";1190;", ";1.190;"),
		"RUT with dots":        strings.ReplaceAll(plain, "76354771-K", "76.354.771-k"),
		"null for none":        strings.ReplaceAll(plain, ";;;1190", ";null;-;1190"),
		"title and empty line": "Registro de compras\n\n" + plain,
		"empty lines between":  strings.ReplaceAll(plain, "\n1;", "\n;;;;\n\n1;"),
		"ISO dates":            strings.NewReplacer("19/11/2026", "2026-11-19", "20/11/2026", "2026-11-20").Replace(plain),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := rcv.Read([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&rcv.Sheet{Book: rcv.Pendiente, Rows: []rcv.Row{row170}}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !rcv.Recognise([]byte(text)) {
				t.Error("not recognised")
			}
		})
	}
}

// Each book is told by its own columns, in any order.
func TestBooks(t *testing.T) {
	t.Parallel()
	for _, want := range append([]rcv.Book{rcv.Ventas}, rcv.Purchases...) {
		titles := strings.Split(header(want), ";")
		for range titles {
			got, err := rcv.Read([]byte(strings.Join(titles, ";")))
			if err != nil || got.Book != want {
				t.Fatalf("%s: got %v, %v", want, got, err)
			}
			titles = append(titles[1:], titles[0])
		}
	}
}

// The files that a public parser keeps, real ones made anonymous: good rows are read, bad ones told.
func TestRecorded(t *testing.T) {
	t.Parallel()
	dir := golden.Reference(t, "sii", "responses", "rcv")
	tests := []struct {
		file         string
		book         rcv.Book
		rows, faults int
	}{
		{"RCV-compra-registro-rz_leading_trailing_whitespace.csv", rcv.Registro, 2, 0},
		{"RCV-compra-no_incluir-rz_leading_trailing_whitespace.csv", rcv.NoIncluir, 2, 0},
		{"RCV-compra-pendiente-rz_leading_trailing_whitespace.csv", rcv.Pendiente, 2, 0},
		{"RCV-compra-reclamado-rz_leading_trailing_whitespace.csv", rcv.Reclamado, 2, 0},
		{"RCV-compra-reclamado.csv", rcv.Reclamado, 3, 1},
		{"RCV-venta-extra-empty-impuestos-rows.csv", rcv.Ventas, 5, 0},
		{"RCV-venta-rz_leading_trailing_whitespace.csv", rcv.Ventas, 2, 0},
		{"RCV-venta-multiple-dte-referencias.csv", rcv.Ventas, 3, 0},
		{"RCV-venta-missing-required-fields.csv", rcv.Ventas, 2, 1},
		{"RCV-venta-validation-errors.csv", rcv.Ventas, 5, 1},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(dir, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := rcv.Read(text)
			if err != nil {
				t.Fatal(err)
			}
			if got.Book != tt.book || len(got.Rows) != tt.rows || len(got.Faults) != tt.faults {
				t.Errorf("got %s, %d rows, faults %v; want %s, %d, %d", got.Book, len(got.Rows), got.Faults, tt.book, tt.rows, tt.faults)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ from, to, column string }{
		"type":     {"1;33;", "1;x;", "Tipo Doc"},
		"RUT":      {"76354771-K", "76354771-1", "RUT"},
		"folio":    {";170;", ";0;", "Folio"},
		"date":     {"19/11/2026", "31/11/2026", "Fecha Docto"},
		"received": {"20/11/2026 15:04:05", "ayer", "Fecha Recepcion"},
		"no date":  {"19/11/2026", "", "Fecha Docto"},
		"no total": {";1190;", ";;", "Monto Total"},
		"total":    {";1190;", ";1,190.5;", "Monto Total"},
		"decimals": {";1190;", ";11.90;", "Monto Total"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := strings.Replace(pending, ";170;", ";171;", 1)
			got, err := rcv.Read([]byte(sheet(strings.Replace(pending, tt.from, tt.to, 1), good)))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Faults) != 1 || got.Faults[0].Column != tt.column || got.Faults[0].Line != 2 || got.Faults[0].Reason == "" {
				t.Errorf("faults %v", got.Faults)
			}
			if len(got.Rows) != 1 || got.Rows[0].Folio != 171 {
				t.Errorf("rows %v: one bad row hides no other", got.Rows)
			}
		})
	}
}

func TestNotBook(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "<?xml version=\"1.0\"?><EnvioDTE/>", "Nro;Tipo Doc;Folio", "From: a@b\r\nSubject: x\r\n\r\nhola", "\xff\xfe"} {
		if got, err := rcv.Read([]byte(text)); err == nil || rcv.Recognise([]byte(text)) {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

var (
	month = rcv.Period{Year: 2026, Month: 11}
	now   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

func entry(folio int64, total int64, change func(*rcv.Entry)) rcv.Entry {
	e := rcv.Entry{Period: month, Book: rcv.Registro, Row: row170}
	e.Folio, e.Total = folio, total
	if change != nil {
		change(&e)
	}
	return e
}

func held(folio, total int64, age time.Duration) rcv.Held {
	return rcv.Held{Key: rcv.Key{Issuer: row170.Issuer, Type: 33, Folio: folio}, Total: total, Date: "2026-11-19", ReceivedAt: now.Add(-age)}
}

func folios(g rcv.Gaps) string {
	var b strings.Builder
	for _, e := range g.Missing {
		fmt.Fprintf(&b, "missing %d ", e.Folio)
	}
	for _, d := range g.Differing {
		fmt.Fprintf(&b, "differing %d: %d %d ", d.Entry.Folio, d.Entry.Total, d.Held.Total)
	}
	for _, h := range g.Unknown {
		fmt.Fprintf(&b, "unknown %d ", h.Folio)
	}
	return fmt.Sprintf("%sagreeing %d", &b, g.Agreeing)
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	old := 72 * time.Hour
	book := func(b rcv.Book) func(*rcv.Entry) { return func(e *rcv.Entry) { e.Book = b } }
	tests := map[string]struct {
		entries []rcv.Entry
		held    []rcv.Held
		want    string
	}{
		"nothing":                     {nil, nil, "agreeing 0"},
		"agree":                       {[]rcv.Entry{entry(1, 5, nil)}, []rcv.Held{held(1, 5, old)}, "agreeing 1"},
		"other amount":                {[]rcv.Entry{entry(1, 5, nil)}, []rcv.Held{held(1, 6, old)}, "differing 1: 5 6 agreeing 0"},
		"no XML":                      {[]rcv.Entry{entry(1, 5, nil)}, nil, "missing 1 agreeing 0"},
		"no XML, pending":             {[]rcv.Entry{entry(1, 5, book(rcv.Pendiente))}, nil, "missing 1 agreeing 0"},
		"in both books":               {[]rcv.Entry{entry(1, 5, nil), entry(1, 5, book(rcv.Pendiente))}, nil, "missing 1 agreeing 0"},
		"claimed is nobody's gap":     {[]rcv.Entry{entry(1, 5, book(rcv.Reclamado))}, []rcv.Held{held(1, 5, old)}, "agreeing 0"},
		"sales are no purchases":      {[]rcv.Entry{entry(1, 5, book(rcv.Ventas))}, nil, "agreeing 0"},
		"of another month":            {[]rcv.Entry{entry(1, 5, func(e *rcv.Entry) { e.Period = month.Previous() })}, []rcv.Held{held(1, 5, old)}, "agreeing 0"},
		"on paper":                    {[]rcv.Entry{entry(1, 5, func(e *rcv.Entry) { e.Type = 30 })}, nil, "agreeing 0"},
		"own factura de compra":       {[]rcv.Entry{entry(1, 5, func(e *rcv.Entry) { e.Type = 46 })}, nil, "agreeing 0"},
		"unknown to the SII":          {nil, []rcv.Held{held(1, 5, old)}, "unknown 1 agreeing 0"},
		"perhaps on its way":          {nil, []rcv.Held{held(1, 5, 47*time.Hour)}, "agreeing 0"},
		"guía, in no register":        {nil, []rcv.Held{{Key: rcv.Key{Type: 52, Folio: 1}, Date: "2026-11-19"}}, "agreeing 0"},
		"of a month not asked for":    {nil, []rcv.Held{{Key: rcv.Key{Type: 33, Folio: 1}, Date: "2026-10-19"}}, "agreeing 0"},
		"same folio, another company": {[]rcv.Entry{entry(1, 5, func(e *rcv.Entry) { e.Issuer = rut.MustParse("76192083-9") })}, []rcv.Held{held(1, 5, old)}, "missing 1 unknown 1 agreeing 0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := folios(rcv.Reconcile(tt.entries, tt.held, month, now)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "2026", "2026-13", "2026-00", "202611", "2016-12", "2026-1a", "-026-11", "2026/11"} {
		if p, err := rcv.ParsePeriod(bad); err == nil {
			t.Errorf("%q is %v", bad, p)
		}
	}
	p, err := rcv.ParsePeriod("2027-01")
	if err != nil || p.Previous().String() != "2026-12" || p.Previous().Next() != p || p.Next().String() != "2027-02" || p.Compact() != "202701" || !p.Holds("2027-01-31") || p.Holds("2027-02-01") {
		t.Errorf("got %v, %v", p, err)
	}
}

// Whatever a file holds: no panic, rows that name something, no document twice; reading is cheap.
func FuzzRead(f *testing.F) {
	f.Add([]byte(sheet(pending)))
	f.Add([]byte(header(rcv.Ventas) + "\r\n1;33;\"a\";\"\"\"\""))
	f.Add([]byte("\xff\xfea\x00;\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := rcv.Read(text)
		if err != nil {
			return
		}
		seen := map[rcv.Key]bool{}
		for _, r := range got.Rows {
			if seen[r.Key] || r.Issuer.IsZero() || r.Folio < 1 || r.Type < 1 || len(r.Date) != 10 {
				t.Fatalf("row %+v", r)
			}
			seen[r.Key] = true
		}
		if lines := bytes.Count(text, []byte("\n")) + 1; len(got.Rows)+len(got.Faults) > 4*lines {
			t.Fatalf("%d rows and %d faults of %d lines", len(got.Rows), len(got.Faults), lines)
		}
	})
}

func ExampleRead() {
	got, err := rcv.Read([]byte(sheet(pending)))
	fmt.Println(err, got.Book, got.Rows[0].Key, got.Rows[0].Total)
	// Output: <nil> PENDIENTE 76354771-K/33/170 1190
}
