package dte

import (
	"strings"

	"timbre/shared/rut"
)

const (
	sourceFormat     = "Formato DTE v2.5 (2026-02)"
	sourceRejections = "Catálogo de rechazos y reparos del SII"
	issueDatePath    = "Encabezado.IdDoc.FchEmis"
)

// oldest is the first date of the format (Formato DTE v2.5, FchEmis).
const oldest = "2003-04-01"

var headerRules = []rule{
	{
		code: CodeMissing, sii: "HED-3-845", level: LevelReject, source: sourceRejections + ", HED 845",
		types:  []Type{Factura, FacturaExenta, FacturaCompra, GuiaDespacho, LiquidacionFactura, FacturaExportacion},
		text:   "falta la dirección del receptor; el SII rechaza el documento sin ella",
		broken: absent("Encabezado.Receptor.DirRecep"),
	},
	{
		code: CodeMissing, sii: "HED-3-846", level: LevelReject, source: sourceRejections + ", HED 846",
		types:  []Type{Factura, FacturaExenta, FacturaCompra, GuiaDespacho, LiquidacionFactura},
		text:   "falta la comuna del receptor; el SII rechaza el documento sin ella",
		broken: absent("Encabezado.Receptor.CmnaRecep"),
	},
	{
		// Its level is not known; treated as a remark, since the format makes it obligatory.
		code: CodeMissing, level: LevelRemark, source: sourceFormat + ", Receptor, GiroRecep",
		types:  []Type{Factura, FacturaExenta, FacturaCompra, GuiaDespacho, LiquidacionFactura},
		text:   "falta el giro del receptor, obligatorio en este tipo de documento",
		broken: absent("Encabezado.Receptor.GiroRecep"),
	},
	{
		code: CodeMissing, level: LevelReject, source: sourceRejections + ", «DTE Sin Comuna Origen»",
		types:  []Type{Factura, FacturaExenta, GuiaDespacho},
		text:   "falta la comuna de origen del emisor; el SII rechaza el documento sin ella",
		broken: absent("Encabezado.Emisor.CmnaOrigen"),
	},
	{
		code: "bad-date", level: LevelReject, source: sourceFormat + ", IdDoc, FchEmis",
		text:   "la fecha de emisión no puede ser futura ni anterior al 2003-04-01",
		broken: when(issueDatePath, func(d *draft) bool { return d.issued() > d.req.Today.Format(dateLayout) || d.issued() < oldest }),
	},
	{
		code: "old-date", sii: "DTE-1-650", level: LevelSlight, source: sourceRejections + ", DTE 650",
		text: "el SII espera recibir el documento a más tardar tres días después de su fecha de emisión",
		broken: when(issueDatePath, func(d *draft) bool {
			issued, ok := date(d.issued())
			limit := issued.AddDate(0, 0, 3).Format(dateLayout)
			return ok && d.req.Today.Format(dateLayout) > limit
		}),
	},
	{
		code: "field-mismatch", level: LevelUnknown, source: sourceFormat + ", IdDoc, PeriodoDesde y PeriodoHasta",
		text: "el período debe venir completo y su comienzo no puede ser posterior a su término",
		broken: when("Encabezado.IdDoc.PeriodoDesde", func(d *draft) bool {
			from, to := d.id("PeriodoDesde"), d.id("PeriodoHasta")
			return (from == "") != (to == "") || from > to
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, source: "Ley 19.983; " + sourceFormat + ", IdDoc, FchVenc",
		types:  []Type{Factura, FacturaExenta, FacturaCompra, LiquidacionFactura},
		text:   "una venta a crédito debería indicar su vencimiento",
		broken: when("Encabezado.IdDoc.FchVenc", func(d *draft) bool { return d.id("FmaPago") == "2" && d.id("FchVenc") == "" }),
	},
	{
		code: "gross-with-taxes", level: LevelUnknown, source: sourceFormat + ", IdDoc, MntBruto",
		text: "los montos brutos (MntBruto) no admiten líneas con impuestos adicionales",
		broken: when("Encabezado.IdDoc.MntBruto", func(d *draft) bool {
			return d.id("MntBruto") == "1" && len(d.totals.taxes) > 0
		}),
	},
	{
		code: "internal-transfer", level: LevelUnknown, source: sourceFormat + ", IdDoc, IndTraslado 5",
		types: []Type{GuiaDespacho},
		text:  "en un traslado interno el receptor es el propio emisor y no hay TipoDespacho",
		broken: when("Encabezado.IdDoc.IndTraslado", func(d *draft) bool {
			own := d.doc.Get("Encabezado/Receptor/RUTRecep") == d.req.Issuer.RUT.String()
			return d.id("IndTraslado") == "5" && (!own || d.id("TipoDespacho") != "")
		}),
	},
	{
		code: "anonymous-receiver", level: LevelUnknown, source: "Formato Boletas v4.2 (2025-09-08), RUTRecep",
		types: []Type{Factura, FacturaExenta, FacturaCompra, LiquidacionFactura},
		text:  "el RUT 66666666-6 es del comprador sin identificar de una boleta; una factura necesita un RUT real",
		broken: when("Encabezado.Receptor.RUTRecep", func(d *draft) bool {
			return d.doc.Get("Encabezado/Receptor/RUTRecep") == rut.Anonymous.String()
		}),
	},
	{
		code: "tourist-invoice", level: LevelUnknown, source: sourceFormat + ", IdDoc, TipoFactEsp",
		text: "una factura a turista lleva el RUT 55555555-5, el nombre «Extranjero sin RUT», NumId y TipoDocID, y origen en Arica, Camarones, Putre o General Lagos",
		broken: when("Encabezado.IdDoc.TipoFactEsp", func(d *draft) bool {
			return d.id("TipoFactEsp") == "1" && !d.isTourist()
		}),
	},
	{
		code: "rut-range", level: LevelUnknown, source: sourceFormat + ", tipo RUT: cuerpo entre 100.000 y 99.999.999",
		text: "el RUT está fuera del rango habitual",
		broken: when("Encabezado.Receptor.RUTRecep", func(d *draft) bool {
			r, err := rut.Parse(d.doc.Get("Encabezado/Receptor/RUTRecep"))
			return err == nil && r.Number() < 100_000
		}),
	},
	{
		code: "activity-not-registered", sii: "HED-3-861", level: LevelReject, source: sourceRejections + ", HED 861",
		text: "la actividad económica (Acteco) no es de las registradas de la empresa",
		broken: when("Encabezado.Emisor.Acteco", func(d *draft) bool {
			return len(d.req.Issuer.Acteco) > 0 && d.foreignActivity()
		}),
	},
}

func (d *draft) issued() string { return d.id("FchEmis") }

// id is a field of IdDoc.
func (d *draft) id(name string) string { return d.doc.Get("Encabezado/IdDoc/" + name) }

func (d *draft) foreignActivity() bool {
	for _, n := range d.doc.At("Encabezado/Emisor").All("Acteco") {
		known := false
		for _, code := range d.req.Issuer.Acteco {
			known = known || code == n.Text
		}
		if !known {
			return true
		}
	}
	return false
}

// freeZone are the comunas that may issue tourist invoices.
var freeZone = map[string]bool{"ARICA": true, "CAMARONES": true, "PUTRE": true, "GENERAL LAGOS": true}

func (d *draft) isTourist() bool {
	receiver := d.doc.At("Encabezado/Receptor")
	return receiver.Get("RUTRecep") == rut.Foreign.String() &&
		strings.EqualFold(receiver.Get("RznSocRecep"), "Extranjero sin RUT") &&
		receiver.Has("Extranjero/NumId") && receiver.Has("Extranjero/TipoDocID") &&
		freeZone[strings.ToUpper(d.doc.Get("Encabezado/Emisor/CmnaOrigen"))]
}
