package dte_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/ted"
)

// bakery is company a of the reference folder's fake PKI.
var bakery = dte.Issuer{
	RUT: rut.MustParse("99928793-K"), RznSoc: "Panadería Ñuñoa & Hijos Ltda.", GiroEmis: "Fabricación y venta de pan",
	Acteco: []string{"107100"}, DirOrigen: "Avda. Irarrázaval 3000", CmnaOrigen: "Ñuñoa", CiudadOrigen: "Santiago",
}

const foreign = `"Receptor":{"RUTRecep":"55555555-5","RznSocRecep":"Jackie Chan","Extranjero":{"Nacionalidad":225},"DirRecep":"Calle 123","CiudadRecep":"Hong Kong"},` +
	`"Totales":{"TpoMoneda":"DOLAR USA"},"OtraMoneda":{"TpoMoneda":"PESO CL","TpoCambio":950.5}`

// whole are documents of every type that needs nothing but data.
var whole = []struct{ name, text string }{
	{"33 plain", document(dte.Factura, "", `"Detalle":[{"NmbItem":"Hosting","QtyItem":1,"PrcItem":6000}]`)},
	{"33 text", document(dte.Factura, `"FmaPago":2,"FchVenc":"2026-12-23"`,
		`"Detalle":[{"NmbItem":"Pan \"ñandú\" d'oro <grande> & más, en caja de doce unidades","QtyItem":3,"PrcItem":1000},{"NmbItem":"“Café” — 5 €","QtyItem":2.5,"PrcItem":399.9,"UnmdItem":"KG"}]`)},
	{"33 mixed", document(dte.Factura, "",
		`"Detalle":[{"NmbItem":"Afecto","QtyItem":759,"PrcItem":5874,"DescuentoPct":10},{"NmbItem":"Exento","QtyItem":2,"PrcItem":6833,"IndExe":1},{"NmbItem":"Envase","MontoItem":500,"IndExe":3},{"NmbItem":"No facturable","MontoItem":1200,"IndExe":2}],`+
			`"DscRcgGlobal":[{"TpoMov":"D","TpoValor":"%","ValorDR":22}]`)},
	{"33 gross", document(dte.Factura, `"MntBruto":1`, `"Detalle":[{"NmbItem":"Bruto","QtyItem":1,"PrcItem":905}]`)},
	{"33 wine", document(dte.Factura, "", `"Detalle":[{"NmbItem":"Vino","QtyItem":100,"PrcItem":1000,"CodImpAdic":25}]`)},
	{"34", document(dte.FacturaExenta, "", `"Detalle":[{"NmbItem":"Clases","QtyItem":5,"PrcItem":25000,"DescuentoMonto":100}]`)},
	{"56", document(dte.NotaDebito, "", `"Detalle":[{"NmbItem":"Intereses","QtyItem":1,"PrcItem":1350}],"Referencia":[{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":3}]`)},
	{"61 annuls", document(dte.NotaCredito, "", `"Detalle":[{"NmbItem":"Hosting","QtyItem":1,"PrcItem":6000}],"Referencia":[{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1,"RazonRef":"Anula"}]`)},
	{"61 text", document(dte.NotaCredito, "", `"Detalle":[{"NmbItem":"Donde dice: giro malo"}],"Referencia":[{"TpoDocRef":33,"FolioRef":1,"FchRef":"2026-11-01","CodRef":2}]`)},
	{"43", document(dte.LiquidacionFactura, "", `"Detalle":[{"NmbItem":"Ventas","TpoDocLiq":33,"MontoItem":100000},{"NmbItem":"Devoluciones","TpoDocLiq":61,"MontoItem":-5000}],"Comisiones":[{"TipoMovim":"C","Glosa":"Comisión","ValComNeto":5000,"ValComExe":0}]`)},
	{"39", document(dte.Boleta, "", `"Detalle":[{"NmbItem":"Pan","QtyItem":8,"PrcItem":1590},{"NmbItem":"Libro","QtyItem":2,"PrcItem":1000,"IndExe":1}]`)},
	{"39 discount", document(dte.Boleta, "", `"Detalle":[{"NmbItem":"Pan","QtyItem":7,"PrcItem":1593},{"NmbItem":"Queso","QtyItem":1,"PrcItem":2003}],"DscRcgGlobal":{"TpoMov":"D","TpoValor":"%","ValorDR":13}`)},
	{"39 net", document(dte.Boleta, `"IndMntNeto":2`, `"Detalle":[{"NmbItem":"Pan","QtyItem":1,"PrcItem":1190}]`)},
	{"41", document(dte.BoletaExenta, "", `"Detalle":[{"NmbItem":"Clase","QtyItem":1,"PrcItem":1000,"IndExe":1}]`)},
	{"46 total", document(dte.FacturaCompra, "", `"Detalle":[{"NmbItem":"Chatarra","QtyItem":1,"PrcItem":1914374,"UnmdItem":"KG","CodImpAdic":15}]`)},
	{"46 partial", document(dte.FacturaCompra, "", `"Detalle":[{"NmbItem":"Trigo","QtyItem":1000,"PrcItem":1000,"UnmdItem":"KG","CodImpAdic":34,"Retenedor":{"IndAgente":"R"}}]`)},
	{"52 sale", document(dte.GuiaDespacho, `"TipoDespacho":2,"IndTraslado":1`, `"Detalle":[{"NmbItem":"Pan","QtyItem":10,"UnmdItem":"UN","PrcItem":500}]`)},
	{"52 other", document(dte.GuiaDespacho, `"IndTraslado":6`, `"Detalle":[{"NmbItem":"Pan","QtyItem":10,"UnmdItem":"UN"}]`)},
	{"110", `{"Encabezado":{"IdDoc":{"TipoDTE":110,"IndServicio":4},` + foreign + `},"Detalle":[{"NmbItem":"Alojamiento","QtyItem":5,"PrcItem":50.125,"UnmdItem":"U"}],"Referencia":[{"TpoDocRef":813,"FolioRef":"E12345"}]}`},
	{"110 unpaid", `{"Encabezado":{"IdDoc":{"TipoDTE":110,"IndServicio":4,"FmaPagExp":21},` + foreign + `},"Detalle":[{"NmbItem":"Muestra","QtyItem":5,"PrcItem":50.125,"UnmdItem":"U"}]}`},
	{"111", `{"Encabezado":{"IdDoc":{"TipoDTE":111,"IndServicio":4},` + foreign + `},"Detalle":[{"NmbItem":"Alojamiento","QtyItem":1,"PrcItem":50}],"Referencia":[{"TpoDocRef":112,"FolioRef":1,"FchRef":"2026-11-01","CodRef":1}]}`},
	{"112", `{"Encabezado":{"IdDoc":{"TipoDTE":112,"IndServicio":4},` + foreign + `},"Detalle":[{"NmbItem":"Alojamiento","QtyItem":1,"PrcItem":50}],"DscRcgGlobal":{"TpoMov":"R","TpoValor":"$","ValorDR":3.25},"Referencia":[{"TpoDocRef":110,"FolioRef":1,"FchRef":"2026-11-01","CodRef":3}]}`},
}

