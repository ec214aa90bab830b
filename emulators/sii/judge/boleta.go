package judge

import (
	"math/big"
	"strings"
)

// anonymous is the RUT of a buyer who is not named.
const anonymous = "66666666-6"

// paper and electronic documents that a boleta may refer to, besides codes in
// letters such as SET (Formato Boletas, Referencia).
var boletaReferences = []int{39, 41, 50, 52, 801, 802, 803, 804, 805, 806, 813}

// boletas runs the rules that only 39 and 41 have. HED-3-211 and HED-2-260 are
// live; the statements of Formato Boletas Electrónicas have no known code.
func (c Court) boletas(d *Document) []Finding {
	if !d.boleta() {
		return nil
	}
	return append(append(boletaService(d), boletaReference(d)...), grossTotal(d)...)
}

// boletaService: what each IndServicio asks for (Formato Boletas, IdDoc).
func boletaService(d *Document) []Finding {
	get := func(path string) string { return d.get("Encabezado/" + path) }
	service := number(get("IdDoc/IndServicio"))
	var all []Finding
	if d.Receiver == anonymous && service != 3 {
		all = append(all, remark("", "boleta-anonymous", "RUT genérico con IndServicio %d", service))
	}
	if in(service, 1, 2) && (get("IdDoc/PeriodoDesde") == "" || get("IdDoc/PeriodoHasta") == "" || blank(get("Receptor/DirRecep")) || blank(get("Receptor/CmnaRecep"))) {
		all = append(all, remark("", "boleta-period", "Servicio periódico sin período o dirección"))
	}
	if service == 2 && get("IdDoc/FchVenc") == "" {
		all = append(all, remark("", "boleta-due", "Servicio domiciliario sin fecha de vencimiento"))
	}
	if service == 4 && d.get("Detalle/ItemEspectaculo") == "" {
		all = append(all, remark("", "boleta-show", "Espectáculo sin indicador de ítem"))
	}
	return all
}

func boletaReference(d *Document) []Finding {
	var all []Finding
	for _, ref := range d.References {
		kind := strings.TrimSpace(ref.Type)
		if n := number(kind); n != 0 && !in(n, boletaReferences...) {
			all = append(all, reject("HED-3-211", "boleta-reference", "Referencia no admitida en boleta: %s", kind).at(ref.Line))
		}
		if kind != "" && ref.Folio == "" {
			all = append(all, remark("", "boleta-reference-folio", "Referencia sin folio").at(ref.Line))
		}
	}
	return all
}

// grossTotal: the SII compares MntTotal with the lines and does not take global
// discounts off (seen in two projects).
func grossTotal(d *Document) []Finding {
	if !d.gross() {
		return nil
	}
	want := new(big.Rat)
	for _, l := range d.lines() {
		if !in(l.exempt, 2, 6) {
			want.Add(want, l.amount)
		}
	}
	if got := amount(d.Total); !within(got, want, new(big.Rat)) {
		return []Finding{remark("HED-2-260", "boleta-total", "Monto Total no cuadra : [%s] <> [%s]", show(got), show(want))}
	}
	return nil
}
