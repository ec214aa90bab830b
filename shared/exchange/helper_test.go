package exchange_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/envelope"
	"timbre/shared/exchange"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/ted"
)

var (
	chile    = time.FixedZone("CLST", -3*3600)
	signedAt = time.Date(2026, 11, 20, 10, 11, 12, 0, chile)
	supplier = rut.MustParse("99928793-K")
	company  = rut.MustParse("99923634-0")
)

func reference(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	content, err := os.ReadFile(golden.Reference(tb, parts...))
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func sample(tb testing.TB, path string) []byte {
	tb.Helper()
	return reference(tb, "sii", "samples", filepath.FromSlash(path))
}

func identity(tb testing.TB, file string) *cert.Identity {
	tb.Helper()
	id, err := cert.ReadPFX(reference(tb, "testpki", "certs", file), "prueba123")
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func testKeys(tb testing.TB) caf.Keys {
	tb.Helper()
	key, err := caf.ParseKey(reference(tb, "testpki", "sii", "100.pub"))
	if err != nil {
		tb.Fatal(err)
	}
	return caf.Keys{caf.IDKCertificacion: key}
}

func read(tb testing.TB, text []byte) *exchange.File {
	tb.Helper()
	f, err := exchange.Read(text)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// order is what one test varies of a document from supplier to company.
type order struct {
	kind     dte.Type // Factura
	folio    int64
	receiver string // company
	caf      string // caf/a/33-1-100.xml
	form     dte.NamespaceForm
	signer   string // a-modern.pfx
	lines    int
}

// issue makes a signed DTE as the product does.
func issue(tb testing.TB, o order) []byte {
	tb.Helper()
	o.kind = cmp.Or(o.kind, dte.Factura)
	request := dte.Request{Document: o.request(), Issuer: seller, AllowRemarks: true, Today: signedAt}
	resolved, _, err := dte.Resolve(request)
	if err != nil {
		tb.Fatalf("resolve: %v", err)
	}
	resolved = resolved.WithFolio(max(o.folio, 1))
	stamp, err := ted.Stamp(resolved.Stamped(), o.authorization(tb), signedAt)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := dte.Write(resolved, stamp, signedAt, o.form, identity(tb, cmp.Or(o.signer, "a-modern.pfx")))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

var seller = dte.Issuer{
	RUT: supplier, RznSoc: "Panadería Ñuñoa & Hijos Ltda.", GiroEmis: "Fabricación y venta de pan", Acteco: []string{"107100"},
	DirOrigen: "Avda. Irarrázaval 3000", CmnaOrigen: "Ñuñoa", CiudadOrigen: "Santiago",
}

func (o order) request() json.RawMessage {
	lines := []map[string]any{{"NmbItem": "Café molido ñandú & más", "QtyItem": 3, "PrcItem": 1000}}
	for i := 1; i < o.lines; i++ {
		lines = append(lines, map[string]any{"NmbItem": fmt.Sprintf("Té Ceylán de exportación %d", i), "QtyItem": i, "UnmdItem": "UN", "PrcItem": 1990})
	}
	receiver := map[string]any{"RUTRecep": cmp.Or(o.receiver, company.String())}
	id := map[string]any{"TipoDTE": int(o.kind)}
	if o.kind.IsBoleta() {
		id["IndServicio"] = 3
	} else {
		receiver["RznSocRecep"], receiver["GiroRecep"] = "Ferretería O'Higgins y Cía. S.A.", "Ferretería"
		receiver["DirRecep"], receiver["CmnaRecep"] = "Avda. José M. Núñez 1", "Ñuñoa"
	}
	text, err := json.Marshal(map[string]any{"Encabezado": map[string]any{"IdDoc": id, "Receptor": receiver}, "Detalle": lines})
	if err != nil {
		panic(err) // maps of texts and numbers
	}
	return text
}

func (o order) authorization(tb testing.TB) *caf.CAF {
	tb.Helper()
	path := cmp.Or(o.caf, fmt.Sprintf("a/%d-1-100.xml", cmp.Or(o.kind, dte.Factura)))
	authorized, err := caf.Parse(reference(tb, "testpki", "caf", filepath.FromSlash(path)), testKeys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return authorized
}

// enclose makes the envelope in which supplier sends documents to a receiver.
func enclose(tb testing.TB, receiver rut.RUT, documents ...[]byte) []byte {
	tb.Helper()
	c := envelope.Caratula{Issuer: supplier, Receiver: receiver, ResolutionDate: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)}
	text, err := envelope.Write(c, documents, identity(tb, "a-modern.pfx"), signedAt, "SetDoc")
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func checker(tb testing.TB) *exchange.Checker {
	tb.Helper()
	return &exchange.Checker{Company: company, Environment: caf.Certificacion, Keys: testKeys(tb), Zone: chile}
}

// failing are the codes of checks with this result, each once, in order.
func failing(checks exchange.Checks, result exchange.Result) []exchange.Code {
	var codes []exchange.Code
	seen := map[exchange.Code]bool{}
	for _, c := range checks {
		if c.Result == result && !seen[c.Code] {
			seen[c.Code] = true
			codes = append(codes, c.Code)
		}
	}
	return codes
}
