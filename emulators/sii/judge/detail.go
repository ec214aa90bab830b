package judge

import (
	"math/big"

	"github.com/beevik/etree"
)

// line is one Detalle.
type line struct {
	number, exempt                     int // NroLinDet, IndExe
	name                               string
	quantity, price, discount, surplus *big.Rat
	amount                             *big.Rat // MontoItem
	priced                             bool     // both QtyItem and PrcItem are there
	taxes                              []int    // CodImpAdic
}

func (d *Document) lines() []line {
	var all []line
	for _, el := range d.content.SelectElements("Detalle") {
		l := line{
			number: number(get(el, "NroLinDet")), exempt: number(get(el, "IndExe")), name: get(el, "NmbItem"),
			quantity: amountAt(el, "QtyItem"), price: amountAt(el, "PrcItem"), amount: amountAt(el, "MontoItem"),
			discount: amountAt(el, "DescuentoMonto"), surplus: amountAt(el, "RecargoMonto"),
			priced: find(el, "QtyItem") != nil && find(el, "PrcItem") != nil,
		}
		for _, code := range el.SelectElements("CodImpAdic") {
			l.taxes = append(l.taxes, number(content(code)))
		}
		all = append(all, l)
	}
	return all
}

// export says whether amounts carry decimals (Exportaciones).
func (d *Document) export() bool { return in(d.Type, 110, 111, 112) }

// tolerance of a comparison of amounts: none in pesos, a cent in exports.
func (d *Document) tolerance() *big.Rat {
	if d.export() {
		return big.NewRat(1, 100)
	}
	return new(big.Rat)
}

// detail: DET-2-200 is live; the others are official statements without a code.
func (c Court) detail(d *Document) []Finding {
	var all []Finding
	taxable := false
	for i, l := range d.lines() {
		if l.number != i+1 {
			all = append(all, remark("", "line-number", "Línea %d numerada %d", i+1, l.number).at(i+1))
		}
		if blank(l.name) {
			all = append(all, reject("", "line-name", "La línea debe traer nombre de ítem").at(l.number))
		}
		all = append(all, d.lineValue(l)...)
		taxable = taxable || l.exempt == 0
	}
	if d.Type == 33 && !taxable {
		all = append(all, reject("", "all-exempt", "Factura afecta con todas sus líneas exentas"))
	}
	return all
}

// lineValue: MontoItem = QtyItem × PrcItem − DescuentoMonto + RecargoMonto
// (Formato DTE, Detalle, MontoItem), rounded to pesos.
func (d *Document) lineValue(l line) []Finding {
	if !l.priced || d.Type == 43 {
		return nil
	}
	value := times(l.quantity, l.price)
	if !d.export() {
		value = pesos(value)
	}
	value = sum(minus(value, l.discount), l.surplus)
	if within(value, l.amount, d.tolerance()) {
		return nil
	}
	return []Finding{remark("DET-2-200", "line-value", "Valor Detalle Distinto a Precio * Cantidad : [%s] <> [%s]", show(l.amount), show(value)).at(l.number)}
}

// adjustment is one DscRcgGlobal.
type adjustment struct {
	exempt     int // IndExeDR
	percentage bool
	value      *big.Rat // negative for a discount
}

func (d *Document) adjustments() []adjustment {
	var all []adjustment
	for _, el := range d.content.SelectElements("DscRcgGlobal") {
		a := adjustment{exempt: number(get(el, "IndExeDR")), percentage: get(el, "TpoValor") == "%", value: amountAt(el, "ValorDR")}
		if get(el, "TpoMov") == "D" {
			a.value = new(big.Rat).Neg(a.value)
		}
		all = append(all, a)
	}
	return all
}

func elements(el *etree.Element, path, name string) []*etree.Element {
	if el = find(el, path); el == nil {
		return nil
	}
	return el.SelectElements(name)
}
