package dte

import (
	"strconv"

	"timbre/shared/format"
)

// fill writes what the caller may leave out and what needs no arithmetic.
func (d *draft) fill() {
	id := d.doc.Ensure("Encabezado/IdDoc")
	setDefault(id, "FchEmis", d.req.Today.Format(dateLayout))
	if d.kind.boleta {
		setDefault(id, "IndServicio", "3") // sales and services (Formato Boletas v4.2, IndServicio)
	}
	d.fillIssuer()
	d.numbered("Detalle", "NroLinDet")
	d.numbered("DscRcgGlobal", "NroLinDR")
	d.numbered("Referencia", "NroLinRef")
	d.numbered("Comisiones", "NroLinCom")
	d.numbered("SubTotInfo", "NroSTI")
	d.fillReferenceDates(id.Get("FchEmis"))
	d.fillAgents()
}

// fillAgents marks the lines whose IVA the buyer withholds whole (code 15) with the agent's mark, which
// the SII asks of a purchase invoice and its notes (FORMATS 6.5; REJECTIONS, HED-2-302).
func (d *draft) fillAgents() {
	if d.kind.root != "Documento" {
		return
	}
	for _, n := range d.doc.All("Detalle") {
		if hasTax(n, "15") && !n.Has("Retenedor") {
			n.Set("Retenedor/IndAgente", "R")
		}
	}
}

// setDefault writes a child that is absent, where the format has it.
func setDefault(n *format.Node, name, text string) {
	if text != "" && n.Child(name) == nil {
		n.Set(name, text)
	}
}

// numbered numbers the elements of a list from 1 where the caller did not (FORMATS 5.3, 5.5, 7).
func (d *draft) numbered(list, name string) {
	for i, n := range d.doc.All(list) {
		if n.Def.Child(name) == nil {
			return
		}
		setDefault(n, name, strconv.Itoa(i+1))
		if n.Get(name) != strconv.Itoa(i+1) {
			level := LevelUnknown
			if list == "Detalle" {
				level = LevelReject // NroLinDet is marked (*); other fields point to lines by it
			}
			d.fault(FieldError{
				Path: item(list, i) + "." + name, Code: "line-number",
				Detail: "las líneas se numeran 1, 2, 3… sin saltos; puede dejar este campo fuera", Level: level,
			})
		}
	}
}

// fillIssuer completes the zone Emisor from the company; fields given win, but the RUT must be its.
func (d *draft) fillIssuer() {
	e := d.doc.Ensure("Encabezado/Emisor")
	company := &d.req.Issuer
	if given := e.Get("RUTEmisor"); given != "" && given != company.RUT.String() {
		d.reject(at("Encabezado.Emisor.RUTEmisor"), "foreign-issuer", "el RUT del emisor no es el de la empresa que emite")
	}
	e.Set("RUTEmisor", company.RUT.String())
	// Boletas have names of their own (FORMATS section 12); Set ignores what the format lacks.
	setDefault(e, "RznSoc", company.RznSoc)
	setDefault(e, "RznSocEmisor", company.RznSoc)
	setDefault(e, "GiroEmis", company.GiroEmis)
	setDefault(e, "GiroEmisor", company.GiroEmis)
	setDefault(e, "CorreoEmisor", company.CorreoEmisor)
	setDefault(e, "Sucursal", company.Sucursal)
	setDefault(e, "CdgSIISucur", company.CdgSIISucur)
	setDefault(e, "DirOrigen", company.DirOrigen)
	setDefault(e, "CmnaOrigen", company.CmnaOrigen)
	setDefault(e, "CiudadOrigen", company.CiudadOrigen)
	setList(e, "Telefono", company.Telefono)
	setList(e, "Acteco", company.Acteco)
	d.cleanTexts(e, at("Encabezado.Emisor"))
}

// setList writes the values of a list that is absent, as many as the format takes.
func setList(n *format.Node, name string, values []string) {
	def := n.Def.Child(name)
	if def == nil || n.Child(name) != nil {
		return
	}
	for _, v := range values[:min(len(values), def.Max)] {
		n.Add(name).Text = v
	}
}

// fillReferenceDates dates references to what is no tax document (orders, passports, SET), whose date
// the schema wants and nobody checks; the date of a tax document is a fact that only the caller knows.
func (d *draft) fillReferenceDates(issued string) {
	for _, r := range d.doc.All("Referencia") {
		if code, err := strconv.Atoi(r.Get("TpoDocRef")); err != nil || code >= 800 {
			setDefault(r, "FchRef", issued)
		}
	}
}
