package dte

import (
	"fmt"

	"timbre/shared/amount"
	"timbre/shared/format"
)

// calculateTaxes finds one ImptoReten for each code of the lines, and those that the caller states
// without a line (FORMATS 6.5; Formato DTE v2.5, ImptoReten and CodImpAdic).
func (d *draft) calculateTaxes(globals []global) {
	t := &d.totals
	for _, code := range d.taxCodes() {
		x := d.taxOf(code, d.taxBase(code, globals))
		t.taxes = append(t.taxes, x)
		if x.subtracts {
			t.retained = d.add(at(totalsPath), t.retained, x.amount)
		}
	}
}

// taxCodes are the codes in the order of the lines, then those that only the totals name.
func (d *draft) taxCodes() []string {
	var codes []string
	seen := map[string]bool{}
	note := func(code string) {
		if !seen[code] {
			seen[code] = true
			codes = append(codes, code)
		}
	}
	for i := range d.lines {
		for _, code := range d.lines[i].codes {
			note(code)
		}
	}
	for _, n := range d.wanted.All("ImptoReten") {
		note(n.Get("TipoImp"))
	}
	return codes
}

// taxBase is the amount of the lines with the code after the global discounts that touch them.
func (d *draft) taxBase(code string, globals []global) amount.Decimal {
	path := at(totalsPath + ".ImptoReten")
	var lines, all amount.Decimal
	for i := range d.lines {
		l := &d.lines[i]
		if l.class != taxable {
			continue
		}
		all = d.add(path, all, l.amount)
		for _, c := range l.codes {
			if c == code {
				lines = d.add(path, lines, l.amount)
			}
		}
	}
	if all.IsZero() {
		return lines
	}
	result := lines
	for _, g := range globals {
		if g.class == taxable {
			result = d.add(path, result, d.portion(g, lines, all))
		}
	}
	return result
}

// portion is the part of a global discount that falls on some of the lines.
func (d *draft) portion(g global, part, all amount.Decimal) amount.Decimal {
	if part == all {
		return g.amount
	}
	share, err := amount.Portion(d.kind.places, g.amount, part, all)
	return d.exact(at(totalsPath+".ImptoReten"), share, err)
}

// taxOf computes one tax. The caller's own rate, and the amount of a tax by units, come first.
func (d *draft) taxOf(code string, lines amount.Decimal) tax {
	path := at(totalsPath + ".ImptoReten")
	r, known := rateOf(code, d.doc.Get("Encabezado/IdDoc/FchEmis"))
	x := tax{code: code, percent: r.percent, subtracts: r.subtracts || !known && isWithholding(code)}
	stated := d.wantedTax(code)
	if given, ok := d.number2(stated, "TasaImp"); ok {
		d.compareRate(code, given, r, known)
		x.percent = given
	}
	switch {
	case r.kind == rateSpecific || r.kind == rateMargin || !known && x.percent.IsZero():
		x.amount = d.statedAmount(code, stated)
		return x
	case r.kind == rateBase:
		lines = d.meatBase()
	}
	share, err := x.percent.Percent()
	if err == nil {
		x.amount, err = amount.Product(0, lines, share)
	}
	x.amount = d.exact(path, x.amount, err)
	d.trace = append(d.trace, fmt.Sprintf("impuesto %s = %s × %s %% = %s", code, lines, x.percent, x.amount))
	return x
}

// number2 is number of a node that may be absent.
func (d *draft) number2(n *format.Node, name string) (amount.Decimal, bool) {
	if n == nil {
		return amount.Decimal{}, false
	}
	return d.number(n, name)
}

func (d *draft) wantedTax(code string) *format.Node {
	for _, n := range d.wanted.All("ImptoReten") {
		if n.Get("TipoImp") == code {
			return n
		}
	}
	return nil
}

func (d *draft) compareRate(code string, given amount.Decimal, r rate, known bool) {
	if !known || given == r.percent {
		return
	}
	d.fault(FieldError{
		Path: at(totalsPath + ".ImptoReten"), Code: "tax-rate", Level: LevelUnknown,
		Detail: fmt.Sprintf("la tasa vigente del impuesto %s es %s %%; viene %s %%", code, r.percent, given),
	})
}

// statedAmount is the amount of a tax that cannot be computed here.
func (d *draft) statedAmount(code string, stated *format.Node) amount.Decimal {
	value, ok := d.number2(stated, "MontoImp")
	if !ok && !d.broken {
		d.reject(at(totalsPath+".ImptoReten"), CodeMissing,
			"el impuesto "+code+" no se calcula con una tasa: indique su monto en Totales.ImptoReten (TipoImp, MontoImp)")
	}
	return value
}

// meatBase is MntBase, or the sum of MntBaseFaena of the lines (code 17).
func (d *draft) meatBase() amount.Decimal {
	if value, ok := d.wantedNumber("MntBase"); ok {
		return value
	}
	var sum amount.Decimal
	for i := range d.lines {
		if r := d.lines[i].node.Child("Retenedor"); r != nil {
			value, _ := d.number(r, "MntBaseFaena")
			sum = d.add(at(totalsPath+".MntBase"), sum, value)
		}
	}
	return sum
}

func (d *draft) writeTaxes(n *format.Node) {
	t := &d.totals
	for _, x := range t.taxes {
		zone := n.Add("ImptoReten")
		if zone == nil {
			return // boletas and exports have none; the rules tell of the lines
		}
		zone.Set("TipoImp", x.code)
		d.putNonZero(zone, "TasaImp", x.percent)
		d.put(zone, "MontoImp", x.amount)
	}
	// What the buyer does not withhold (FORMATS 6.5; HED-2-300). Zero is not written: the schema begins at 1.
	if d.typ == FacturaCompra || !t.retained.IsZero() {
		d.putNonZero(n, "IVANoRet", d.sub(at(totalsPath+".IVANoRet"), t.iva, t.retained))
	}
}
