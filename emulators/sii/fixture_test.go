package sii_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"timbre/emulators/sii"
	"timbre/emulators/sii/authority"
)

// worlds is the folder of the worlds that all tests of the package share.
var worlds string

// made is the world of the tests.
var made = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(worlds, "made")
	return dir, authority.Make(dir, authority.Options{Now: today, Types: []int{33, 34, 39, 41, 43, 46, 52, 56, 61, 110, 111, 112}, Folios: 100})
})

// foreign is another throw-away world: the same company, other keys.
var foreign = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(worlds, "foreign")
	return dir, authority.Make(dir, authority.Options{Now: today, Types: []int{33}, Folios: 100, Companies: authority.DefaultCompanies()[:1]})
})

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sii-worlds-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	worlds = dir
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	return m.Run()
}

func madeWorld(t *testing.T) string {
	t.Helper()
	dir, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// bench is a simulator with the client of its company a.
type bench struct {
	*client
	t        *testing.T
	world    string
	company  authority.Company
	receiver authority.Company
	signer   signer
}

func newBench(t *testing.T, change ...func(*sii.Options)) *bench {
	t.Helper()
	dir := madeWorld(t)
	companies := authority.DefaultCompanies()
	b := &bench{t: t, world: dir, company: companies[0], receiver: companies[1], signer: loadSigner(t, dir, "a", companies[0].Signer.RUT)}
	b.client = newClient(t, start(t, dir, today, change...), b.signer)
	return b
}

func (b *bench) caf(kind int) caf {
	b.t.Helper()
	return loadCAF(b.t, filepath.Join(b.world, "caf", b.company.ID, fmt.Sprintf("%d-1-100.xml", kind)))
}

// issueCAF has the world's SII authorize other folios.
func (b *bench) issueCAF(order authority.CAFOrder) caf {
	b.t.Helper()
	data, err := authority.IssueCAF(b.world, order)
	if err != nil {
		b.t.Fatal(err)
	}
	return parseCAF(b.t, data)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// bodies hold what differs among types: totals, lines, references.
const (
	totals33 = "<MntNeto>8000</MntNeto>\n<MntExe>500</MntExe>\n<TasaIVA>19</TasaIVA>\n<IVA>1520</IVA>\n<MntTotal>10020</MntTotal>"
	lines33  = "<Detalle>\n<NroLinDet>1</NroLinDet>\n<NmbItem>Pan d'oro &amp; ñandú \"grande\", en caja de doce unidades</NmbItem>\n<QtyItem>2.5</QtyItem>\n<PrcItem>2000</PrcItem>\n<MontoItem>5000</MontoItem>\n</Detalle>\n" +
		"<Detalle>\n<NroLinDet>2</NroLinDet>\n<NmbItem>Café</NmbItem>\n<QtyItem>3</QtyItem>\n<PrcItem>1100</PrcItem>\n<DescuentoMonto>300</DescuentoMonto>\n<MontoItem>3000</MontoItem>\n</Detalle>\n" +
		"<Detalle>\n<NroLinDet>3</NroLinDet>\n<IndExe>1</IndExe>\n<NmbItem>Libro</NmbItem>\n<QtyItem>1</QtyItem>\n<PrcItem>500</PrcItem>\n<MontoItem>500</MontoItem>\n</Detalle>\n"
)

func (b *bench) draft(kind, folio int, totals, rest string) *draft {
	b.t.Helper()
	body := fmt.Sprintf(`<Encabezado>
<IdDoc>
<TipoDTE>%d</TipoDTE>
<Folio>%d</Folio>
<FchEmis>2026-11-20</FchEmis>
</IdDoc>
<Emisor>
<RUTEmisor>%s</RUTEmisor>
<RznSoc>%s</RznSoc>
<GiroEmis>%s</GiroEmis>
<Acteco>%d</Acteco>
<DirOrigen>%s</DirOrigen>
<CmnaOrigen>Ñuñoa</CmnaOrigen>
<CiudadOrigen>Santiago</CiudadOrigen>
</Emisor>
<Receptor>
<RUTRecep>%s</RUTRecep>
<RznSocRecep>%s</RznSocRecep>
<GiroRecep>%s</GiroRecep>
<DirRecep>%s</DirRecep>
<CmnaRecep>Ñuñoa</CmnaRecep>
<CiudadRecep>Santiago</CiudadRecep>
</Receptor>
<Totales>
%s
</Totales>
</Encabezado>
%s`, kind, folio, b.company.RUT, escape(b.company.Name), escape(b.company.Activity), b.company.Acteco, escape(b.company.Address),
		b.receiver.RUT, escape(b.receiver.Name), escape(b.receiver.Activity), escape(b.receiver.Address), totals, rest)
	return &draft{kind: kind, folio: folio, body: body, caf: b.caf(kind), stampTime: "2026-11-20T11:50:00", signTime: "2026-11-20T11:50:01", signer: b.signer}
}

func (b *bench) invoice(folio int) *draft { return b.draft(33, folio, totals33, lines33) }

func (b *bench) exemptInvoice(folio int) *draft {
	return b.draft(34, folio, "<MntExe>5000</MntExe>\n<MntTotal>5000</MntTotal>", simpleLine("Curso", 5000))
}

func simpleLine(name string, amount int) string {
	return fmt.Sprintf("<Detalle>\n<NroLinDet>1</NroLinDet>\n<NmbItem>%s</NmbItem>\n<MontoItem>%d</MontoItem>\n</Detalle>\n", name, amount)
}

// note is a 56 or 61 over a document of 2026-11-20.
func (b *bench) note(kind, folio, refKind, refFolio, code int) *draft {
	reference := fmt.Sprintf("<Referencia>\n<NroLinRef>1</NroLinRef>\n<TpoDocRef>%d</TpoDocRef>\n<FolioRef>%d</FolioRef>\n<FchRef>2026-11-20</FchRef>\n<CodRef>%d</CodRef>\n<RazonRef>Corrige</RazonRef>\n</Referencia>\n", refKind, refFolio, code)
	if code == 2 {
		return b.draft(kind, folio, "<MntNeto>0</MntNeto>\n<TasaIVA>19</TasaIVA>\n<IVA>0</IVA>\n<MntTotal>0</MntTotal>", simpleLine("Donde dice giro", 0)+reference)
	}
	if code == 3 {
		return b.draft(kind, folio, "<MntNeto>1000</MntNeto>\n<TasaIVA>19</TasaIVA>\n<IVA>190</IVA>\n<MntTotal>1190</MntTotal>", simpleLine("Diferencia", 1000)+reference)
	}
	return b.draft(kind, folio, totals33, lines33+reference)
}

func (b *bench) envelopeOf(documents ...*draft) *envelope {
	return &envelope{
		issuer: b.company.RUT, sender: b.signer.rut, receiver: "60803000-K", resolDate: b.company.FchResol, resolNo: "0",
		signTime: "2026-11-20T11:55:00", documents: documents, signer: b.signer,
	}
}

// sendOf signs and sends documents of company a.
func (b *bench) sendOf(documents ...*draft) sii.Envelope {
	b.t.Helper()
	return b.send(b.company.RUT, b.envelopeOf(documents...).write(b.t))
}

// cut removes what a pattern matches; nothing to remove fails the test.
func cut(t *testing.T, text, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	if !re.MatchString(text) {
		t.Fatalf("nothing matches %s", pattern)
	}
	return re.ReplaceAllString(text, "")
}

func companyOf(i int) authority.Company { return authority.DefaultCompanies()[i] }
