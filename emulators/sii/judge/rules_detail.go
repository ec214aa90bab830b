package judge

import "math/big"

// sale: quantity and price belong together in it.
var sale = or(types(33, 34, 39, 41, 46, 56, 61, 110, 111, 112), and(types(52), header(code("IdDoc/IndTraslado", 1))))

// share: a percentage of the line comes with its amount (FD Detalle). A percentage
// alone fails; rounding may differ by a peso.
func share(name, percentage, value string, rows ...int) []rule {
	return []rule{
		{name: name + "-missing", rows: rows, source: "FD Detalle " + value, zone: "Detalle", when: positive(percentage), must: has(value), text: percentage + " sin " + value},
		{name: name + "-value", rows: rows, source: "FD Detalle " + value, zone: "Detalle", when: and(not(types(43)), positive(percentage), has(value), has("QtyItem"), has("PrcItem")), must: equals(value, 1, func(s scene) *big.Rat {
			return pesos(percent(times(amountAt(s.el, "QtyItem"), amountAt(s.el, "PrcItem")), amountAt(s.el, percentage)))
		}), text: value + " no corresponde a " + percentage, about: value},
	}
}

var detailRules = append([]rule{
	{name: "no-sale-type", rows: []int{186}, source: "FD Detalle IndExe 4", zone: "Detalle", when: code("IndExe", 4), must: or(types(33), and(types(52), header(code("IdDoc/IndTraslado", 1)))), text: "IndExe 4 no corresponde a este documento"},
	{name: "no-sale-amount", rows: []int{186, 187}, source: "FD Detalle IndExe 4, 5", zone: "Detalle", when: code("IndExe", 4, 5), must: zero("MontoItem"), text: "Ítem no venta o a rebajar con monto", about: "MontoItem"},
	{name: "deducted-type", rows: []int{187}, source: "FD Detalle IndExe 5", zone: "Detalle", when: code("IndExe", 5), must: and(types(52), header(not(code("IdDoc/IndTraslado", 1)))), text: "IndExe 5 sólo corresponde en guía que no es venta"},
	{name: "deducted-reference", rows: []int{187}, source: "FD Detalle IndExe 5", zone: "Detalle", when: code("IndExe", 5), must: some("Referencia", code("TpoDocRef", 50, 52)), text: "Ítem a rebajar sin referencia a la guía anterior"},
	{name: "settlement-unbilled", rows: []int{188}, source: "FD Detalle IndExe 6", zone: "Detalle", when: types(43), must: not(code("IndExe", 6)), text: "IndExe 6 no corresponde en liquidación"},
	{name: "exempt-mark", rows: []int{189}, source: "FD Detalle IndExe", zone: "Detalle", when: types(34), must: not(code("IndExe", 1)), text: "IndExe 1 está de más en factura exenta", strict: "harmless: documents with it are taken"},
	{name: "settled-type", rows: []int{190}, source: "review of certification sets; FD Detalle TpoDocLiq", zone: "Detalle", when: types(43), must: code("TpoDocLiq", settled...), text: "Línea de liquidación sin documento liquidado válido", about: "TpoDocLiq"},
	{name: "agent-quantities", rows: []int{191}, source: "FD Detalle Retenedor; manual of agentes retenedores", zone: "Detalle", when: text("Retenedor/IndAgente", "R"), must: filled("QtyItem", "UnmdItem", "PrcItem"), text: "Agente retenedor sin cantidad, unidad o precio"},
	{name: "slaughter-code", rows: []int{192}, source: "FD Detalle MntBaseFaena", zone: "Detalle", when: has("Retenedor/MntBaseFaena"), must: taxed(17), text: "Base de faenamiento sin código 17"},
	{name: "margin-code", rows: []int{192}, source: "FD Detalle MntMargComer", zone: "Detalle", when: has("Retenedor/MntMargComer"), must: taxed(14, 50), text: "Margen de comercialización sin código 14 o 50"},
	{name: "consumer-price-code", rows: []int{192}, source: "FD Detalle PrcConsFinal", zone: "Detalle", when: has("Retenedor/PrcConsFinal"), must: taxed(14, 17, 50), text: "Precio a consumidor sin código 14, 17 o 50"},
	{name: "guide-quantity", rows: []int{193}, source: "FD Detalle QtyItem", zone: "Detalle", when: types(52), must: positive("QtyItem"), text: "Guía sin cantidad"},
	{name: "guide-unit", rows: []int{193}, source: "FD Detalle UnmdItem (2026-02)", zone: "Detalle", when: types(52), must: filled("UnmdItem"), text: "Guía sin unidad", strict: "guías without it are taken (oracle, envelope-of-many-kinds)"},
	{name: "subquantity", rows: []int{195}, source: "FD Detalle SubQty", zone: "Detalle", when: has("Subcantidad"), must: and(not(types(56, 61)), subquantities), text: "Subcantidad que no corresponde o mayor que la cantidad"},
	{name: "quantity-without-price", rows: []int{196}, source: "FD Detalle QtyItem, PrcItem", zone: "Detalle", when: sale, must: func(s scene) bool { return has("QtyItem")(s) == has("PrcItem")(s) }, text: "Cantidad sin precio, o precio sin cantidad"},
	{name: "settlement-tax", rows: []int{203}, source: "FD Detalle CodImpAdic", zone: "Detalle", when: types(43), must: lacks("CodImpAdic"), text: "Impuesto adicional en línea de liquidación"},
	{name: "primary-zone", rows: []int{205}, source: "FD Detalle OtrMnda", zone: "Detalle", when: header(code("IdDoc/IndTraslado", 9)), must: filled("OtrMnda/PrcOtrMon", "OtrMnda/Moneda", "OtrMnda/MontoItemOtrMnda"), text: "Guía a zona primaria sin otra moneda"},
}, append(share("discount", "DescuentoPct", "DescuentoMonto", 197, 258), share("surcharge", "RecargoPct", "RecargoMonto", 198, 258)...)...)

// settled are the documents that a liquidación may settle; 99 is any other.
var settled = append([]int{50, 52, 99}, corrected...)

// taxed: the line names one of the taxes.
func taxed(codes ...int) condition {
	return func(s scene) bool {
		for _, el := range s.el.SelectElements("CodImpAdic") {
			if in(number(content(el)), codes...) {
				return true
			}
		}
		return false
	}
}

func subquantities(s scene) bool {
	total := new(big.Rat)
	for _, el := range s.el.SelectElements("Subcantidad") {
		total.Add(total, amountAt(el, "SubQty"))
	}
	return total.Cmp(amountAt(s.el, "QtyItem")) <= 0
}
