package sii_test

import (
	"strconv"

	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/rut"
)

// breach is a document that breaks the rule of the tables that it names.
type breach struct {
	rule  string
	twin  func(*bench, int) *draft
	edits []edit
}

func of(rule string, twin func(*bench, int) *draft, edits ...edit) breach {
	return breach{rule, twin, edits}
}

// authorizedOn gives the document a CAF of another day.
func authorizedOn(day string) edit {
	return func(b *bench, d *draft) {
		d.caf = b.issueCAF(authority.CAFOrder{RUT: b.company.RUT, Name: b.company.Name, Type: d.kind, From: 1, To: 100, Day: day})
	}
}

// shortRUT is valid, and too small for anybody.
func shortRUT() string {
	for _, digit := range "0123456789K" {
		if r := "50000-" + string(digit); rut.Valid(r) {
			return r
		}
	}
	return ""
}

func headerBreaches() []breach {
	invoice, exempt, guide, export := (*bench).invoice, (*bench).exemptInvoice, (*bench).guide, (*bench).export
	return []breach{
		of("issue-date-range", exempt, set("FchEmis", "2003-03-01"), authorizedOn("2003-02-01")),
		of("issued-before-resolution", exempt, set("FchEmis", "2023-12-31"), authorizedOn("2023-01-01")),
		of("rebate-type", invoice, after("FchEmis", tagged("IndNoRebaja", "1"))),
		of("dispatch-type", (*bench).credit, after("FchEmis", tagged("TipoDespacho", "1"))),
		of("transfer-missing", guide, drop("IndTraslado")),
		of("transfer-type", invoice, after("FchEmis", tagged("IndTraslado", "1"))),
		of("internal-dispatch", (*bench).internalGuide, before("IndTraslado", tagged("TipoDespacho", "1"))),
		of("internal-receiver", guide, set("IndTraslado", "5")),
		of("service-guide", guide, after("IndTraslado", tagged("IndServicio", "1"))),
		of("gross-taxes", invoice, after("FchEmis", tagged("MntBruto", "1")), before("MontoItem", tagged("CodImpAdic", "27"))),
		of("gross-guide", guide, after("IndTraslado", tagged("MntBruto", "1"))),
		of("free-delivery", guide, set("IndTraslado", "4"), after("IndTraslado", tagged("FmaPago", "1"))),
		of("export-payment-code", export, set("FmaPagExp", "33")),
		of("export-payment-type", invoice, after("FchEmis", tagged("FmaPagExp", "1"))),
		of("advance-date", export, set("FmaPagExp", "32")),
		of("period-order", invoice, after("FchEmis", tagged("PeriodoDesde", "2026-11-30")+tagged("PeriodoHasta", "2026-11-01"))),
		of("period-guide", guide, after("IndTraslado", tagged("PeriodoDesde", "2026-11-01")+tagged("PeriodoHasta", "2026-11-30"))),
		of("export-terms", export, after("FmaPagExp", tagged("TermPagoCdg", "1"))),
		of("due-date-range", invoice, after("FchEmis", tagged("FchVenc", "2001-01-01"))),
		of("tourist", invoice, after("FchEmis", tagged("TipoFactEsp", "1"))),
		of("georeference", exempt, end("<GeoRefEmision>\n<LatitudEmision>-33</LatitudEmision>\n<LongitudEmision>-70</LongitudEmision>\n<SistemaReferencia>1</SistemaReferencia>\n</GeoRefEmision>\n")),
		of("issuer-activity", invoice, set("GiroEmis", " ")),
		of("export-transfer", (*bench).primaryGuide, drop("CdgTraslado")),
		of("export-authorization", (*bench).primaryGuide, set("CdgTraslado", "4")),
		of("issuer-address", invoice, drop("DirOrigen")),
		of("branch", invoice, before("DirOrigen", tagged("CdgSIISucur", "22"))),
		of("principal-type", (*bench).purchase, after("Emisor", tagged("RUTMandante", "76354771-K"))),
		of("ted-before-issue", invoice, func(_ *bench, d *draft) { d.stampTime = "2026-11-19T23:00:00" }),
		of("receiver-activity", invoice, drop("GiroRecep")),
		of("export-cities", export, drop("CiudadRecep")),
		of("export-origin-city", export, drop("CiudadOrigen")),
		of("rut-range", invoice, set("RUTRecep", shortRUT())),
	}
}

