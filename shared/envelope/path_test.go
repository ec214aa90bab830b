package envelope_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/envelope"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/ted"
)

// company is an entry of testpki/companies.json.
type company struct {
	ID        string  `json:"id"`
	RUT       rut.RUT `json:"rut"`
	Name      string  `json:"razon_social"`
	Activity  string  `json:"giro"`
	Acteco    int     `json:"acteco"`
	Address   string  `json:"direccion"`
	Commune   string  `json:"comuna"`
	City      string  `json:"ciudad"`
	Password  string  `json:"pfx_password"`
	ResolDate string  `json:"fch_resol"`
}

func companies(tb testing.TB) []company {
	tb.Helper()
	var all []company
	if err := json.Unmarshal(reference(tb, "testpki", "companies.json"), &all); err != nil {
		tb.Fatal(err)
	}
	return all
}

func (c company) issuer() dte.Issuer {
	return dte.Issuer{
		RUT: c.RUT, RznSoc: c.Name, GiroEmis: c.Activity, Acteco: []string{fmt.Sprint(c.Acteco)},
		DirOrigen: c.Address, CmnaOrigen: c.Commune, CiudadOrigen: c.City,
	}
}

func (c company) caratula(tb testing.TB) envelope.Caratula {
	tb.Helper()
	date, err := time.Parse(time.DateOnly, c.ResolDate)
	if err != nil {
		tb.Fatal(err)
	}
	return envelope.Caratula{Issuer: c.RUT, Receiver: rut.SII, ResolutionDate: date}
}

const receptor = `"Receptor":{"RUTRecep":"60803000-K","RznSocRecep":"Ñandú & \"Hijos\" O'Higgins <del Sur> Sociedad de Cosas Ltda.",` +
	`"GiroRecep":"Cosas & más","DirRecep":"Avda. José M. Núñez 1","CmnaRecep":"Ñuñoa"}`

// requests are documents with all that may break a signature: accents, all five escapes, discounts, surcharges, exempt lines, notes.
var requests = map[dte.Type]string{
	dte.Factura: `{"Encabezado":{"IdDoc":{"TipoDTE":33},` + receptor + `},"Detalle":[
		{"NmbItem":"Pan \"ñandú\" d'oro <grande> & más, en caja de doce unidades","QtyItem":3,"PrcItem":1000},
		{"NmbItem":"Café molido","QtyItem":"2.5","UnmdItem":"KG","PrcItem":"399.9","DescuentoPct":10},
		{"NmbItem":"Libro","QtyItem":1,"PrcItem":5000,"IndExe":1}],
		"DscRcgGlobal":[{"NroLinDR":1,"TpoMov":"D","TpoValor":"%","ValorDR":5}]}`,
	dte.FacturaExenta: `{"Encabezado":{"IdDoc":{"TipoDTE":34},` + receptor + `},"Detalle":[{"NmbItem":"Capacitación USO PLC's CNC","QtyItem":2,"PrcItem":150000}]}`,
	dte.NotaCredito: `{"Encabezado":{"IdDoc":{"TipoDTE":61},` + receptor + `},"Detalle":[{"NmbItem":"Café molido","QtyItem":1,"PrcItem":400}],
		"Referencia":[{"TpoDocRef":"33","FolioRef":"1","FchRef":"2026-11-20","CodRef":3,"RazonRef":"Corrige monto: ½ kilo"}]}`,
	dte.NotaDebito: `{"Encabezado":{"IdDoc":{"TipoDTE":56},` + receptor + `},"Detalle":[{"NmbItem":"Intereses","QtyItem":1,"PrcItem":999}],
		"Referencia":[{"TpoDocRef":"33","FolioRef":"1","FchRef":"2026-11-20","CodRef":3,"RazonRef":"Cobra intereses"}]}`,
	dte.Boleta:       `{"Encabezado":{"IdDoc":{"TipoDTE":39,"IndServicio":3},"Receptor":{"RUTRecep":"66666666-6"}},"Detalle":[{"NmbItem":"Café & té","QtyItem":1,"PrcItem":1190}]}`,
	dte.BoletaExenta: `{"Encabezado":{"IdDoc":{"TipoDTE":41,"IndServicio":3},"Receptor":{"RUTRecep":"66666666-6"}},"Detalle":[{"NmbItem":"Libro","QtyItem":1,"PrcItem":5000}]}`,
}

var (
	types   = []dte.Type{dte.Factura, dte.NotaCredito, dte.FacturaExenta, dte.NotaDebito}
	boletas = []dte.Type{dte.Boleta, dte.BoletaExenta}
)