// identities are read once, by file.
var identities sync.Map

// signer is the bakery's own identity.
func signer(tb testing.TB) *cert.Identity {
	tb.Helper()
	file := golden.Reference(tb, "testpki", "certs", "a-modern.pfx")
	read, _ := identities.LoadOrStore(file, sync.OnceValues(func() (*cert.Identity, error) {
		pfx, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		return cert.ReadPFX(pfx, "prueba123")
	}))
	id, err := read.(func() (*cert.Identity, error))()
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func readCAF(tb testing.TB, t dte.Type) *caf.CAF {
	tb.Helper()
	text, err := os.ReadFile(golden.Reference(tb, "testpki", "sii", "100.pub"))
	if err != nil {
		tb.Fatal(err)
	}
	key, err := caf.ParseKey(text)
	if err != nil {
		tb.Fatal(err)
	}
	file, err := os.ReadFile(golden.Reference(tb, "testpki", "caf", "a", t.String()+"-1-100.xml"))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := caf.Parse(file, caf.Keys{caf.IDKCertificacion: key})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestOracle lets the independent oracle judge signed documents of every type.
func TestOracle(t *testing.T) {
	t.Parallel()
	if os.Getenv("WITNESS") == "" {
		t.Skip("the oracle judges with WITNESS=1")
	}
	dir := t.TempDir()
	var files []string
	for i, tt := range whole {
		if tt.name == "43" {
			continue // the fake PKI has no CAF of that type
		}
		o, _, err := dte.Resolve(dte.Request{Document: []byte(tt.text), Issuer: bakery, Today: today})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		files = append(files, judge(t, o, dir, i))
	}
	runOracle(t, files)
}

// judge writes a document with a real stamp for the witnesses.
func judge(t *testing.T, o *dte.Order, dir string, i int) string {
	t.Helper()
	o = o.WithFolio(int64(i%100 + 1))
	id := signer(t)
	stamped, err := ted.Stamp(o.Stamped(), readCAF(t, o.Type()), signedAt)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := dte.Write(o, stamped, signedAt, dte.FormBoth, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dte.Verify(signed, o, id); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, fmt.Sprintf("%s-%05d.xml", o.Type(), i))
	text := append([]byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n"), signed...)
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func runOracle(t *testing.T, files []string) {
	t.Helper()
	args := append([]string{"-q", "--caf-keys", golden.Reference(t, "testpki", "sii")}, files...)
	out, err := exec.Command(golden.Reference(t, "oracle", "verify_dte.py"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("oracle: %v\n%s", err, out)
	}
}
