package dte

import (
	"fmt"

	"timbre/shared/amount"
	"timbre/shared/format"
)

// totals are the figures of the zone Totales (Formato DTE v2.5, Totales; FORMATS 6.2).
type totals struct {
	sums   [classes]amount.Decimal // lines with global discounts, by class
	over   [classes]bool           // classes that their global discounts exceed
	net    amount.Decimal          // MntNeto
	exempt amount.Decimal          // MntExe
	rate   amount.Decimal          // TasaIVA
	iva    amount.Decimal
	taxes  []tax
	// retained is the IVA that the buyer withholds, a part of taxes.
	retained amount.Decimal
	credit   amount.Decimal // CredEC
	fees     fees
	total    amount.Decimal // MntTotal
}

// tax is an ImptoReten.
type tax struct {
	code    string
	percent amount.Decimal
	amount  amount.Decimal
	// subtracts from MntTotal.
	subtracts bool
}

// fees are Totales/Comisiones.
type fees struct{ net, exempt, iva amount.Decimal }

const totalsPath = "Encabezado.Totales"

// calculate computes lines and totals. The caller's own totals are set aside first: they are what is
// expected, not what is true.
func (d *draft) calculate() {
	header := d.doc.Ensure("Encabezado")
	d.wanted = header.Child("Totales")
	header.Remove("Totales")
	d.checkFigures(d.wanted, at(totalsPath))
	d.calculateLines()
	d.spreadGlobals()
	globals := d.calculateGlobals()
	t := &d.totals
	t.sums = d.lineSums()
	for _, g := range globals {
		t.sums[g.class] = d.add(at(totalsPath), t.sums[g.class], g.amount)
		t.over[g.class] = t.sums[g.class].Sign() < 0
	}
	t.exempt = t.sums[exempt]
	if d.kind.exempt {
		t.exempt = d.add(at(totalsPath+".MntExe"), t.sums[exempt], t.sums[taxable])
		t.sums[taxable] = amount.Decimal{}
	} else {
		d.calculateIVA()
	}
	d.calculateTaxes(globals)
	d.calculateFees()
	d.calculateTotal()
}

// calculateIVA finds net and IVA. Prices are net, so IVA = rate × net; where they include the IVA
// (MntBruto; boletas but for IndMntNeto 2), net = gross / 1.19. A boleta's IVA is what is left of the
// gross amount, so that MntTotal is the sum paid (FORMATS 6.4).
func (d *draft) calculateIVA() {
	t := &d.totals
	r, known := rateOf("IVA", d.doc.Get("Encabezado/IdDoc/FchEmis"))
	t.net = t.sums[taxable]
	if !known || t.net.IsZero() {
		return
	}
	t.rate = r.percent
	share, _ := t.rate.Percent()
	boleta := d.kind.boleta && d.doc.Get("Encabezado/IdDoc/IndMntNeto") != "2"
	if boleta || d.doc.Get("Encabezado/IdDoc/MntBruto") == "1" {
		divisor := d.add(base, amount.Int(1), share)
		net, err := amount.Quotient(0, t.sums[taxable], divisor)
		t.net = d.exact(at(totalsPath+".MntNeto"), net, err)
		d.trace = append(d.trace, fmt.Sprintf("MntNeto = %s / %s = %s", t.sums[taxable], divisor, t.net))
	}
	if boleta {
		t.iva = d.sub(at(totalsPath+".IVA"), t.sums[taxable], t.net)
		d.trace = append(d.trace, fmt.Sprintf("IVA = %s - %s = %s", t.sums[taxable], t.net, t.iva))
		return
	}
	iva, err := amount.Product(0, t.net, share)
	t.iva = d.exact(at(totalsPath+".IVA"), iva, err)
	d.trace = append(d.trace, fmt.Sprintf("IVA = %s × %s %% = %s", t.net, t.rate, t.iva))
}

// calculateFees sums Comisiones; their IVA is of the sum, not a sum (rejections.csv, ValComIVA).
func (d *draft) calculateFees() {
	f := &d.totals.fees
	for i, n := range d.doc.All("Comisiones") {
		path := item("Comisiones", i)
		net, _ := d.number(n, "ValComNeto")
		exempt, _ := d.number(n, "ValComExe")
		f.net, f.exempt = d.add(path, f.net, net), d.add(path, f.exempt, exempt)
	}
	r, _ := rateOf("IVA", d.doc.Get("Encabezado/IdDoc/FchEmis"))
	share, _ := r.percent.Percent()
	iva, err := amount.Product(0, f.net, share)
	f.iva = d.exact(at("Comisiones"), iva, err)
}

// calculateTotal is MntTotal = MntNeto + MntExe + IVA + additional taxes + GrntDep - CredEC -
// withholdings - commissions (Formato DTE v2.5, MntTotal; REJECTIONS, HED-2-260).
func (d *draft) calculateTotal() {
	t, path := &d.totals, at(totalsPath+".MntTotal")
	if _, asked := d.wantedNumber("CredEC"); asked {
		credit, err := amount.Product(0, t.iva, amount.MustParse("0.65")) // FORMATS 6.6
		t.credit = d.exact(path, credit, err)
	}
	plus := []amount.Decimal{t.net, t.exempt, t.iva, t.sums[deposit]}
	minus := []amount.Decimal{t.credit, t.fees.net, t.fees.exempt, t.fees.iva}
	for _, x := range t.taxes {
		if x.subtracts {
			minus = append(minus, x.amount)
		} else {
			plus = append(plus, x.amount)
		}
	}
	t.total = amount.Decimal{}
	for _, x := range plus {
		t.total = d.add(path, t.total, x)
	}
	for _, x := range minus {
		t.total = d.sub(path, t.total, x)
	}
	if d.id("FmaPagExp") == unpaid && d.kind.root == "Exportaciones" {
		t.total = amount.Decimal{}
	}
}

