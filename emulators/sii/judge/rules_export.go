package judge

import "math/big"

const aduana = "Transporte/Aduana/"

// goods: an export of goods, not of services (IndServicio).
var goods = and(types(110), not(has("IdDoc/IndServicio")))

// shipped asks a factura de exportación for a field of Aduana, but not of the
// services that FD excepts.
func shipped(name, field, what string, row int, excepted ...int) rule {
	return rule{
		name: name, rows: []int{row}, source: "FD Aduana " + field, when: and(types(110), not(code("IdDoc/IndServicio", excepted...))),
		must: filled(aduana + field), text: "Factura de exportación sin " + what,
	}
}

// unit: a weight must come with its unit.
func unit(name, weight, field string) rule {
	return rule{name: name, rows: []int{159}, source: "FD Aduana " + field, when: has(aduana + weight), must: has(aduana + field), text: weight + " sin unidad de medida"}
}

// listed: a code of Customs is in its table; a remark of certification sets
// whose code is not known.
func listed(field string) rule {
	return rule{name: "customs-" + field, rows: []int{158}, source: "tables of Aduana, anexo 51; remarks seen in certification", when: has(aduana + field), must: customs(aduana + field), text: field + " fuera de la tabla de Aduana", about: aduana + field}
}

var exportRules = []rule{
	shipped("export-sale-mode", "CodModVenta", "modalidad de venta", 146, 3, 4, 5),
	shipped("export-clause", "CodClauVenta", "cláusula de venta", 147, 3, 4, 5),
	shipped("export-clause-total", "TotClauVenta", "total de la cláusula de venta", 148, 3, 4, 5),
	shipped("export-transport", "CodViaTransp", "vía de transporte", 149, 4),
	shipped("export-port-out", "CodPtoEmbarque", "puerto de embarque", 150, 4),
	shipped("export-port-in", "CodPtoDesemb", "puerto de desembarque", 151, 4),
	{name: "export-packages", rows: []int{157}, source: "FD Aduana TotBultos, CodPaisRecep", when: goods, must: filled(aduana+"TotBultos", aduana+"CodPaisRecep"), text: "Factura de exportación sin total de bultos o país del receptor"},
	{name: "export-destination", rows: []int{157}, source: "FD Aduana CodPaisDestin", when: goods, must: filled(aduana + "CodPaisDestin"), text: "Factura de exportación sin país de destino", strict: "a company that passed certification sent none"},
	listed("CodModVenta"), listed("CodClauVenta"), listed("CodViaTransp"), listed("CodPtoEmbarque"), listed("CodPtoDesemb"),
	listed("CodUnidMedTara"), listed("CodUnidPesoBruto"), listed("CodUnidPesoNeto"), listed("CodPaisRecep"), listed("CodPaisDestin"),
	{name: "customs-CodTpoBultos", rows: []int{158}, source: "tables of Aduana, anexo 51; remarks seen in certification", zone: packages, when: has("CodTpoBultos"), must: customs("CodTpoBultos"), text: "CodTpoBultos fuera de la tabla de Aduana", about: "CodTpoBultos"},
	unit("tare-unit", "Tara", "CodUnidMedTara"), unit("gross-weight-unit", "PesoBruto", "CodUnidPesoBruto"), unit("net-weight-unit", "PesoNeto", "CodUnidPesoNeto"),
	{name: "packages-total", rows: []int{160}, source: "FD Aduana TotBultos, CantBultos", when: has(aduana + "TipoBultos"), must: equals(aduana+"TotBultos", 0, func(s scene) *big.Rat { return s.total(packages, "CantBultos") }), text: "Total de bultos distinto de la suma de los grupos"},
	{name: "export-container", code: "HED-2-804", rows: []int{24}, source: "answers of certification", zone: packages, when: and(types(110, 111, 112), code("CodTpoBultos", containers...)), must: filled("IdContainer", "Sello"), text: "Contenedor sin identificación o sello"},
	{name: "export-pesos-amounts", code: "HED-3-834", level: Reject, rows: []int{26}, source: "answers of certification; FD OtraMoneda (2017-05-31)", when: and(types(110, 111, 112), text("OtraMoneda/TpoMoneda", "PESO CL")), must: and(positive("OtraMoneda/TpoCambio"), has("OtraMoneda/MntExeOtrMnda"), has("OtraMoneda/MntTotOtrMnda")), text: "Otra Moneda en pesos sin tipo de cambio o montos"},
	{name: "export-conversion-exempt", rows: []int{181}, source: "remarks seen in certification; FD OtraMoneda MntExeOtrMnda", when: converted, must: equals("OtraMoneda/MntExeOtrMnda", 1, inPesos("Totales/MntExe")), text: "Exento en pesos no corresponde al tipo de cambio", about: "OtraMoneda/MntExeOtrMnda"},
	{name: "export-conversion-total", rows: []int{181}, source: "remarks seen in certification; FD OtraMoneda MntTotOtrMnda", when: and(converted, not(code("IdDoc/FmaPagExp", 21))), must: equals("OtraMoneda/MntTotOtrMnda", 1, inPesos("Totales/MntTotal")), text: "Total en pesos no corresponde al tipo de cambio", about: "OtraMoneda/MntTotOtrMnda"},
	{name: "export-surcharge-currency", rows: []int{212}, source: "FD DscRcgGlobal ValorDROtrMnda", zone: "DscRcgGlobal", when: and(types(110, 111, 112), text("TpoValor", "$")), must: has("ValorDROtrMnda"), text: "Recargo global sin valor en otra moneda", strict: "nobody is known to send it"},
	{name: "export-quantity", rows: []int{194}, source: "FD Detalle QtyItem, UnmdItem", zone: "Detalle", when: and(types(110), not(header(code("IdDoc/IndServicio", 3, 4, 5)))), must: and(positive("QtyItem"), filled("UnmdItem")), text: "Exportación sin cantidad o unidad"},
	{name: "export-unit", rows: []int{194}, source: "FD Detalle UnmdItem; Aduana, unidades de medida", zone: "Detalle", when: and(types(110), not(header(has("IdDoc/IndServicio"))), has("UnmdItem")), must: customs("UnmdItem"), text: "Unidad fuera de la tabla de Aduana", about: "UnmdItem"},
}

const packages = "Encabezado/Transporte/Aduana/TipoBultos"

// converted: the document carries its amounts in pesos.
var converted = and(types(110, 111, 112), text("OtraMoneda/TpoMoneda", "PESO CL"), positive("OtraMoneda/TpoCambio"))

func inPesos(path string) func(scene) *big.Rat {
	return func(s scene) *big.Rat {
		return pesos(times(amountAt(s.el, path), amountAt(s.el, "OtraMoneda/TpoCambio")))
	}
}
