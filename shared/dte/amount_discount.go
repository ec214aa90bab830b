package dte

import (
	"fmt"

	"timbre/shared/amount"
	"timbre/shared/format"
)

// global is a line of DscRcgGlobal as the totals see it.
type global struct {
	class   class
	percent amount.Decimal // 0 where the value is money
	amount  amount.Decimal // signed: a discount is negative
}

// calculateGlobals computes the global discounts and surcharges. Each acts on the lines of its own
// class as they stand before any of them (Formato DTE v2.5, DscRcgGlobal, IndExeDR; FORMATS 5.5, 6.2).
func (d *draft) calculateGlobals() []global {
	var out []global
	sums := d.lineSums()
	for i, n := range d.doc.All("DscRcgGlobal") {
		path := item("DscRcgGlobal", i)
		g := global{class: classOf(n.Get("IndExeDR"))}
		value, ok := d.number(n, "ValorDR")
		if !ok {
			continue
		}
		g.amount = value.HalfAwayFromZero(d.kind.places)
		if n.Get("TpoValor") == "%" {
			g.percent = value
			g.amount = d.globalPercent(n, path, value, sums[g.class])
		}
		if n.Get("TpoMov") == "D" {
			g.amount = g.amount.Neg()
		}
		out = append(out, g)
		d.trace = append(d.trace, fmt.Sprintf("descuento o recargo global %d (%s): %s", i+1, classNames[g.class], g.amount))
	}
	return out
}

func (d *draft) lineSums() [classes]amount.Decimal {
	var sums [classes]amount.Decimal
	for i := range d.lines {
		l := &d.lines[i]
		sums[l.class] = d.add(at("Encabezado.Totales"), sums[l.class], l.amount)
	}
	return sums
}

// globalPercent is the rounded amount of a percentage. Where it ends in exactly half a peso the SII's
// own computation may round the other way, so the amount is written in its place; only lines with
// different additional taxes need the percentage (FORMATS 5.5, 6.2).
func (d *draft) globalPercent(n *format.Node, path string, percent, sum amount.Decimal) amount.Decimal {
	share, err := percent.Percent()
	value := d.exact(path+".ValorDR", share, err)
	rounded, err := amount.Product(d.kind.places, sum, value)
	rounded = d.exact(path+".ValorDR", rounded, err)
	tenth, err := amount.Product(d.kind.places+1, sum, value)
	if err != nil || d.kind.places > 0 || len(d.taxSets()) > 1 {
		return rounded
	}
	exact, err := amount.Product(4, sum, value) // whole pesos by hundredths of a percent
	half := amount.MustParse("0.5")
	if err == nil && exact == tenth && d.sub(path, rounded, exact).Abs() == half {
		n.Set("TpoValor", "$")
		n.Set("ValorDR", rounded.String())
	}
	return rounded
}

// taxSets are the different sets of additional taxes on taxable lines.
func (d *draft) taxSets() map[string]bool {
	sets := map[string]bool{}
	for i := range d.lines {
		if l := &d.lines[i]; l.class == taxable {
			sets[fmt.Sprint(l.codes)] = true
		}
	}
	return sets
}

// spreadGlobals turns global discounts of a boleta with gross lines into discounts on its lines: the
// SII answers such boletas with HED-2-260 when they carry DscRcgGlobal (REJECTIONS section 4, no. 9).
func (d *draft) spreadGlobals() {
	if !d.kind.boleta || d.doc.Get("Encabezado/IdDoc/IndMntNeto") == "2" || d.broken {
		return
	}
	globals := d.calculateGlobals()
	if !d.canSpread(globals) {
		return // the rules on global discounts tell why
	}
	for _, g := range globals {
		d.spread(g)
	}
	d.doc.Remove("DscRcgGlobal")
}

// canSpread: each class has lines that can bear all that falls on it.
func (d *draft) canSpread(globals []global) bool {
	var left [classes]amount.Decimal
	for i := range d.lines {
		l := &d.lines[i]
		if l.amount.Sign() > 0 {
			left[l.class] = d.add(base, left[l.class], l.amount)
		}
	}
	for _, g := range globals {
		if left[g.class].IsZero() {
			return false
		}
		left[g.class] = d.add(base, left[g.class], g.amount)
		if left[g.class].Sign() < 0 {
			return false
		}
	}
	return !d.broken
}

// spread shares out an amount by the lines' amounts in whole pesos. Each line gets the difference of
// two rounded running totals, so that the shares sum to the amount and none exceeds its line.
func (d *draft) spread(g global) {
	var sum, upTo, given amount.Decimal
	for i := range d.lines {
		if l := &d.lines[i]; l.bears(g) {
			sum = d.add(base, sum, l.amount)
		}
	}
	for i := range d.lines {
		l := &d.lines[i]
		if !l.bears(g) {
			continue
		}
		upTo = d.add(base, upTo, l.amount)
		through, err := amount.Portion(0, g.amount.Abs(), upTo, sum)
		through = d.exact(base, through, err)
		d.adjustLine(i, d.sub(base, through, given), g.amount.Sign() < 0)
		given = through
	}
}

// bears tells whether a line takes its share of a global discount.
func (l *line) bears(g global) bool { return l.class == g.class && l.amount.Sign() > 0 }

// adjustLine moves a line by an amount; its percentage no longer tells the whole and goes.
func (d *draft) adjustLine(i int, share amount.Decimal, down bool) {
	if share.IsZero() {
		return
	}
	l, a := &d.lines[i], surcharge
	if down {
		a = discount
	}
	path := item("Detalle", i)
	before, _ := d.number(l.node, a.money)
	l.node.Set(a.money, d.add(path, before, share).String())
	l.node.Remove(a.percent)
	l.node.Remove(a.parts)
	if down {
		share = share.Neg()
	}
	l.amount = d.add(path, l.amount, share)
	l.node.Set("MontoItem", l.amount.String())
}