// issue makes a signed document the way the product does: resolve, stamp, write.
func (c company) issue(tb testing.TB, t dte.Type, folio int64, form dte.NamespaceForm, signer *cert.Identity) []byte {
	tb.Helper()
	order, _, err := dte.Resolve(dte.Request{Document: json.RawMessage(requests[t]), Issuer: c.issuer(), AllowRemarks: true, Today: signedAt})
	if err != nil {
		tb.Fatalf("resolve %d: %v", t, err)
	}
	order = order.WithFolio(folio)
	stamp, err := ted.Stamp(order.Stamped(), c.caf(tb, t), signedAt)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := dte.Write(order, stamp, signedAt, form, signer)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func (c company) caf(tb testing.TB, t dte.Type) *caf.CAF {
	tb.Helper()
	authorized, err := caf.Parse(reference(tb, "testpki", "caf", c.ID, fmt.Sprintf("%d-1-100.xml", t)), testKeys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return authorized
}

func (c company) identity(tb testing.TB, flavour string) *cert.Identity {
	tb.Helper()
	id, err := cert.ReadPFX(reference(tb, "testpki", "certs", c.ID+"-"+flavour+".pfx"), c.Password)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// TestWholePath goes from JSON to the finished envelope and has oracle, xmllint and xmlsec1 judge all of it. With WITNESS set
// it does so for every company and kind of PFX, else for one.
func TestWholePath(t *testing.T) {
	t.Parallel()
	flavours := []string{"modern"}
	all := companies(t)
	if os.Getenv("WITNESS") == "" {
		all = all[1:2] // its name has an apostrophe
	} else {
		flavours = []string{"legacy", "modern", "chain"}
	}
	folder := t.TempDir()
	for _, c := range all {
		for _, flavour := range flavours {
			c.fill(t, filepath.Join(folder, c.ID+"-"+flavour), c.identity(t, flavour), types)
		}
	}
	all[0].fill(t, filepath.Join(folder, "boletas"), all[0].identity(t, "modern"), boletas)
	witness(t, folder)
}

// fill writes one document of each type, and their envelope, as files that begin with base.
func (c company) fill(t *testing.T, base string, signer *cert.Identity, types []dte.Type) {
	t.Helper()
	var documents [][]byte
	for i, kind := range types {
		document := c.issue(t, kind, int64(i+1), dte.FormBoth, signer)
		checkStamp(t, document)
		save(t, fmt.Sprintf("%s-%d.xml", base, kind), append([]byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n"), document...))
		documents = append(documents, document)
	}
	text, err := envelope.Write(c.caratula(t), documents, signer, signedAt, "SetDoc")
	if err != nil {
		t.Fatal(err)
	}
	save(t, base+"-envelope.xml", text)
}

func checkStamp(t *testing.T, document []byte) {
	t.Helper()
	stamp, err := ted.Find(document)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ted.Verify(stamp, testKeys(t)); err != nil {
		t.Errorf("the stamp as it stands in the document: %v", err)
	}
}

func save(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func witness(t *testing.T, folder string) {
	t.Helper()
	judge := exec.Command(filepath.Join("..", "..", ".ci", "witness"), folder, golden.Reference(t, "testpki", "sii"))
	judge.Env = append(os.Environ(), "REFERENCE_DIR="+golden.ReferenceDir())
	said, err := judge.CombinedOutput()
	if strings.HasPrefix(string(said), "skipped:") {
		t.Skip(string(said))
	}
	if err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	t.Logf("%s", said)
}

// The form of most real software verifies cut out of the envelope only; the envelope's own signature holds all the same.
func TestWholePathFormSII(t *testing.T) {
	t.Parallel()
	c := companies(t)[0]
	signer := c.identity(t, "modern")
	var documents [][]byte
	for i, kind := range types {
		documents = append(documents, c.issue(t, kind, int64(i+1), dte.FormSII, signer))
	}
	text, err := envelope.Write(c.caratula(t), documents, signer, signedAt, "SetDoc")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("WITNESS") == "" {
		t.Skip("Write has verified it; the oracle does too where WITNESS is set")
	}
	path := filepath.Join(t.TempDir(), "envelope.xml")
	save(t, path, text)
	oracle := golden.Reference(t, "oracle", "verify_dte.py")
	if err := exec.Command(oracle, "--help").Run(); err != nil {
		t.Skipf("the oracle does not run here: %v", err)
	}
	said, err := exec.Command(oracle, "--lenient", "-q", "--caf-keys", golden.Reference(t, "testpki", "sii"), path).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	for line := range strings.Lines(string(said)) {
		if strings.Contains(line, "SetDoc") || strings.Contains(line, "sig.alone") {
			t.Errorf("more than the documents in place is doubted: %s", line)
		}
	}
}
