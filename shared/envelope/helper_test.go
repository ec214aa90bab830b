package envelope_test

import (
	"crypto/sha1"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/dte"
	"timbre/shared/envelope"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/ted"
	"timbre/shared/xmldsig"
)

var (
	chile     = time.FixedZone("CLST", -3*3600)
	signedAt  = time.Date(2026, 11, 20, 10, 11, 12, 0, chile)
	companyA  = rut.MustParse("99928793-K")
	companyB  = rut.MustParse("99923634-0")
	caratulaA = envelope.Caratula{
		Issuer: companyA, Receiver: rut.SII, ResolutionDate: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC),
	}
)

func reference(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	content, err := os.ReadFile(golden.Reference(tb, parts...))
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func identity(tb testing.TB, file string) *cert.Identity {
	tb.Helper()
	id, err := cert.ReadPFX(reference(tb, "testpki", "certs", file), "prueba123")
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// document is a signed DTE, short but valid; it is made without package dte. Documents of that package: path_test.go.
func document(tb testing.TB, signer *cert.Identity, ns xmldsig.Namespaces, t dte.Type, folio int64) []byte {
	tb.Helper()
	return documentAs(tb, signer, ns, dte.StampFields{TD: t, Folio: folio}, fmt.Sprintf("F%dT%d", folio, t))
}

// documentAs takes type and folio from fields, and the ID.
func documentAs(tb testing.TB, signer *cert.Identity, ns xmldsig.Namespaces, fields dte.StampFields, id string) []byte {
	tb.Helper()
	t, folio := fields.TD, fields.Folio
	fields = dte.StampFields{
		RE: companyA, TD: t, Folio: folio, FE: "2026-11-20", RR: companyB, RSR: "Ñandú & O'Higgins", MNT: "1190", IT1: `Pan "ñandú"`,
	}
	stamp, err := ted.Stamp(fields, testCAF(tb, t), signedAt)
	if err != nil {
		tb.Fatal(err)
	}
	head := "<Documento" + ns.Attributes() + ` ID="` + id + `">`
	body, tail := content(fields), "\n<TmstFirma>2026-11-20T10:11:12</TmstFirma>\n</Documento>"
	flat := decode(tb, stamp)
	signature, err := xmldsig.Sign(signer, sha1.Sum([]byte(head+body+unquote.Replace(flat)+tail)), "#"+id, ns)
	if err != nil {
		tb.Fatal(err)
	}
	head = "<DTE" + ns.Attributes() + ` version="1.0">` + "\n" + `<Documento ID="` + id + `">`
	text, err := charmap.ISO8859_1.NewEncoder().Bytes([]byte(head + body + flat + tail + "\n" + string(signature) + "\n</DTE>"))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// unquote turns the escapes that a TED writes and canonical XML does not.
var unquote = strings.NewReplacer("&apos;", "'", "&quot;", `"`)

func decode(tb testing.TB, latin1 []byte) string {
	tb.Helper()
	text, err := charmap.ISO8859_1.NewDecoder().Bytes(latin1)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// content is what stands before the TED, in canonical form.
func content(f dte.StampFields) string {
	service, issuer := "", "<RznSoc>Ñandú</RznSoc><GiroEmis>Pan</GiroEmis><Acteco>107100</Acteco><DirOrigen>Ñ</DirOrigen><CmnaOrigen>Ñ</CmnaOrigen>"
	if f.TD.IsBoleta() {
		service, issuer = "<IndServicio>3</IndServicio>", "<RznSocEmisor>Ñandú</RznSocEmisor><GiroEmisor>Pan</GiroEmisor>"
	}
	return fmt.Sprintf("\n<Encabezado><IdDoc><TipoDTE>%d</TipoDTE><Folio>%d</Folio><FchEmis>%s</FchEmis>%s</IdDoc>\n", f.TD, f.Folio, f.FE, service) +
		fmt.Sprintf("<Emisor><RUTEmisor>%s</RUTEmisor>%s</Emisor>\n", f.RE, issuer) +
		fmt.Sprintf("<Receptor><RUTRecep>%s</RUTRecep><RznSocRecep>Ñandú &amp; O'Higgins</RznSocRecep></Receptor>\n", f.RR) +
		fmt.Sprintf("<Totales><MntTotal>%s</MntTotal></Totales></Encabezado>\n", f.MNT) +
		fmt.Sprintf("<Detalle><NroLinDet>1</NroLinDet><NmbItem>%s</NmbItem><MontoItem>1190</MontoItem></Detalle>\n", f.IT1)
}

func testCAF(tb testing.TB, t dte.Type) *caf.CAF {
	tb.Helper()
	c, err := caf.Parse(reference(tb, "testpki", "caf", "a", fmt.Sprintf("%d-1-100.xml", t)), testKeys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func testKeys(tb testing.TB) caf.Keys {
	tb.Helper()
	key, err := caf.ParseKey(reference(tb, "testpki", "sii", "100.pub"))
	if err != nil {
		tb.Fatal(err)
	}
	return caf.Keys{caf.IDKCertificacion: key}
}

func write(tb testing.TB, documents ...[]byte) []byte {
	tb.Helper()
	text, err := envelope.Write(caratulaA, documents, identity(tb, "a-modern.pfx"), signedAt, "SetDoc")
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
