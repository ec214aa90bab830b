package judge

import "time"

// Sources: FD is Formato DTE v2.5 (2026-02), FB Formato Boletas Electrónicas v4.2
// (2025-09). The SII states these rules; no answer shows their codes.

// The days between which FD allows an issue and a due date.
const (
	firstIssue = "2003-04-01"
	firstDue   = "2002-08-01"
	lastDay    = "2050-12-31"
)

var headerRules = []rule{
	{name: "issue-date-range", level: Reject, rows: []int{107}, source: "FD IdDoc FchEmis", must: between("IdDoc/FchEmis", firstIssue, lastDay), text: "Fecha de emisión fuera de rango", about: "IdDoc/FchEmis"},
	{name: "issued-before-resolution", level: Reject, rows: []int{22}, source: "client code (305); Res. Ex. SII 45 of 2003", must: issuedWithResolution, text: "Fecha de emisión anterior a la resolución que autoriza", about: "IdDoc/FchEmis"},
	{name: "rebate-type", rows: []int{108}, source: "FD IdDoc IndNoRebaja", when: has("IdDoc/IndNoRebaja"), must: types(61), text: "IndNoRebaja sólo corresponde en nota de crédito"},
	{name: "dispatch-type", rows: []int{109}, source: "FD IdDoc TipoDespacho", when: has("IdDoc/TipoDespacho"), must: types(33, 34, 46, 52, 110), text: "TipoDespacho no corresponde a este tipo de documento"},
	{name: "transfer-missing", rows: []int{110}, source: "FD IdDoc IndTraslado", when: types(52), must: has("IdDoc/IndTraslado"), text: "Guía de despacho sin indicador de traslado"},
	{name: "transfer-type", rows: []int{110}, source: "FD IdDoc IndTraslado", when: has("IdDoc/IndTraslado"), must: types(52), text: "IndTraslado sólo corresponde en guía de despacho"},
	{name: "internal-dispatch", rows: []int{111}, source: "review of certification sets: indicators do not match", when: code("IdDoc/IndTraslado", 5), must: lacks("IdDoc/TipoDespacho"), text: "Traslado interno con TipoDespacho"},
	{name: "internal-receiver", rows: []int{111, 133}, source: "FD Receptor RUTRecep; review of certification sets", when: code("IdDoc/IndTraslado", 5), must: sameReceiver, text: "Traslado interno a un receptor distinto del emisor", about: "Receptor/RUTRecep"},
	{name: "service-guide", rows: []int{112}, source: "FD IdDoc IndServicio", when: types(52), must: lacks("IdDoc/IndServicio"), text: "IndServicio no corresponde en guía de despacho"},
	{name: "gross-taxes", rows: []int{113}, source: "FD IdDoc MntBruto", when: code("IdDoc/MntBruto", 1), must: none("Detalle", has("CodImpAdic")), text: "Montos brutos con impuestos adicionales"},
	{name: "gross-guide", rows: []int{113}, source: "FD IdDoc MntBruto", when: types(52), must: lacks("IdDoc/MntBruto"), text: "MntBruto no corresponde en guía de despacho"},
	{name: "free-delivery", rows: []int{114}, source: "FD IdDoc FmaPago", when: and(code("IdDoc/IndTraslado", 4), has("IdDoc/FmaPago")), must: code("IdDoc/FmaPago", 3), text: "Entrega gratuita con forma de pago distinta de 3"},
	{name: "export-payment-code", rows: []int{115}, source: "FD IdDoc FmaPagExp; Aduana, formas de pago", when: has("IdDoc/FmaPagExp"), must: customs("IdDoc/FmaPagExp"), text: "Forma de pago de exportación fuera de tabla", about: "IdDoc/FmaPagExp"},
	{name: "export-payment-type", rows: []int{115}, source: "FD IdDoc FmaPagExp", when: has("IdDoc/FmaPagExp"), must: types(52, 110, 111, 112), text: "FmaPagExp no corresponde a este tipo de documento"},
	{name: "advance-date", rows: []int{116}, source: "FD IdDoc FchCancel", when: and(types(110), code("IdDoc/FmaPagExp", 32)), must: has("IdDoc/FchCancel"), text: "Anticipo sin fecha de cancelación"},
	{name: "period-order", rows: []int{117}, source: "FD IdDoc PeriodoDesde, PeriodoHasta", when: or(has("IdDoc/PeriodoDesde"), has("IdDoc/PeriodoHasta")), must: periodInOrder, text: "Período de servicio incompleto o invertido"},
	{name: "period-guide", rows: []int{117}, source: "FD IdDoc PeriodoDesde", when: types(52), must: lacks("IdDoc/PeriodoDesde", "IdDoc/PeriodoHasta"), text: "Período de servicio no corresponde en guía de despacho"},
	{name: "export-terms", rows: []int{118}, source: "FD IdDoc TermPagoGlosa", when: and(types(110, 111, 112), has("IdDoc/TermPagoCdg")), must: filled("IdDoc/TermPagoGlosa"), text: "Término de pago de exportación sin glosa"},
	{name: "due-date-range", rows: []int{120}, source: "FD IdDoc FchVenc", when: has("IdDoc/FchVenc"), must: between("IdDoc/FchVenc", firstDue, lastDay), text: "Fecha de vencimiento fuera de rango", about: "IdDoc/FchVenc"},
	{name: "tourist", rows: []int{121}, source: "FD IdDoc TipoFactEsp", when: code("IdDoc/TipoFactEsp", 1), must: tourist, text: "Factura a turista mal formada"},
	{name: "georeference", rows: []int{122}, source: "FD GeoRefEmision", zone: "GeoRefEmision", when: not(types(39, 41)), must: and(types(33, 52), code("SistemaReferencia", 1), filled("LatitudEmision", "LongitudEmision")), text: "Georreferencia que no corresponde o incompleta"},
	{name: "issuer-activity", rows: []int{123}, source: "FD Emisor RznSoc, GiroEmis", when: not(types(39, 41)), must: filled("Emisor/RznSoc", "Emisor/GiroEmis"), text: "Emisor sin razón social o giro"},
	{name: "export-transfer", rows: []int{125}, source: "FD Emisor CdgTraslado", when: code("IdDoc/IndTraslado", 8, 9), must: code("Emisor/GuiaExport/CdgTraslado", 1, 2, 3, 4), text: "Guía de exportación sin código de traslado"},
	{name: "export-authorization", rows: []int{126}, source: "FD Emisor FolioAut, FchAut", when: code("Emisor/GuiaExport/CdgTraslado", 4), must: filled("Emisor/GuiaExport/FolioAut", "Emisor/GuiaExport/FchAut"), text: "Traslado autorizado sin folio o fecha de la resolución"},
	{name: "issuer-address", rows: []int{128}, source: "FD Emisor DirOrigen", when: types(33, 34, 52, 46, 43, 110), must: filled("Emisor/DirOrigen"), text: "DTE sin dirección de origen"},
	{name: "branch", rows: []int{127}, source: "FD Emisor CdgSIISucur", when: has("Emisor/CdgSIISucur"), must: knownBranch, text: "Código de sucursal no registrado", about: "Emisor/CdgSIISucur"},
	{name: "principal-type", rows: []int{130}, source: "FD RUTMandante", when: has("RUTMandante"), must: types(33, 34, 52, 56, 61), text: "RUTMandante no corresponde a este tipo de documento"},
	{name: "ted-before-issue", level: Slight, rows: []int{12}, source: "client code (647)", must: stampedFromIssue, text: "Fecha del timbre anterior a la de emisión"},
}

