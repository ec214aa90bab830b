package dte

import (
	"strings"

	"timbre/shared/format"
	"timbre/shared/rules"
)

// check finds what the schema, the obligatoriness codes and the rules say of the complete document.
func (d *draft) check() {
	folio := d.doc.Has("Encabezado/IdDoc/Folio")
	if !folio {
		d.doc.Set("Encabezado/IdDoc/Folio", "1") // a stand-in: the folio is bound later
	}
	for _, f := range format.Check(d.doc, base, made...) {
		if !d.broken || !isComputed(f) {
			d.found([]format.Finding{f})
		}
	}
	d.found(format.Obligations(d.doc, int(d.typ), base))
	for _, b := range rules.Check(d.doc, d.facts()) {
		d.breach(b.Rule, b.Path)
	}
	if !folio {
		d.doc.At("Encabezado/IdDoc").Remove("Folio")
	}
	d.checkExempt()
	d.checkDiscounts()
	d.checkLines()
}

// facts are what the rules may know beside the document.
func (d *draft) facts() rules.Facts {
	return rules.Facts{
		Type: int(d.typ), Issuer: d.req.Issuer.RUT.String(), Acteco: d.req.Issuer.Acteco,
		Today: d.req.Today.Format(dateLayout), Partial: d.broken,
	}
}

// breach is a broken rule as a fault; the path is below the document.
func (d *draft) breach(r *rules.Rule, path string) {
	d.fault(FieldError{Path: at(path), Code: r.Code, Detail: r.Text, SIICode: r.SII, Level: r.Level, Rule: r.ID})
}

// isComputed tells of a field that is missing only because a number it is computed from is bad.
func isComputed(f format.Finding) bool {
	return f.Code == format.MissingField && (strings.HasPrefix(f.Path, at(totalsPath)) || strings.HasSuffix(f.Path, ".MontoItem"))
}

// checkExempt refuses an exempt invoice for which the caller wants a net or an IVA (nuevas validaciones
// a la IECV, DTE y DJ, no. 57).
func (d *draft) checkExempt() {
	_, net := d.wantedNumber("MntNeto")
	_, iva := d.wantedNumber("IVA")
	if !d.broken && d.typ == FacturaExenta && (net || iva) {
		d.reject(at(totalsPath), "exempt-with-tax", "una factura exenta no lleva neto ni IVA: use una factura (33)")
	}
}

// checkDiscounts refuses global discounts that exceed the lines they act on, which the totals of a
// document with several classes of lines need not show (Formato DTE v2.5, DscRcgGlobal).
func (d *draft) checkDiscounts() {
	over := d.totals.over[taxable] || d.totals.over[exempt]
	if d.broken || d.kind.signed || !over || !d.doc.Has("DscRcgGlobal") {
		return
	}
	d.reject(at("DscRcgGlobal"), "discount-over-class",
		"los descuentos globales superan a las líneas de la clase que afectan (afectas o exentas); revise IndExeDR")
}

// maxLine is the longest line of a file in bytes: the SII's parser refuses about 4,090 (CHR-00002).
const maxLine = 4000

// checkLines refuses a text whose line would be too long: each element is written on one line.
func (d *draft) checkLines() {
	d.doc.Leaves(base, func(leaf *format.Node, path func() string) {
		if len(leaf.Text) < maxLine/len("&amp;") {
			return
		}
		if n := len(appendElement(nil, leaf)); n > maxLine {
			d.reject(path(), "line-too-long", "con sus escapes este texto pasa de 4.000 bytes en una línea del archivo; acórtelo")
		}
	})
}

// name says which rule a fault breaks that the reader, the schema or the calculation found, and what
// the SII would answer.
func (d *draft) name(f *FieldError) {
	path := strings.TrimPrefix(f.Path, base+".")
	if rest, ok := strings.CutPrefix(f.Path, "expected_totals."); ok {
		path = totalsPath + "." + rest
	}
	r := rules.Of(int(d.typ), f.Code, path)
	if f.Rule != "" || r == nil {
		return
	}
	f.Rule = r.ID
	if r.SII != "" {
		f.SIICode = r.SII
	}
	if r.Text != "" {
		f.Detail = r.Text
	}
}

// merge joins faults of one field and code: the gravest level stands, with the rule, which knows what
// the SII would answer and what to do.
func (d *draft) merge() []FieldError {
	type key struct{ path, code string }
	places := map[key]int{}
	var out []FieldError
	for _, f := range d.faults {
		d.name(&f)
		k := key{f.Path, f.Code}
		i, again := places[k]
		if !again {
			places[k] = len(out)
			out = append(out, f)
			continue
		}
		out[i] = joined(out[i], f)
	}
	return out
}

func joined(a, b FieldError) FieldError {
	if b.Level > a.Level || b.Level == a.Level && a.SIICode == "" && b.Rule != "" {
		a, b = b, a
	}
	if a.Rule == "" {
		a.Rule, a.Detail = b.Rule, b.Detail
	}
	if a.SIICode == "" {
		a.SIICode = b.SIICode
	}
	return a
}
