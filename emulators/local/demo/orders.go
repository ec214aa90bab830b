package demo

import "timbre/emulators/local"

// order is one document to be issued.
type order struct {
	label   string
	company local.Company
	body    map[string]any
	annuls  int // index of the order that a note annuls, -1 if none
}

type object = map[string]any

// orders are the documents of the demonstration: accents, ñ, &, apostrophe, discounts, an exempt line,
// an exempt invoice and a note that annuls the first invoice.
func orders(companies []local.Company) []order {
	first, second := companies[0], companies[len(companies)-1]
	buyer := receiver("60803000-K", "Servicio de Impuestos Internos", "Administración pública", "Teatinos 120", "Santiago")
	factory := receiver("76192083-9", "Fábrica O'Higgins & Ñandú Ltda.", "Elaboración de cerámica", "Avda. Ñuñoa 1234", "Ñuñoa")
	return []order{
		{"factura con acentos", first, document(33, factory, object{"FmaPago": 2},
			line("Harina de maíz \"Ñandú\" & afrecho", 12.5, 1350), line("Pan d'azúcar", 3, 890)), -1},
		{"factura con descuentos", first, withGlobalDiscount(document(33, buyer, object{"FmaPago": 1},
			discounted(line("Levadura en polvo", 759, 5874), 10), line("Molde de acero", 2, 45990)), "5"), -1},
		{"factura con línea exenta", second, document(33, factory, object{"FmaPago": 2},
			line("Ampolleta LED 9 W", 24, 1990), exempt(line("Capacitación en instalación", 1, 120000))), -1},
		{"factura exenta", first, document(34, buyer, object{"FmaPago": 1},
			line("Curso de panadería artesanal", 1, 350000)), -1},
		{"factura simple", second, document(33, buyer, object{"FmaPago": 1}, line("Taladro percutor 750 W", 1, 59990)), -1},
		{"nota de crédito que anula", first, document(61, factory, object{},
			line("Harina de maíz \"Ñandú\" & afrecho", 12.5, 1350), line("Pan d'azúcar", 3, 890)), 0},
	}
}

func receiver(rut, name, giro, address, comuna string) object {
	return object{"RUTRecep": rut, "RznSocRecep": name, "GiroRecep": giro, "DirRecep": address, "CmnaRecep": comuna}
}

func document(kind int, receiver, id object, lines ...object) object {
	id["TipoDTE"] = kind
	return object{"Encabezado": object{"IdDoc": id, "Receptor": receiver}, "Detalle": lines}
}

func line(name string, quantity, price float64) object {
	return object{"NmbItem": name, "QtyItem": quantity, "PrcItem": price}
}

func discounted(line object, percent int) object {
	line["DescuentoPct"] = percent
	return line
}

func exempt(line object) object {
	line["IndExe"] = 1
	return line
}

func withGlobalDiscount(document object, percent string) object {
	document["DscRcgGlobal"] = object{"TpoMov": "D", "GlosaDR": "Descuento por volumen", "TpoValor": "%", "ValorDR": percent}
	return document
}

// annul makes a note name the document that it annuls.
func annul(note object, kind int, folio int64, date string) {
	note["Referencia"] = []object{{
		"NroLinRef": 1, "TpoDocRef": kind, "FolioRef": folio, "FchRef": date, "CodRef": 1, "RazonRef": "Anula la factura",
	}}
}
