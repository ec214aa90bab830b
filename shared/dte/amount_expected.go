package dte

import (
	"encoding/json"
	"fmt"
	"strings"

	"timbre/shared/amount"
	"timbre/shared/format"
)

// tolerance is how far the caller's totals may be from ours under PolicyTolerate, in pesos: an ERP
// that taxes unrounded sums is off by one (API.md, totals_policy).
var tolerance = amount.Int(2)

// expectation is a set of totals that the caller gave, and where.
type expectation struct {
	path   string
	totals *format.Node
}

// applyExpected compares what we computed with what the caller expects: the member expected_totals,
// and the zone Totales inside the document.
func (d *draft) applyExpected() {
	var all []expectation
	if d.wanted != nil {
		all = append(all, expectation{at(totalsPath), d.wanted})
	}
	if n := d.readExpected(); n != nil {
		all = append(all, expectation{"expected_totals", n})
	}
	if d.broken || len(all) == 0 {
		return
	}
	if len(all) == 2 {
		d.compareExpectations(all[0], all[1])
	}
	ours := d.figures()
	for _, e := range all {
		if d.req.TotalsPolicy == PolicyTolerate && d.tolerate(e) {
			ours = d.figures()
			continue
		}
		d.compareTotals(e, ours)
	}
}

func (d *draft) readExpected() *format.Node {
	if len(d.req.ExpectedTotals) == 0 || string(d.req.ExpectedTotals) == "null" {
		return nil
	}
	def := d.doc.Def.At("Encabezado/Totales")
	n, findings, err := format.ReadJSON(def, withoutZeros(def, d.req.ExpectedTotals), "expected_totals")
	if err != nil {
		d.reject("expected_totals", "unreadable-json", "expected_totals no es un objeto JSON")
		return nil
	}
	d.found(findings)
	d.cleanTexts(n, "expected_totals")
	d.checkFigures(n, "expected_totals")
	return n
}

// checkFigures refuses figures that are none. A zero stands for an absent one, also where the schema
// begins above it.
func (d *draft) checkFigures(n *format.Node, path string) {
	if n == nil {
		return
	}
	figures := n.Clone()
	figures.RemoveZeros()
	for _, f := range format.Check(figures, path) {
		if f.Code != format.MissingField {
			d.found([]format.Finding{f})
			d.broken = true
		}
	}
}

// withoutZeros drops the common figures that this type does not have and that are zero: an ERP states
// net and IVA of an export as 0. What cannot be read is left for ReadJSON to tell.
func withoutZeros(def *format.Element, text []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return text
	}
	dropped := false
	for _, name := range []string{"MntNeto", "MntExe", "IVA", "TasaIVA"} {
		var value amount.Decimal
		if raw, ok := members[name]; ok && def.Child(name) == nil && json.Unmarshal(raw, &value) == nil && value.IsZero() {
			delete(members, name)
			dropped = true
		}
	}
	if !dropped {
		return text
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return text
	}
	return rest
}

// figures are our totals by the names that a caller may expect.
func (d *draft) figures() map[string]amount.Decimal {
	t := &d.totals
	period := d.add(at(totalsPath), t.total, t.sums[notBillable])
	return map[string]amount.Decimal{
		"MntNeto": t.net, "MntExe": t.exempt, "TasaIVA": t.rate, "IVA": t.iva, "MntTotal": t.total,
		"CredEC": t.credit, "GrntDep": t.sums[deposit], "MontoNF": t.sums[notBillable],
		"MontoPeriodo": period, "TotalPeriodo": period,
		"IVANoRet": d.notRetained(),
	}
}

func (d *draft) notRetained() amount.Decimal {
	t := &d.totals
	if d.typ != FacturaCompra && t.retained.IsZero() {
		return amount.Decimal{}
	}
	return d.sub(at(totalsPath), t.iva, t.retained)
}

// compareTotals reports each figure that differs; an absent one is expected to be anything, a zero to
// be zero or absent.
func (d *draft) compareTotals(e expectation, ours map[string]amount.Decimal) {
	for _, leaf := range e.totals.Kids {
		name := leaf.Def.Name
		our, known := ours[name]
		if !known || leaf.Def.Type == nil {
			continue
		}
		theirs, ok := d.number(e.totals, name)
		if !ok || theirs == our || name == "TasaIVA" && d.totals.net.IsZero() {
			continue
		}
		d.differ(e.path+"."+name, name, our, theirs)
	}
	d.compareTaxes(e)
}

func (d *draft) compareTaxes(e expectation) {
	for i, n := range e.totals.All("ImptoReten") {
		theirs, ok := d.number(n, "MontoImp")
		if !ok {
			continue
		}
		code := n.Get("TipoImp")
		for _, x := range d.totals.taxes {
			if x.code == code && x.amount != theirs {
				path := fmt.Sprintf("%s.ImptoReten[%d].MontoImp", e.path, i)
				d.differ(path, "MontoImp ("+code+")", x.amount, theirs)
			}
		}
	}
}

// differ says both numbers and how ours arose.
func (d *draft) differ(path, name string, ours, theirs amount.Decimal) {
	d.fault(FieldError{
		Path: path, Code: CodeTotalsDiffer, Level: LevelReject,
		Detail: fmt.Sprintf("%s: según el detalle es %s, usted espera %s. %s", name, ours, theirs, strings.Join(d.trace, "; ")),
	})
}

// compareExpectations: where both places give a figure they must agree.
func (d *draft) compareExpectations(inside, beside expectation) {
	for _, leaf := range beside.totals.Kids {
		name := leaf.Def.Name
		if leaf.Def.Type == nil || !inside.totals.Has(name) || inside.totals.Get(name) == leaf.Text {
			continue
		}
		d.fault(FieldError{
			Path: beside.path + "." + name, Code: CodeTotalsDiffer, Level: LevelReject,
			Detail: fmt.Sprintf("%s: expected_totals dice %s y document.Encabezado.Totales dice %s", name, leaf.Text, inside.totals.Get(name)),
		})
	}
}

// tolerate takes the caller's net, exempt, IVA and total in place of ours, if each is near and they
// add up with the rest of our figures.
func (d *draft) tolerate(e expectation) bool {
	t := d.totals
	for name, ours := range map[string]*amount.Decimal{
		"MntNeto": &t.net, "MntExe": &t.exempt, "IVA": &t.iva, "MntTotal": &t.total,
	} {
		theirs, ok := d.number(e.totals, name)
		if !ok {
			continue
		}
		if d.sub(e.path, theirs, *ours).Abs().Cmp(tolerance) > 0 {
			return false
		}
		*ours = theirs
	}
	before := &d.totals
	rest := before.total
	for _, part := range []amount.Decimal{before.net, before.exempt, before.iva} {
		rest = d.sub(e.path, rest, part)
	}
	sum := rest
	for _, part := range []amount.Decimal{t.net, t.exempt, t.iva} {
		sum = d.add(e.path, sum, part)
	}
	if sum != t.total {
		return false
	}
	d.totals = t
	return true
}