var receiverRules = []rule{
	{name: "receiver-activity", rows: []int{132}, source: "FD Receptor GiroRecep", when: types(33, 34, 52, 46, 43), must: filled("Receptor/GiroRecep"), text: "DTE sin giro del receptor"},
	{name: "export-cities", rows: []int{129}, source: "FD Emisor CiudadOrigen, Receptor CiudadRecep", when: types(110), must: filled("Receptor/DirRecep", "Receptor/CiudadRecep"), text: "Exportación sin dirección o ciudad del receptor"},
	{name: "export-origin-city", rows: []int{129}, source: "FD Emisor CiudadOrigen", when: types(110), must: filled("Emisor/CiudadOrigen"), text: "Exportación sin ciudad de origen", strict: "exports without it are taken (the product's examples)"},
	{name: "rut-range", rows: []int{95}, source: "FD Receptor RUTRecep", when: not(types(39, 41)), must: people("Receptor/RUTRecep"), text: "RUT del receptor fuera de rango", about: "Receptor/RUTRecep"},
}

// resolution is the one that holds in the environment.
func (c Court) resolution() string {
	if c.Environment == Production && c.Company.Production != nil {
		return c.Company.Production.Date
	}
	return c.Company.Certification.Date
}

func issuedWithResolution(s scene) bool { return s.doc.Date >= s.court.resolution() }

func sameReceiver(s scene) bool { return s.doc.Receiver == s.doc.Issuer }

func periodInOrder(s scene) bool {
	from, to := get(s.el, "IdDoc/PeriodoDesde"), get(s.el, "IdDoc/PeriodoHasta")
	return from != "" && to != "" && from <= to
}

// tourist: an invoice to a foreigner without RUT, in the extreme north.
func tourist(s scene) bool {
	return and(
		types(33, 61), text("Receptor/RUTRecep", foreigner), text("Emisor/CmnaOrigen", "Arica", "Camarones", "Putre", "General Lagos"),
		filled("Receptor/Extranjero/NumId"), code("Receptor/Extranjero/TipoDocID", 1, 2), text("Receptor/RznSocRecep", "Extranjero sin RUT"),
	)(s)
}

// foreigner is the RUT of every receiver abroad.
const foreigner = "55555555-5"

// knownBranch asks the world, which may not know the company's branches.
func knownBranch(s scene) bool {
	known := s.court.Company.Branches
	return len(known) == 0 || in(number(get(s.el, "Emisor/CdgSIISucur")), known...)
}

func stampedFromIssue(s scene) bool {
	stamped := s.doc.get("TED/DD/TSTED")
	return len(stamped) < len(time.DateOnly) || stamped[:len(time.DateOnly)] >= s.doc.Date
}
