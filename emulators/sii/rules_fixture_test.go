package sii_test

import (
	"fmt"
	"regexp"
	"strings"
)

// The twins of the rules' mutations: one of each kind, right in every way, strict
// format included.

const (
	totals19   = "<MntNeto>%d</MntNeto>\n<TasaIVA>19</TasaIVA>\n<IVA>%d</IVA>\n<MntTotal>%d</MntTotal>"
	transport  = "<Transporte>\n<Patente>BBCL21</Patente>\n<PatenteCarro>JJKL33</PatenteCarro>\n<RUTTrans>76354771-K</RUTTrans>\n<Chofer>\n<RUTChofer>12345678-5</RUTChofer>\n<NombreChofer>Pedro Muñoz</NombreChofer>\n</Chofer>\n<DirDest>Teatinos 120</DirDest>\n<CmnaDest>Santiago</CmnaDest>\n%s<FchSalida>2026-11-20</FchSalida>\n<HraSalida>09:30:00</HraSalida>\n<FchLlegada>2026-11-20</FchLlegada>\n</Transporte>\n"
	guideLines = "<Detalle>\n<NroLinDet>1</NroLinDet>\n<NmbItem>Silla</NmbItem>\n<QtyItem>10</QtyItem>\n<UnmdItem>UN</UnmdItem>\n<PrcItem>1000</PrcItem>\n<MontoItem>10000</MontoItem>\n</Detalle>\n"
	weighed    = "<Tara>5</Tara>\n<CodUnidMedTara>6</CodUnidMedTara>\n<PesoBruto>10.5</PesoBruto>\n<CodUnidPesoBruto>6</CodUnidPesoBruto>\n<PesoNeto>5.5</PesoNeto>\n<CodUnidPesoNeto>6</CodUnidPesoNeto>\n<TotBultos>10</TotBultos>\n"
	customs    = "<Aduana>\n<CodModVenta>1</CodModVenta>\n<CodClauVenta>5</CodClauVenta>\n<TotClauVenta>1848.9</TotClauVenta>\n<CodViaTransp>04</CodViaTransp>\n<CodPtoEmbarque>901</CodPtoEmbarque>\n<CodPtoDesemb>262</CodPtoDesemb>\n" + weighed +
		"<TipoBultos>\n<CodTpoBultos>80</CodTpoBultos>\n<CantBultos>10</CantBultos>\n<Marcas>ÑANDÚ 1-10</Marcas>\n</TipoBultos>\n<CodPaisRecep>342</CodPaisRecep>\n<CodPaisDestin>342</CodPaisDestin>\n</Aduana>\n"
)

func (b *bench) guide(folio int) *draft {
	d := b.draft(52, folio, fmt.Sprintf(totals19, 10000, 1900, 11900), guideLines)
	d.replace(b.t, "</FchEmis>\n", "</FchEmis>\n<IndTraslado>1</IndTraslado>\n")
	d.replace(b.t, "<Totales>", fmt.Sprintf(transport, "")+"<Totales>")
	return d
}

// internalGuide moves goods between the company's own places.
func (b *bench) internalGuide(folio int) *draft {
	d := b.guide(folio)
	d.replace(b.t, "<IndTraslado>1", "<IndTraslado>5")
	d.replace(b.t, "<RUTRecep>"+b.receiver.RUT, "<RUTRecep>"+b.company.RUT)
	return d
}

// primaryGuide takes goods to the port for export.
func (b *bench) primaryGuide(folio int) *draft {
	d := b.guide(folio)
	d.replace(b.t, "<IndTraslado>1", "<IndTraslado>9")
	d.replace(b.t, "<DirOrigen>", "<GuiaExport>\n<CdgTraslado>1</CdgTraslado>\n</GuiaExport>\n<DirOrigen>")
	d.replace(b.t, "<FchSalida>", "<Aduana>\n<CodPtoEmbarque>901</CodPtoEmbarque>\n<CodPtoDesemb>262</CodPtoDesemb>\n"+weighed+"</Aduana>\n<FchSalida>")
	d.replace(b.t, "<MontoItem>", "<OtrMnda>\n<PrcOtrMon>1</PrcOtrMon>\n<Moneda>USD</Moneda>\n<MontoItemOtrMnda>10</MontoItemOtrMnda>\n</OtrMnda>\n<MontoItem>")
	return d
}

func (b *bench) settlement(folio int) *draft {
	return b.draft(43, folio,
		"<MntNeto>10000</MntNeto>\n<TasaIVA>19</TasaIVA>\n<IVA>1900</IVA>\n<Comisiones>\n<ValComNeto>1000</ValComNeto>\n<ValComExe>0</ValComExe>\n<ValComIVA>190</ValComIVA>\n</Comisiones>\n<MntTotal>10710</MntTotal>",
		"<Detalle>\n<NroLinDet>1</NroLinDet>\n<TpoDocLiq>39</TpoDocLiq>\n<NmbItem>Ventas</NmbItem>\n<MontoItem>10000</MontoItem>\n</Detalle>\n"+
			"<Comisiones>\n<NroLinCom>1</NroLinCom>\n<TipoMovim>C</TipoMovim>\n<Glosa>Comisión</Glosa>\n<ValComNeto>1000</ValComNeto>\n<ValComExe>0</ValComExe>\n</Comisiones>\n")
}

var receiverZone = regexp.MustCompile(`(?s)<Receptor>.*</Receptor>`)