func transportBreaches() []breach {
	guide, primary := (*bench).guide, (*bench).primaryGuide
	return []breach{
		of("guide-plate", guide, drop("Patente")), of("guide-trailer", guide, drop("PatenteCarro")), of("guide-carrier", guide, drop("RUTTrans")),
		of("guide-driver", guide, drop("Chofer")), of("guide-driver-name", guide, set("NombreChofer", " ")), of("driver-name", guide, set("NombreChofer", " ")),
		of("guide-address", guide, drop("DirDest")), of("guide-comuna", guide, drop("CmnaDest")), of("guide-departure", guide, drop("FchSalida")),
		of("guide-departure-time", guide, drop("HraSalida")), of("guide-arrival", guide, drop("FchLlegada")),
		of("guide-port-out", primary, drop("CodPtoEmbarque")), of("guide-port-in", primary, drop("CodPtoDesemb")), of("guide-weight", primary, drop("PesoBruto")),
		of("guide-weight-unit", primary, drop("CodUnidPesoBruto")), of("guide-packages", primary, drop("TotBultos")),
	}
}

func exportBreaches() []breach {
	export := (*bench).export
	all := []breach{
		of("export-sale-mode", export, drop("CodModVenta")), of("export-clause", export, drop("CodClauVenta")), of("export-clause-total", export, drop("TotClauVenta")),
		of("export-transport", export, drop("CodViaTransp")), of("export-port-out", export, drop("CodPtoEmbarque")), of("export-port-in", export, drop("CodPtoDesemb")),
		of("export-packages", export, drop("CodPaisRecep")), of("export-destination", export, drop("CodPaisDestin")),
		of("tare-unit", export, drop("CodUnidMedTara")), of("gross-weight-unit", export, drop("CodUnidPesoBruto")), of("net-weight-unit", export, drop("CodUnidPesoNeto")),
		of("packages-total", export, set("CantBultos", "3")),
		of("export-container", export, set("CodTpoBultos", "75")),
		of("export-pesos-amounts", export, drop("MntExeOtrMnda")),
		of("export-conversion-exempt", export, set("MntExeOtrMnda", "1758776")),
		of("export-conversion-total", export, set("MntTotOtrMnda", "1758776")),
		of("export-surcharge-currency", export, end(global(1, "R", "$", "10"))),
		of("export-quantity", export, drop("UnmdItem")),
		of("export-unit", export, set("UnmdItem", "XYZ")),
		of("customs-papers", export, end(refer(1, "807", "1", "")+refer(2, "807", "2", ""))),
	}
	for i, field := range []string{"CodModVenta", "CodClauVenta", "CodViaTransp", "CodPtoEmbarque", "CodPtoDesemb", "CodUnidMedTara", "CodUnidPesoBruto", "CodUnidPesoNeto", "CodPaisRecep", "CodPaisDestin", "CodTpoBultos"} {
		wrong := "97"
		if field == "CodModVenta" || field == "CodClauVenta" {
			wrong = strconv.Itoa(90 + i)
		}
		all = append(all, of("customs-"+field, export, set(field, wrong)))
	}
	return all
}

func detailBreaches() []breach {
	invoice, exempt, guide, settlement := (*bench).invoice, (*bench).exemptInvoice, (*bench).guide, (*bench).settlement
	mark := func(value string) edit { return before("NmbItem", tagged("IndExe", value)) }
	return []breach{
		of("no-sale-type", exempt, mark("4")),
		of("no-sale-amount", invoice, mark("4")),
		of("deducted-type", invoice, mark("5")),
		of("deducted-reference", guide, set("IndTraslado", "2"), mark("5")),
		of("settlement-unbilled", settlement, mark("6")),
		of("exempt-mark", exempt, mark("1")),
		of("settled-type", settlement, set("TpoDocLiq", "801")),
		of("agent-quantities", (*bench).purchase, drop("UnmdItem")),
		of("slaughter-code", invoice, withAgent("MntBaseFaena")), of("margin-code", invoice, withAgent("MntMargComer")), of("consumer-price-code", invoice, withAgent("PrcConsFinal")),
		of("guide-quantity", guide, drop("QtyItem")), of("guide-unit", guide, drop("UnmdItem")),
		of("subquantity", invoice, after("QtyItem", "<Subcantidad>\n<SubQty>9</SubQty>\n<SubCod>Talla</SubCod>\n</Subcantidad>\n")),
		of("quantity-without-price", invoice, drop("PrcItem")),
		of("settlement-tax", settlement, before("MontoItem", tagged("CodImpAdic", "27"))),
		of("primary-zone", (*bench).primaryGuide, drop("MontoItemOtrMnda")),
		of("discount-missing", invoice, after("PrcItem", tagged("DescuentoPct", "10"))),
		of("discount-value", invoice, before("DescuentoMonto", tagged("DescuentoPct", "50"))),
		of("surcharge-missing", invoice, after("PrcItem", tagged("RecargoPct", "10"))),
		of("surcharge-value", invoice, after("PrcItem", tagged("RecargoPct", "10")+tagged("RecargoMonto", "1"))),
	}
}

