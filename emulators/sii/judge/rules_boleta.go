package judge

import "math/big"

var boletaRules = []rule{
	{name: "boleta-net", rows: []int{16, 254}, source: "FB Totales MntNeto, IVA", when: and(types(39), some("Detalle", not(has("IndExe")))), must: and(positive("Totales/MntNeto"), has("Totales/IVA")), text: "Boleta afecta sin neto o IVA"},
	{name: "boleta-exempt", rows: []int{255}, source: "FB Totales MntNeto, IVA", when: types(41), must: lacks("Totales/MntNeto", "Totales/IVA", "IdDoc/IndMntNeto"), text: "Boleta exenta con neto, IVA o IndMntNeto"},
	{name: "boleta-exempt-total", rows: []int{255}, source: "FB Totales MntExe", when: types(41), must: func(s scene) bool {
		return amountAt(s.el, "Totales/MntExe").Cmp(amountAt(s.el, "Totales/MntTotal")) == 0
	}, text: "Boleta exenta con total distinto del exento", about: "Totales/MntExe"},
	{name: "boleta-large", rows: []int{252}, source: "FB Receptor RUTRecep, RznSocRecep, IdDoc MedioPago; Ley 21.713", when: and(types(39, 41), large), must: and(not(text("Receptor/RUTRecep", anonymous)), filled("Receptor/RznSocRecep", "IdDoc/MedioPago")), text: "Boleta sobre 135 UF sin identificación o medio de pago", about: "Totales/MntTotal"},
	{name: "boleta-ticket", rows: []int{257}, source: "FB Detalle InfoTicket, RUTMandante", zone: "Detalle", when: code("ItemEspectaculo", 1), must: and(has("InfoTicket"), filled("RUTMandante")), text: "Espectáculo sin datos del ticket o mandante"},
	{name: "boleta-provider", rows: []int{260}, source: "FB RUTProvSW", when: types(39, 41), must: filled("RUTProvSW"), text: "Boleta sin RUT del proveedor de software", strict: "boletas without it are taken"},
}

// large: a boleta of more than 135 UF, where the UF's value is known.
func large(s scene) bool {
	return s.court.UF != nil && amountAt(s.el, "Totales/MntTotal").Cmp(big.NewRat(135*int64(*s.court.UF), 1)) > 0
}