func (b *bench) exportOf(kind, folio int, rest string) *draft {
	d := b.draft(kind, folio, "<TpoMoneda>DOLAR USA</TpoMoneda>\n<MntExe>1848.9</MntExe>\n<MntTotal>1848.9</MntTotal>",
		"<Detalle>\n<NroLinDet>1</NroLinDet>\n<NmbItem>Miel de ulmo</NmbItem>\n<QtyItem>100</QtyItem>\n<UnmdItem>KN</UnmdItem>\n<PrcItem>18.489</PrcItem>\n<MontoItem>1848.9</MontoItem>\n</Detalle>\n"+rest)
	d.body = receiverZone.ReplaceAllString(d.body, "<Receptor>\n<RUTRecep>55555555-5</RUTRecep>\n<RznSocRecep>Hong Kong Imports Ltd.</RznSocRecep>\n<DirRecep>12 Queen's Road</DirRecep>\n<CiudadRecep>Hong Kong</CiudadRecep>\n</Receptor>\n<Transporte>\n"+customs+"</Transporte>")
	d.replace(b.t, "</FchEmis>\n", "</FchEmis>\n<FmaPagExp>1</FmaPagExp>\n")
	d.replace(b.t, "</Totales>", "</Totales>\n<OtraMoneda>\n<TpoMoneda>PESO CL</TpoMoneda>\n<TpoCambio>951.25</TpoCambio>\n<MntExeOtrMnda>1758766</MntExeOtrMnda>\n<MntTotOtrMnda>1758766</MntTotOtrMnda>\n</OtraMoneda>")
	return d
}

func (b *bench) export(folio int) *draft { return b.exportOf(110, folio, "") }

// exportCredit annuls the export 90.
func (b *bench) exportCredit(folio int) *draft {
	return b.exportOf(112, folio, refer(1, "110", "90", "1"))
}

func refer(line int, kind, folio, code string) string {
	if code != "" {
		code = "<CodRef>" + code + "</CodRef>\n"
	}
	return fmt.Sprintf("<Referencia>\n<NroLinRef>%d</NroLinRef>\n<TpoDocRef>%s</TpoDocRef>\n<FolioRef>%s</FolioRef>\n<FchRef>2026-11-20</FchRef>\n%s</Referencia>\n", line, kind, folio, code)
}

func (b *bench) credit(folio int) *draft { return b.note(61, folio, 33, 90, 1) }

func (b *bench) debit(folio int) *draft { return b.note(56, folio, 33, 90, 3) }

func (b *bench) purchase(folio int) *draft { return purchase(b, folio) }

func (b *bench) strictBoleta(folio int) *draft {
	d := b.boleta(folio)
	d.replace(b.t, "</Receptor>", "</Receptor>\n<RUTProvSW>"+b.company.RUT+"</RUTProvSW>")
	return d
}

func (b *bench) exemptBoleta(folio int) *draft {
	d := b.strictBoleta(folio)
	d.kind, d.caf = 41, b.caf(41)
	d.replace(b.t, "<TipoDTE>39", "<TipoDTE>41")
	d.replace(b.t, "<MntNeto>10000</MntNeto>\n<IVA>1900</IVA>\n", "<MntExe>11900</MntExe>\n")
	return d
}

// edit spoils one thing of a draft.
type edit func(*bench, *draft)

// element matches the first element of a name and its line break.
func element(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)<` + name + `>.*?</` + name + `>\n?`)
}

// once replaces the first match; none fails the test.
func once(b *bench, d *draft, re *regexp.Regexp, with string) {
	b.t.Helper()
	at := re.FindStringIndex(d.body)
	if at == nil {
		b.t.Fatalf("draft of %d has no %s", d.kind, re)
	}
	d.body = d.body[:at[0]] + with + d.body[at[1]:]
}

func set(name, value string) edit {
	return func(b *bench, d *draft) { once(b, d, element(name), "<"+name+">"+value+"</"+name+">\n") }
}

func drop(name string) edit { return func(b *bench, d *draft) { once(b, d, element(name), "") } }

func tagged(name, value string) string { return "<" + name + ">" + value + "</" + name + ">\n" }

// after puts an element behind the first one of a name.
func after(name, xml string) edit {
	return func(b *bench, d *draft) { d.replace(b.t, "</"+name+">\n", "</"+name+">\n"+xml) }
}

func before(name, xml string) edit {
	return func(b *bench, d *draft) { d.replace(b.t, "<"+name+">", xml+"<"+name+">") }
}

// end puts a zone behind all others.
func end(xml string) edit { return func(_ *bench, d *draft) { d.body += xml } }

func levied(code, rate, amount string) string {
	if rate != "" {
		rate = tagged("TasaImp", rate)
	}
	return "<ImptoReten>\n" + tagged("TipoImp", code) + rate + tagged("MontoImp", amount) + "</ImptoReten>\n"
}

func global(line int, move, kind, value string) string {
	return fmt.Sprintf("<DscRcgGlobal>\n<NroLinDR>%d</NroLinDR>\n<TpoMov>%s</TpoMov>\n<TpoValor>%s</TpoValor>\n<ValorDR>%s</ValorDR>\n</DscRcgGlobal>\n", line, move, kind, value)
}

// withAgent marks the first line with an agente retenedor's field.
func withAgent(field string) edit {
	return before("NmbItem", "<Retenedor>\n<IndAgente>R</IndAgente>\n"+tagged(field, "1000")+"</Retenedor>\n")
}

func commission(net string) string {
	return "<Comisiones>\n<NroLinCom>1</NroLinCom>\n<TipoMovim>C</TipoMovim>\n<Glosa>Comisión</Glosa>\n<ValComNeto>" + net + "</ValComNeto>\n<ValComExe>0</ValComExe>\n</Comisiones>\n"
}

// lastCommission is the zone behind the lines, not the one of the totals.
func lastCommission(with string) edit {
	return func(b *bench, d *draft) {
		i := strings.LastIndex(d.body, "<Comisiones>")
		if i < 0 {
			b.t.Fatal("draft has no Comisiones")
		}
		d.body = d.body[:i] + with
	}
}
