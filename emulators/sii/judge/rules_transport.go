package judge

// transported is what Res. Ex. 154 of 2025 asks of a guía de despacho. FD gives it
// code 1 since 2026-02, but no answer shows that the SII enforces it yet.
func transported(name, path, what string, row int) rule {
	return rule{
		name: name, rows: []int{row}, source: "FD Transporte; Res. Ex. SII 154 of 2025", when: types(52), must: filled("Transporte/" + path), text: "Guía de despacho sin " + what,
		strict: "no answer shows that it is enforced; guías without it are taken",
	}
}

// exported asks for a field of Aduana in a guía for export (IndTraslado 8, 9).
func exported(name, field, what string, row int) rule {
	return rule{
		name: name, rows: []int{row}, source: "FD Aduana " + field, when: and(types(52), code("IdDoc/IndTraslado", 8, 9)),
		must: filled("Transporte/Aduana/" + field), text: "Guía de exportación sin " + what,
	}
}

var transportRules = []rule{
	transported("guide-plate", "Patente", "patente", 135),
	transported("guide-trailer", "PatenteCarro", "patente del carro", 136),
	transported("guide-carrier", "RUTTrans", "RUT del transportista", 137),
	transported("guide-driver", "Chofer/RUTChofer", "RUT del chofer", 138),
	transported("guide-driver-name", "Chofer/NombreChofer", "nombre del chofer", 139),
	transported("guide-address", "DirDest", "dirección de destino", 140),
	transported("guide-comuna", "CmnaDest", "comuna de destino", 141),
	transported("guide-departure", "FchSalida", "fecha de salida", 142),
	transported("guide-departure-time", "HraSalida", "hora de salida", 143),
	transported("guide-arrival", "FchLlegada", "fecha de llegada", 144),
	{name: "driver-name", rows: []int{145}, source: "FD Transporte Chofer", when: has("Transporte/Chofer/RUTChofer"), must: filled("Transporte/Chofer/NombreChofer"), text: "RUT de chofer sin nombre"},
	exported("guide-port-out", "CodPtoEmbarque", "puerto de embarque", 152),
	exported("guide-port-in", "CodPtoDesemb", "puerto de desembarque", 153),
	exported("guide-weight", "PesoBruto", "peso bruto", 154),
	exported("guide-weight-unit", "CodUnidPesoBruto", "unidad del peso bruto", 155),
	exported("guide-packages", "TotBultos", "total de bultos", 156),
}
