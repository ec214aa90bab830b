package sii_test

import (
	"bytes"
	"strings"
	"testing"
)

// unfit is a document whose form the schema refuses; it is spoilt after signing,
// as the form is looked at first.
type unfit struct {
	row   int
	twin  func(*bench, int) *draft
	spoil edit
	text  string // of the answer
}

const (
	missing = "LSX-00213"
	facet   = "LSX-00291"
	choice  = "LSX-00290"
)

func unfits() []unfit {
	invoice, export, settlement, boleta := (*bench).invoice, (*bench).export, (*bench).settlement, (*bench).strictBoleta
	times := func(n int, xml string) edit { return end(strings.Repeat(xml, n)) }
	line := "<Detalle>\n<NroLinDet>4</NroLinDet>\n<NmbItem>Más</NmbItem>\n<MontoItem>0</MontoItem>\n</Detalle>\n"
	return []unfit{
		{97, invoice, drop("TipoDTE"), missing}, {98, invoice, drop("Folio"), missing}, {99, invoice, drop("FchEmis"), missing},
		{100, invoice, drop("RUTEmisor"), missing}, {101, invoice, drop("MntTotal"), missing}, {102, invoice, drop("NroLinDet"), missing},
		{103, invoice, drop("NmbItem"), missing}, {104, invoice, drop("MontoItem"), missing},
		{105, invoice, set("TipoDTE", "110"), choice},
		{50, invoice, set("TipoDTE", "39"), choice}, {50, boleta, set("TipoDTE", "46"), choice},
		{109, invoice, after("FchEmis", tagged("TipoDespacho", "4")), choice}, {112, invoice, after("FchEmis", tagged("IndServicio", "4")), choice},
		{114, invoice, after("FchEmis", tagged("FmaPago", "4")), choice}, {119, invoice, after("FchEmis", tagged("TermPagoDias", "0")), facet},
		{124, invoice, drop("Acteco"), missing}, {124, invoice, before("Acteco", strings.Repeat(tagged("Acteco", "107100"), 4)), ""},
		{145, (*bench).guide, drop("NombreChofer"), missing},
		{161, export, before("CodPaisRecep", tagged("MntFlete", "0")), facet}, {161, export, before("CodPaisRecep", tagged("MntSeguro", "0")), facet},
		{166, export, before("MntExe", tagged("MntNeto", "1")), ""},
		{172, invoice, after("IVA", tagged("IVANoRet", "0")), facet},
		{178, invoice, set("MntTotal", "-1"), facet}, {179, invoice, set("MntNeto", "-1"), facet}, {180, invoice, set("MntNeto", "8000.5"), facet},
		{182, invoice, after("Receptor", tagged("RutProvSW", "76354771-K")), ""},
		{183, invoice, times(60, line), ""},
		{199, settlement, before("MontoItem", tagged("DescuentoMonto", "1")), ""},
		{200, export, before("MontoItem", tagged("DescuentoMonto", "1.5")), facet},
		{201, invoice, set("QtyItem", "0"), facet}, {201, invoice, set("PrcItem", "0"), facet}, {201, invoice, set("DescuentoMonto", "0"), facet},
		{202, invoice, set("MontoItem", "-1"), facet},
		{203, export, before("MontoItem", tagged("CodImpAdic", "27")), ""}, {203, invoice, before("MontoItem", strings.Repeat(tagged("CodImpAdic", "27"), 3)), ""},
		{206, invoice, set("CmnaRecep", strings.Repeat("x", 21)), facet},
		{207, settlement, end(global(1, "D", "$", "1")), ""},
		{214, invoice, times(41, refer(1, "801", "1", "")), ""},
		{227, settlement, times(21, commission("1")), ""},
		{246, invoice, before("QtyItem", "<UnmdItem></UnmdItem>\n"), ""}, {246, invoice, set("Folio", ""), facet},
		{248, boleta, drop("IndServicio"), missing},
		{258, boleta, before("MontoItem", tagged("DescuentoPct", "101")), facet},
		{13, boleta, end("<Referencia>\n<NroLinRef>1</NroLinRef>\n<FchRef>2026-11-20</FchRef>\n</Referencia>\n"), ""},
		{261, boleta, before("NmbItem", tagged("IndExe", "3")), choice},
	}
}

// Each is refused by the upload with STATUS 7.
func TestUnfitDocuments(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	signed := map[int][]byte{} // one file a kind: the form is looked at before any signature
	for _, u := range unfits() {
		d := u.twin(b, 1)
		whole := d.body
		u.spoil(b, d)
		spoilt := d.body
		if signed[d.kind] == nil {
			d.body = whole
			e := b.envelopeOf(d)
			e.boletas = d.kind == 39
			signed[d.kind] = e.write(t)
		}
		answer := b.upload(b.company.RUT, bytes.Replace(signed[d.kind], encode(t, whole), encode(t, spoilt), 1))
		if tag(answer, "STATUS") != "7" || !strings.Contains(answer, u.text) {
			t.Errorf("row %d: got %s, want STATUS 7 with %q", u.row, answer, u.text)
		}
	}
}
