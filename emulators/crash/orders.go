package crash

import (
	"encoding/json"
	"fmt"
	"strconv"
)

type object = map[string]any

// order is one document that a caller wants.
type order struct {
	key, company string
	document     object
	total        string // MntTotal
	price        int
}

// shown is what callers read of an answer.
type shown struct {
	ID        string      `json:"id"`
	Type      int         `json:"type"`
	Folio     json.Number `json:"folio"`
	IssueDate string      `json:"issue_date"`
}

// invoice orders a document of a price that no other order has: a 33, a 34 or 41 whose line is exempt, or a 39,
// whose prices hold the tax.
func invoice(key, company string, kind, n int) order {
	price := 1000 + 100*n
	total := price * 119 / 100
	if kind != 33 {
		total = price
	}
	return order{
		key: key, company: company, price: price, total: strconv.Itoa(total),
		document: document(kind, price, fmt.Sprintf("Servicio %s", key)),
	}
}

// of gives the order's document so many lines of the same price; 0 leaves it as it is.
func (o order) of(lines int) order {
	if lines < 2 {
		return o
	}
	all := make([]object, lines)
	for n := range all {
		all[n] = object{"NmbItem": fmt.Sprintf("Artículo %d del pedido %s", n+1, o.key), "QtyItem": 1, "PrcItem": o.price}
	}
	o.document["Detalle"] = all
	o.total = strconv.Itoa(lines * o.price * 119 / 100)
	return o
}

// annulment orders the credit note that annuls an invoice.
func annulment(of order, answered shown) order {
	d := document(61, of.price, "Anulación")
	if answered.Type == 34 {
		d["Detalle"].([]object)[0]["IndExe"] = 1 //nolint:forcetypeassert // made by document
	}
	d["Referencia"] = []object{{
		"NroLinRef": 1, "TpoDocRef": answered.Type, "FolioRef": answered.Folio, "FchRef": answered.IssueDate,
		"CodRef": 1, "RazonRef": "Anula la factura",
	}}
	return order{key: of.key + "-nc", company: of.company, price: of.price, total: of.total, document: d}
}

// faulty orders what the product must refuse: the receiver's RUT has a wrong digit.
func faulty(key, company string, n int) order {
	o := invoice(key, company, 33, n)
	o.document["Encabezado"].(object)["Receptor"].(object)["RUTRecep"] = "60803000-1" //nolint:forcetypeassert // made above
	return o
}

func document(kind, price int, item string) object {
	heading, line := object{"TipoDTE": kind}, object{"NmbItem": item, "QtyItem": 1, "PrcItem": price}
	receiver := object{
		"RUTRecep": "60803000-K", "RznSocRecep": "Servicio de Impuestos Internos", "GiroRecep": "Administración pública",
		"DirRecep": "Teatinos 120", "CmnaRecep": "Santiago",
	}
	if kind == 39 || kind == 41 {
		heading["IndServicio"] = 3
		delete(receiver, "GiroRecep")
	}
	if kind == 41 {
		line["IndExe"] = 1
	}
	return object{
		"Encabezado": object{"IdDoc": heading, "Receptor": receiver},
		"Detalle":    []object{line},
	}
}
