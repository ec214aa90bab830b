package dte

import (
	"fmt"
	"strconv"

	"timbre/shared/format"
)

const (
	customsPath   = "Encabezado.Transporte.Aduana"
	sourceCustoms = sourceFormat + ", Transporte, Aduana"
)

var customsRules = []rule{
	{
		code: "customs-code", level: LevelUnknown, source: sourceRejections + ", códigos de Aduana",
		text:   "el código no está en la tabla de Aduana",
		broken: unknownCustomsCodes,
	},
	{
		code: "customs-code", level: LevelUnknown, source: sourceFormat + ", IdDoc, FmaPagExp",
		text: "la forma de pago no está en la tabla de Aduana",
		broken: when("Encabezado.IdDoc.FmaPagExp", func(d *draft) bool {
			return d.id("FmaPagExp") != "" && !isCustomsCode("pago", d.id("FmaPagExp"))
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, types: []Type{FacturaExportacion}, source: sourceFormat + ", IdDoc, FchCancel",
		text: "un pago anticipado (FmaPagExp 32) indica la fecha en que se pagó (FchCancel)",
		broken: when("Encabezado.IdDoc.FchCancel", func(d *draft) bool {
			return d.id("FmaPagExp") == "32" && d.id("FchCancel") == ""
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, types: []Type{FacturaExportacion}, source: sourceCustoms,
		text: "una exportación de bienes informa este campo de Aduana",
		broken: func(d *draft) []string {
			if service := d.id("IndServicio"); service == "3" || service == "4" || service == "5" {
				return nil
			}
			return d.absentCustoms("CodModVenta", "CodClauVenta", "TotClauVenta", "CodViaTransp", "TotBultos", "CodPaisRecep", "CodPaisDestin")
		},
	},
	{
		code: CodeMissing, level: LevelUnknown, types: []Type{GuiaDespacho}, source: sourceCustoms + ", IndTraslado 8 y 9",
		text: "una guía de exportación informa este campo de Aduana",
		broken: func(d *draft) []string {
			if !d.movesAbroad() {
				return nil
			}
			return d.absentCustoms("CodPtoEmbarque", "CodPtoDesemb", "PesoBruto", "CodUnidPesoBruto", "TotBultos")
		},
	},
	{
		code: CodeMissing, level: LevelUnknown, types: []Type{GuiaDespacho}, source: sourceFormat + ", GuiaExport, CdgTraslado",
		text: "una guía de exportación indica CdgTraslado",
		broken: when("Encabezado.Emisor.GuiaExport.CdgTraslado", func(d *draft) bool {
			return d.movesAbroad() && !d.doc.Has("Encabezado/Emisor/GuiaExport/CdgTraslado")
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, types: []Type{GuiaDespacho}, source: sourceFormat + ", GuiaExport, FolioAut y FchAut",
		text: "un traslado autorizado (CdgTraslado 4) indica la resolución: FolioAut y FchAut",
		broken: when("Encabezado.Emisor.GuiaExport.FolioAut", func(d *draft) bool {
			g := d.doc.At("Encabezado/Emisor/GuiaExport")
			return g.Has("CdgTraslado") && d.doc.Get("Encabezado/Emisor/GuiaExport/CdgTraslado") == "4" && !(g.Has("FolioAut") && g.Has("FchAut"))
		}),
	},
	{
		code: CodeMissing, level: LevelUnknown, source: sourceCustoms + ", unidades",
		text: "cada peso lleva su unidad",
		broken: func(d *draft) []string {
			var paths []string
			for _, w := range [][2]string{{"Tara", "CodUnidMedTara"}, {"PesoBruto", "CodUnidPesoBruto"}, {"PesoNeto", "CodUnidPesoNeto"}} {
				if a := d.customs(); a.Has(w[0]) && !a.Has(w[1]) {
					paths = append(paths, customsPath+"."+w[1])
				}
			}
			return paths
		},
	},
	{
		code: "package-total", level: LevelUnknown, source: sourceCustoms + ", TotBultos",
		text:   "TotBultos debe ser la suma de CantBultos",
		broken: when(customsPath+".TotBultos", packagesDiffer),
	},
	{
		code: "package-fields", sii: "HED-2-804", level: LevelRemark, source: sourceRejections + ", HED 804",
		text: "cada grupo de bultos necesita sus marcas (Marcas)",
		broken: eachPackage("Marcas", func(n *format.Node) bool {
			return !n.Has("Marcas")
		}),
	},
	{
		code: "package-fields", sii: "HED-2-804", level: LevelRemark, source: sourceRejections + ", HED 804",
		text: "un contenedor necesita su número (IdContainer) y su sello (Sello)",
		broken: eachPackage("IdContainer", func(n *format.Node) bool {
			return containers[n.Get("CodTpoBultos")] && !(n.Has("IdContainer") && n.Has("Sello"))
		}),
	},
	{
		code: "several-references", level: LevelUnknown, types: []Type{FacturaExportacion, GuiaDespacho}, source: sourceFormat + ", Referencia, DUS",
		text:   "el documento se refiere a lo más a una DUS (807)",
		broken: when("Referencia", func(d *draft) bool { return d.countReferences("807") > 1 }),
	},
}

func (d *draft) customs() *format.Node { return d.doc.At("Encabezado/Transporte/Aduana") }

// movesAbroad tells whether a guía moves goods for export (IndTraslado 8, 9).
func (d *draft) movesAbroad() bool { return d.id("IndTraslado") == "8" || d.id("IndTraslado") == "9" }

func (d *draft) absentCustoms(names ...string) []string {
	var paths []string
	for _, name := range names {
		if !d.customs().Has(name) {
			paths = append(paths, customsPath+"."+name)
		}
	}
	return paths
}

func unknownCustomsCodes(d *draft) []string {
	var paths []string
	for _, f := range customsFields {
		if leaf := d.customs().Child(f.name); leaf != nil && !isCustomsCode(f.list, leaf.Text) {
			paths = append(paths, customsPath+"."+f.name)
		}
	}
	for i, n := range d.customs().All("TipoBultos") {
		if code := n.Get("CodTpoBultos"); code != "" && !isCustomsCode("bulto", code) {
			paths = append(paths, packagePath(i, "CodTpoBultos"))
		}
	}
	return paths
}

func packagePath(i int, name string) string {
	return fmt.Sprintf("%s.TipoBultos[%d].%s", customsPath, i, name)
}

func eachPackage(name string, condition func(n *format.Node) bool) func(*draft) []string {
	return func(d *draft) []string {
		var paths []string
		for i, n := range d.customs().All("TipoBultos") {
			if condition(n) {
				paths = append(paths, packagePath(i, name))
			}
		}
		return paths
	}
}

// packagesDiffer: with groups of packages there is a total, which is their sum.
func packagesDiffer(d *draft) bool {
	groups := d.customs().All("TipoBultos")
	if len(groups) == 0 {
		return false
	}
	sum := 0
	for _, n := range groups {
		count, err := strconv.Atoi(n.Get("CantBultos"))
		if err != nil {
			return false // a group may leave its count out
		}
		sum += count
	}
	total, err := strconv.Atoi(d.doc.Get("Encabezado/Transporte/Aduana/TotBultos"))
	return err != nil || total != sum
}

func (d *draft) countReferences(code string) int {
	count := 0
	for _, n := range d.doc.All("Referencia") {
		if n.Get("TpoDocRef") == code {
			count++
		}
	}
	return count
}
