package judge

import "strings"

// fiscal: the reference names a tax document: a number under 800.
func fiscal(s scene) bool { n := number(get(s.el, "TpoDocRef")); return n > 0 && n < 800 }

// correctable: it names a document that a note may correct.
func correctable(s scene) bool {
	return in(number(get(s.el, "TpoDocRef")), corrected...) && !code("TpoDocRef", 50, 52)(s)
}

var referenceRules = []rule{
	{name: "reference-number", rows: []int{214}, source: "FD Referencia NroLinRef", must: numbered("Referencia", "NroLinRef"), text: "Referencias no numeradas en orden"},
	{name: "reference-type", rows: []int{215}, source: "FD Referencia TpoDocRef", zone: "Referencia", when: not(types(39, 41)), must: referenceType, text: "Tipo de documento referenciado fuera de lista", about: "TpoDocRef"},
	{name: "reference-global", rows: []int{216}, source: "FD Referencia IndGlobal, FolioRef", zone: "Referencia", when: not(types(39, 41)), must: func(s scene) bool { return code("IndGlobal", 1)(s) == text("FolioRef", "0")(s) }, text: "Referencia global mal formada", about: "FolioRef"},
	{name: "reference-folio", rows: []int{217}, source: "FD Referencia FolioRef", zone: "Referencia", when: and(not(types(39, 41)), fiscal), must: digits("FolioRef"), text: "Folio de documento tributario que no es un número", about: "FolioRef"},
	{name: "reference-date-range", rows: []int{218}, source: "FD Referencia FchRef", zone: "Referencia", when: has("FchRef"), must: func(s scene) bool { return between("FchRef", firstDue, s.doc.Date)(s) }, text: "Fecha de referencia fuera de rango o posterior a la emisión", about: "FchRef"},
	{name: "reference-single", rows: []int{219}, source: "FD Referencia CodRef", when: some("Referencia", and(correctable, code("CodRef", 1, 2))), must: atMost(1, "Referencia", correctable), text: "Anulación o corrección de texto de más de un documento"},
	{name: "reference-export", rows: []int{220}, source: "FD Referencia TpoDocRef", when: types(111, 112), must: some("Referencia", and(code("TpoDocRef", 110, 111, 112), code("CodRef", 1, 2, 3))), text: "Nota de exportación sin referencia a su factura"},
	{name: "reference-other", rows: []int{221}, source: "FD Referencia RUTOtr", zone: "Referencia", when: has("RUTOtr"), must: and(types(46, 43, 56, 61), fiscal, func(s scene) bool { return get(s.el, "RUTOtr") != s.doc.Issuer }), text: "RUT de otro contribuyente que no corresponde", about: "RUTOtr"},
	{name: "reference-exempt", rows: []int{223}, source: "client code: note on an exempt document", when: and(types(56, 61), some("Referencia", and(correctable, code("TpoDocRef", 32, 34, 38, 41))), none("Referencia", and(correctable, not(code("TpoDocRef", 32, 34, 38, 41))))), must: zero("Totales/MntNeto"), text: "Nota sobre documento exento con monto neto", about: "Totales/MntNeto"},
	{name: "debit-text", rows: []int{224}, source: "FD Referencia CodRef", zone: "Referencia", when: and(types(56), correctable), must: not(code("CodRef", 2)), text: "Nota de débito no corrige texto"},
	{name: "customs-papers", rows: []int{162}, source: "FD Referencia, notes on exports", must: singlePapers, text: "Más de un documento de Aduana del mismo tipo"},
}

// referenceType: letters of one's own, or a number of the format's list.
func referenceType(s scene) bool {
	kind := strings.TrimSpace(get(s.el, "TpoDocRef"))
	if strings.Trim(kind, "0123456789") != "" {
		return true
	}
	n := number(kind)
	return n >= 30 && n <= 112 || n >= 801 && n <= 815 || n >= 820 && n <= 823
}

func digits(path string) condition {
	return func(s scene) bool { return strings.Trim(get(s.el, path), "0123456789") == "" }
}

// singlePapers: one DUS (807) in an invoice, one carta de porte (811) in a
// service of land transport, one DUS or MIC/DTA in a guía.
func singlePapers(s scene) bool {
	switch {
	case types(52)(s):
		return atMost(1, "Referencia", code("TpoDocRef", 807, 810))(s)
	case types(110)(s) && code("IdDoc/IndServicio", 5)(s):
		return atMost(1, "Referencia", code("TpoDocRef", 811))(s) && atMost(1, "Referencia", code("TpoDocRef", 807))(s)
	case types(110)(s):
		return atMost(1, "Referencia", code("TpoDocRef", 807))(s)
	}
	return true
}