// unpaid is the FmaPagExp of an export without payment, whose total is 0 (FORMATS 6.7, HED-1-803).
const unpaid = "21"

// wantedNumber is a figure that the caller put into Totales; false if absent or zero.
func (d *draft) wantedNumber(name string) (amount.Decimal, bool) {
	if d.wanted == nil {
		return amount.Decimal{}, false
	}
	value, ok := d.number(d.wanted, name)
	return value, ok && !value.IsZero()
}

// taken are the figures that only the caller can know (API.md); they are written as given.
var taken = []string{"TpoMoneda", "MntBase", "MntMargenCom", "IVAProp", "IVATerc", "SaldoAnterior", "VlrPagar"}

// writeTotals writes the zone Totales from the figures.
func (d *draft) writeTotals() {
	if d.broken {
		// What cannot be computed is left as it came, so that the schema's check tells of it.
		d.restoreWanted()
		return
	}
	n, t := d.doc.Ensure("Encabezado/Totales"), &d.totals
	for _, name := range taken {
		if leaf := d.wanted.Child(name); leaf != nil {
			n.Set(name, leaf.Text)
		}
	}
	if !t.net.IsZero() || d.typ == Factura || d.wantsZero("MntNeto") {
		d.put(n, "MntNeto", t.net)
		d.put(n, "IVA", t.iva)
		d.putRate(n)
	}
	if !t.exempt.IsZero() || d.kind.exempt || d.wantsZero("MntExe") {
		d.put(n, "MntExe", t.exempt)
	}
	d.writeTaxes(n)
	d.putNonZero(n, "CredEC", t.credit)
	d.putNonZero(n, "GrntDep", t.sums[deposit])
	d.writeFees(n)
	d.put(n, "MntTotal", t.total)
	d.writePeriod(n)
	d.writeOtherCurrency()
}

func (d *draft) restoreWanted() {
	if d.wanted == nil {
		return
	}
	n := d.doc.Ensure("Encabezado/Totales")
	n.Kids = d.wanted.Kids
}

// wantsZero tells whether the caller wrote this figure as a zero, which is kept where the type has it.
func (d *draft) wantsZero(name string) bool {
	leaf := d.wanted.Child(name)
	if leaf == nil || leaf.Text != "0" {
		return false
	}
	code, _ := leaf.Def.Code(int(d.typ))
	return code != format.Forbidden
}

func (d *draft) put(n *format.Node, name string, value amount.Decimal) {
	n.Set(name, value.String())
}

func (d *draft) putNonZero(n *format.Node, name string, value amount.Decimal) {
	if !value.IsZero() {
		n.Set(name, value.String())
	}
}

// putRate writes TasaIVA beside the IVA; boletas have none.
func (d *draft) putRate(n *format.Node) {
	value := d.totals.rate
	if value.IsZero() {
		r, _ := rateOf("IVA", d.doc.Get("Encabezado/IdDoc/FchEmis"))
		value = r.percent
	}
	d.putNonZero(n, "TasaIVA", value)
}

func (d *draft) writeFees(n *format.Node) {
	f := d.totals.fees
	if len(d.doc.All("Comisiones")) == 0 {
		return
	}
	zone := n.Ensure("Comisiones")
	if zone == nil {
		return
	}
	d.put(zone, "ValComNeto", f.net)
	d.put(zone, "ValComExe", f.exempt)
	d.put(zone, "ValComIVA", f.iva)
}

// writePeriod writes what is billed beside MntTotal: MontoNF, the total of the period and what is to
// be paid (Formato DTE v2.5, MontoPeriodo, VlrPagar; boletas call the period TotalPeriodo).
func (d *draft) writePeriod(n *format.Node) {
	t, path := &d.totals, at(totalsPath)
	unbilled := t.sums[notBillable]
	d.putNonZero(n, "MontoNF", unbilled)
	period := d.add(path, t.total, unbilled)
	if !unbilled.IsZero() || d.wanted.Has("MontoPeriodo") || d.wanted.Has("TotalPeriodo") {
		d.put(n, "MontoPeriodo", period)
		d.put(n, "TotalPeriodo", period)
	}
	if before, ok := d.wantedNumber("SaldoAnterior"); ok && !n.Has("VlrPagar") {
		d.put(n, "VlrPagar", d.add(path, period, before))
	}
}

// writeOtherCurrency completes OtraMoneda in pesos of an export (FORMATS 6.7).
func (d *draft) writeOtherCurrency() {
	n := d.doc.At("Encabezado/OtraMoneda")
	if n == nil || d.kind.root != "Exportaciones" || n.Get("TpoMoneda") != "PESO CL" {
		return
	}
	exchange, ok := d.number(n, "TpoCambio")
	if !ok {
		return
	}
	for name, value := range map[string]amount.Decimal{"MntExeOtrMnda": d.totals.exempt, "MntTotOtrMnda": d.totals.total} {
		pesos, err := amount.Product(0, value, exchange)
		setDefault(n, name, d.exact(at("Encabezado.OtraMoneda."+name), pesos, err).String())
	}
}
