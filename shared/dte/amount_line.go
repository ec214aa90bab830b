package dte

import (
	"fmt"

	"timbre/shared/amount"
	"timbre/shared/format"
)

// class is what a line's amount counts as (Detalle/IndExe, DscRcgGlobal/IndExeDR).
type class uint8

const (
	taxable     class = iota // no indicator
	exempt                   // 1
	notBillable              // 2, and 6 with its sign turned
	deposit                  // 3, for containers (GrntDep)
	noAmount                 // 4 and 5: named, not counted
	classes
)

var classNames = [classes]string{"afecto", "exento", "no facturable", "garantía de envases", "sin valor"}

func classOf(indicator string) class {
	switch indicator {
	case "1":
		return exempt
	case "2", "6":
		return notBillable
	case "3":
		return deposit
	case "4", "5":
		return noAmount
	}
	return taxable
}

// line is a line of Detalle as the totals see it.
type line struct {
	node   *format.Node
	class  class
	amount amount.Decimal
	codes  []string // CodImpAdic
}

// calculateLines computes each line and writes MontoItem and the amounts of its discounts.
func (d *draft) calculateLines() {
	for i, n := range d.doc.All("Detalle") {
		value := d.lineAmount(n, item("Detalle", i))
		l := line{node: n, class: classOf(n.Get("IndExe")), amount: value}
		for _, code := range n.All("CodImpAdic") {
			l.codes = append(l.codes, code.Text)
		}
		if n.Get("IndExe") == "6" {
			l.amount = value.Neg()
		}
		d.lines = append(d.lines, l)
		d.explainLine(i, &l)
	}
}

// lineAmount is MontoItem = round(QtyItem × PrcItem) - DescuentoMonto + RecargoMonto, each rounded
// half away from zero (Formato DTE v2.5, Detalle, MontoItem; FORMATS 6.1). Without quantity and price
// the amount stands as given.
func (d *draft) lineAmount(n *format.Node, path string) amount.Decimal {
	quantity, hasQuantity := d.number(n, "QtyItem")
	price, hasPrice := d.number(n, "PrcItem")
	given, hasGiven := d.number(n, "MontoItem")
	if !hasQuantity || !hasPrice {
		unreadable := n.Has("QtyItem") != hasQuantity || n.Has("PrcItem") != hasPrice || n.Has("MontoItem") != hasGiven
		if !hasGiven && !unreadable {
			d.unpriced(n, path)
		}
		return given
	}
	gross, err := amount.Product(d.kind.places, quantity, price)
	value := d.exact(path+".MontoItem", gross, err)
	value = d.sub(path, value, d.adjustment(n, path, discount, quantity, price))
	value = d.add(path, value, d.adjustment(n, path, surcharge, quantity, price))
	if hasGiven && given != value && !d.broken {
		d.fault(FieldError{
			Path: path + ".MontoItem", Code: "line-amount", Level: LevelRemark,
			Detail: fmt.Sprintf("el monto de la línea es %s: cantidad por precio menos descuento más recargo; viene %s", value, given),
		})
		return given
	}
	if hasGiven || !n.Has("MontoItem") {
		n.Set("MontoItem", value.String()) // an unreadable one stays, for the schema's check
	}
	return value
}

// unpriced gives a line without price the amount 0 where that is right: guías that are no sale, notes
// that correct a text, lines that only name something (FORMATS 5.3, 6.8, 7).
func (d *draft) unpriced(n *format.Node, path string) {
	free := d.typ == GuiaDespacho || classOf(n.Get("IndExe")) == noAmount || d.correctsText()
	if !free {
		d.reject(path+".MontoItem", CodeMissing, "la línea no tiene monto: indique QtyItem y PrcItem, o MontoItem")
		d.broken = true
		return
	}
	n.Set("MontoItem", "0")
}

func (d *draft) correctsText() bool {
	for _, r := range d.doc.All("Referencia") {
		if d.kind.note && r.Get("CodRef") == "2" {
			return true
		}
	}
	return false
}

// adjust names the fields of a discount or a surcharge on a line.
type adjust struct{ percent, money, parts, kind, value string }

var (
	discount  = adjust{"DescuentoPct", "DescuentoMonto", "SubDscto", "TipoDscto", "ValorDscto"}
	surcharge = adjust{"RecargoPct", "RecargoMonto", "SubRecargo", "TipoRecargo", "ValorRecargo"}
)

// adjustment is the amount of a discount or surcharge; it is written where only the percentage or the
// parts came, since the SII wants the amount whenever there is a percentage (DET 200). The base is
// quantity by price, unrounded; the amount is whole even in exports (DescuentoMonto, MontoType).
func (d *draft) adjustment(n *format.Node, path string, a adjust, quantity, price amount.Decimal) amount.Decimal {
	percent, hasPercent := d.number(n, a.percent)
	money, hasMoney := d.number(n, a.money)
	if !hasPercent && hasMoney || !hasMoney && n.Has(a.money) {
		return money // as given; an unreadable one is left to the schema's check
	}
	var value amount.Decimal
	if hasPercent {
		value = d.percentOf(path+"."+a.money, percent, quantity, price)
	} else {
		value = d.partsOf(n, path, a, quantity, price)
	}
	if hasMoney {
		d.compareAdjustment(path+"."+a.money, money, value)
		return money
	}
	switch {
	case value.Sign() > 0:
		n.Set(a.money, value.String())
	case !d.broken: // else a percentage that breaks its type stays, for the schema's check
		n.Remove(a.percent) // the schema has no discount of zero
	}
	return value
}

func (d *draft) compareAdjustment(path string, money, value amount.Decimal) {
	if money == value || d.broken {
		return
	}
	d.fault(FieldError{
		Path: path, Code: "discount-amount", Level: LevelUnknown,
		Detail: fmt.Sprintf("el porcentaje da %s y el monto dice %s; se usa el monto", value, money),
	})
}

func (d *draft) percentOf(path string, percent, quantity, price amount.Decimal) amount.Decimal {
	share, err := percent.Percent()
	if err == nil {
		share, err = amount.Product(0, quantity, price, share)
	}
	return d.exact(path, share, err)
}

// partsOf sums the distribution of a discount (SubDscto, SubRecargo), each part rounded.
func (d *draft) partsOf(n *format.Node, path string, a adjust, quantity, price amount.Decimal) amount.Decimal {
	var sum amount.Decimal
	for _, p := range n.All(a.parts) {
		value, _ := d.number(p, a.value)
		if p.Get(a.kind) == "%" {
			value = d.percentOf(path, value, quantity, price)
		}
		sum = d.add(path, sum, value.HalfAwayFromZero(0))
	}
	return sum
}

func (d *draft) explainLine(i int, l *line) {
	n := l.node
	text := fmt.Sprintf("línea %d (%s): ", i+1, classNames[l.class])
	if n.Has("QtyItem") && n.Has("PrcItem") {
		text += n.Get("QtyItem") + " × " + n.Get("PrcItem")
		if v := n.Get("DescuentoMonto"); v != "" {
			text += " - " + v
		}
		if v := n.Get("RecargoMonto"); v != "" {
			text += " + " + v
		}
		text += " = "
	}
	d.trace = append(d.trace, text+n.Get("MontoItem"))
}

// hasTax tells whether a line names this code.
func hasTax(n *format.Node, code string) bool {
	for _, tax := range n.All("CodImpAdic") {
		if tax.Text == code {
			return true
		}
	}
	return false
}