func totalBreaches() []breach {
	invoice, guide, settlement := (*bench).invoice, (*bench).guide, (*bench).settlement
	tax := func(code, rate, amount string) edit { return after("IVA", levied(code, rate, amount)) }
	line := before("MontoItem", tagged("CodImpAdic", "27"))
	return []breach{
		of("exempt-vat-rate", (*bench).exemptInvoice, after("MntExe", tagged("TasaIVA", "19"))),
		of("vat-current", invoice, set("TasaIVA", "18")),
		of("vat-split", invoice, after("IVA", tagged("IVAProp", "100"))),
		of("construction-credit", invoice, after("IVA", tagged("CredEC", "1"))),
		of("deposit-type", guide, before("MntTotal", tagged("GrntDep", "1"))),
		of("commission-net", settlement, set("ValComNeto", "900")), of("commission-exempt", settlement, set("ValComExe", "900")), of("commission-vat", settlement, set("ValComIVA", "191")),
		of("commission-type", invoice, end(commission("1"))), of("commission-missing", settlement, lastCommission("")), of("commission-zero", settlement, lastCommission(commission("0"))),
		of("discount-guide", guide, end(global(1, "D", "$", "1"))),
		of("discount-taxes", invoice, line, end(global(1, "D", "$", "1"))),
		of("discount-class", invoice, end("<DscRcgGlobal>\n<NroLinDR>1</NroLinDR>\n<TpoMov>D</TpoMov>\n<TpoValor>$</TpoValor>\n<ValorDR>1</ValorDR>\n<IndExeDR>2</IndExeDR>\n</DscRcgGlobal>\n")),
		of("discount-excess", invoice, end(global(1, "D", "$", "9000"))),
		of("discount-number", invoice, end(global(3, "D", "$", "1"))),
		of("discount-percentage", invoice, end(global(1, "D", "%", "150"))),
		of("slaughter-base", invoice, after("MntExe", tagged("MntBase", "1000"))),
		of("tax-unknown", invoice, tax("54", "", "1")),
		of("tax-added-type", (*bench).purchase, set("TipoImp", "27")),
		of("tax-withheld-type", invoice, tax("15", "19", "1")),
		of("tax-rate", invoice, line, tax("27", "11", "550")),
		of("tax-slaughter", invoice, after("MntExe", tagged("MntBase", "1000")), tax("17", "5", "99")),
		of("tax-margin", invoice, tax("14", "19", "5")),
		of("tax-specific", invoice, tax("28", "", "0")),
		of("withholding-rate", (*bench).purchase, drop("TasaImp")),
		of("withholding-vat", (*bench).purchase, set("TasaImp", "18")),
		of("withholding-mark", (*bench).purchase, drop("Retenedor")),
		of("unwithheld-type", invoice, after("IVA", tagged("IVANoRet", "1"))),
		of("unwithheld-amount", (*bench).credit, after("IVA", tagged("IVANoRet", "1"))),
		of("tax-codes", invoice, line),
	}
}

func referenceBreaches() []breach {
	invoice := (*bench).invoice
	return []breach{
		of("reference-number", invoice, end(refer(2, "801", "1", ""))),
		of("reference-type", invoice, end(refer(1, "200", "1", ""))),
		of("reference-global", invoice, end("<Referencia>\n<NroLinRef>1</NroLinRef>\n<TpoDocRef>52</TpoDocRef>\n<IndGlobal>1</IndGlobal>\n<FolioRef>5</FolioRef>\n<FchRef>2026-11-20</FchRef>\n</Referencia>\n")),
		of("reference-folio", invoice, end(refer(1, "52", "A1", ""))),
		of("reference-date-range", invoice, end(refer(1, "801", "1", "")), set("FchRef", "2026-11-21")),
		of("reference-single", (*bench).credit, end(refer(2, "33", "90", "1"))),
		of("reference-export", (*bench).exportCredit, set("TpoDocRef", "33")),
		of("reference-other", invoice, end(refer(1, "801", "1", "")), before("FchRef", tagged("RUTOtr", "76354771-K"))),
		of("reference-exempt", (*bench).credit, set("TpoDocRef", "34")),
		of("debit-text", (*bench).debit, set("CodRef", "2")),
	}
}

func boletaBreaches() []breach {
	boleta, exempt := (*bench).strictBoleta, (*bench).exemptBoleta
	return []breach{
		of("boleta-net", boleta, drop("MntNeto")),
		of("boleta-exempt", exempt, before("MntExe", tagged("MntNeto", "1"))),
		of("boleta-exempt-total", exempt, set("MntExe", "11899")),
		of("boleta-large", boleta, set("MntTotal", "27001")),
		of("boleta-ticket", boleta, before("NmbItem", tagged("ItemEspectaculo", "01"))),
		of("boleta-provider", boleta, drop("RUTProvSW")),
	}
}

func dteBreaches() []breach {
	var all []breach
	for _, group := range [][]breach{headerBreaches(), transportBreaches(), exportBreaches(), detailBreaches(), totalBreaches(), referenceBreaches()} {
		all = append(all, group...)
	}
	return all
}
