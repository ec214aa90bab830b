package judge

import "math/big"

// note says whether a type corrects another document.
func (d *Document) note() bool { return in(d.Type, 56, 61, 111, 112) }

// registered are the types that this simulator keeps: a reference to one of
// them can be looked up. Paper documents, boletas and orders cannot.
var registered = []int{33, 34, 43, 46, 52, 56, 61, 110, 111, 112}

// corrected are the documents, on paper too, that a note may correct.
var corrected = append([]int{30, 32, 35, 38, 39, 40, 41, 45, 55, 60, 103}, registered...)

// references: REF-3-750, REF-2-780 and REF-2-781 are live; 415, 751, 758 and 768
// are known from clients only and go without a code.
func (c Court) references(d *Document) []Finding {
	if !d.note() {
		return nil
	}
	var all []Finding
	taxed := 0
	for _, ref := range d.References {
		kind := number(ref.Type)
		if !in(kind, corrected...) {
			continue
		}
		if !in(kind, 50, 52) {
			taxed++
		}
		all = append(all, c.reference(d, ref, kind)...)
	}
	if taxed == 0 {
		all = append(all, reject("", "reference-missing", "Nota sin referencia a un documento tributario"))
	}
	return all
}

func (c Court) reference(d *Document, ref Reference, kind int) []Finding {
	var all []Finding
	if !in(number(ref.Code), 1, 2, 3) {
		all = append(all, reject("", "reference-code", "Falta el código de referencia").at(ref.Line))
	}
	if ref.Date > d.Date {
		all = append(all, remark("", "reference-date", "Fecha de referencia %s posterior a la emisión", ref.Date).at(ref.Line))
	}
	if in(d.Type, 56, 111) && ref.Code == "1" && !in(kind, 60, 61, 112) {
		all = append(all, remark("", "debit-annuls", "Nota de débito anula un documento que no es nota de crédito").at(ref.Line))
	}
	if ref.Code == "2" && !textOnly(d) {
		all = append(all, remark("REF-2-781", "reference-text", "Corrige texto con montos").at(ref.Line))
	}
	if ref.Code == "3" && amount(d.Total).Sign() == 0 {
		all = append(all, remark("", "reference-amount", "Modifica montos con total cero").at(ref.Line))
	}
	if in(kind, registered...) && number(ref.Folio) > 0 {
		all = append(all, c.original(d, ref, kind)...)
	}
	return all
}

// textOnly: a correction of text has one line of zero pesos, without quantity
// or price, and no total.
func textOnly(d *Document) bool {
	lines := d.lines()
	return amount(d.Total).Sign() == 0 && len(lines) == 1 && !lines[0].priced && lines[0].amount.Sign() == 0
}

// original compares the note with the document that it names.
func (c Court) original(d *Document, ref Reference, kind int) []Finding {
	issuer := d.Issuer
	if ref.Issuer != "" {
		issuer = ref.Issuer
	}
	old, found := c.Registry.Received(issuer, kind, number(ref.Folio))
	if !found {
		return []Finding{reject("REF-3-750", "reference-unknown", "Documento Referenciado no ha sido Recibido en el SII: tipo %d folio %s", kind, ref.Folio).at(ref.Line)}
	}
	var all []Finding
	if old.Receiver != d.Receiver {
		all = append(all, remark("", "reference-receiver", "RUT receptor distinto al del documento referenciado").at(ref.Line))
	}
	if ref.Date != old.Date {
		all = append(all, remark("", "reference-date", "Fecha de referencia %s distinta de la del documento %s", ref.Date, old.Date).at(ref.Line))
	}
	if ref.Code == "1" && !within(amount(old.Total), amount(d.Total), new(big.Rat)) {
		all = append(all, remark("REF-2-780", "reference-total", "Anulación con monto distinto del documento referenciado : [%s] <> [%s]", d.Total, old.Total).at(ref.Line))
	}
	return all
}
