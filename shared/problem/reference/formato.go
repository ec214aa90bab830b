package reference

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"timbre/shared/format"
)

const formatoHead = `# Formato de los documentos

Generada por ` + "`make generate`" + ` desde shared/format/table; no se edita. Los campos de ` + "`document`" + ` llevan estos nombres,
anidados igual, en cualquier orden; una lista de un elemento puede venir como objeto.

* **Veces**: mínimo y máximo del esquema; ∗ sin máximo.
* **Obligatoriedad** por tipo de documento, como la imprime el SII: 0 no debe ir, 1 obligatorio, 2 condicional, 3 opcional; rige sólo si
  está el elemento que lo contiene. Con ? la casilla es dudosa (el texto, el esquema o documentos reales la contradicen) y no decide sola.
* ✱ marca los campos sin los cuales el SII no da por emitido el documento.
* **Fuente**: *campo*, la fila del campo en Formato DTE v2.5 (2026-02) o Formato Boletas Electrónicas v4.2 (2025-09-08); *zona*, su tabla de
  zonas; *derivada*, el código más fuerte de los campos que contiene; *esquema*, sólo el XSD (DTE_v10 y SiiTypes_v10 de 2026-02,
  EnvioBOLETA_v11 de 2025).

Condiciones que relacionan campos entre sí: [problems.md](problems.md).
`

// roots are the documents, with the types whose codes their table has.
var roots = []struct {
	root, title string
	types       []int
}{
	{"Documento", "Documento: facturas, guías y notas", []int{33, 34, 46, 52, 56, 61}},
	{"Liquidacion", "Liquidacion: liquidación factura", []int{43}},
	{"Exportaciones", "Exportaciones: factura y notas de exportación", []int{110, 111, 112}},
	{"Boleta", "Documento de EnvioBOLETA: boletas", []int{39, 41}},
}

func formato() []byte {
	var b strings.Builder
	b.WriteString(formatoHead)
	for _, r := range roots {
		fmt.Fprintf(&b, "\n## %s\n", r.title)
		root := format.Root(r.root)
		for _, zone := range root.Children {
			writeZone(&b, zone, zone.Name, r.types)
		}
	}
	return []byte(b.String())
}

// writeZone writes a zone of the document; Encabezado has one table for each zone inside.
func writeZone(b *strings.Builder, zone *format.Element, title string, types []int) {
	fmt.Fprintf(b, "\n### %s (%s)\n", title, occurs(zone))
	header := []string{"Campo", "Veces", "Valor"}
	for _, t := range types {
		header = append(header, strconv.Itoa(t))
	}
	table(b, append(header, "Fuente")...)
	elementRow(b, zone, zone.Name, types)
	var apart []*format.Element
	for _, e := range zone.Children {
		if zone.Name == "Encabezado" && len(e.Children) > 0 {
			apart = append(apart, e)
			continue
		}
		elementRows(b, e, e.Name, types)
	}
	for _, e := range apart {
		writeZone(b, e, title+" / "+e.Name, types)
	}
}

func elementRows(b *strings.Builder, e *format.Element, name string, types []int) {
	elementRow(b, e, name, types)
	for _, kid := range e.Children {
		elementRows(b, kid, name+"/"+kid.Name, types)
	}
}

func elementRow(b *strings.Builder, e *format.Element, name string, types []int) {
	value := "grupo"
	if e.Type != nil {
		value = e.Type.Describe()
	}
	if e.Rejects {
		name += " ✱"
	}
	cells := []string{name, occurs(e), value}
	for _, t := range types {
		cells = append(cells, obligation(e, t))
	}
	row(b, append(cells, citation(e.Source))...)
}

func occurs(e *format.Element) string {
	if e.Max == format.Unbounded {
		return fmt.Sprintf("%d..∗", e.Min)
	}
	return fmt.Sprintf("%d..%d", e.Min, e.Max)
}

func obligation(e *format.Element, documentType int) string {
	all := []format.Code{format.Forbidden, format.Required, format.Conditional, format.Optional}
	c, doubtful := e.Code(documentType)
	i := slices.Index(all, c)
	if i < 0 {
		return ""
	}
	if doubtful {
		return strconv.Itoa(i) + "?"
	}
	return strconv.Itoa(i)
}

func citation(source string) string {
	return map[string]string{"field": "campo", "zone": "zona", "derived": "derivada", "xsd": "esquema"}[source]
}
