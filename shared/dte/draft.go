package dte

import (
	"fmt"
	"strconv"
	"time"

	"timbre/shared/amount"
	"timbre/shared/format"
	"timbre/shared/rut"
)

// base is the member of the request that holds the document; every path begins with it.
const base = "document"

// dateLayout is a date of the SII (FechaType).
const dateLayout = time.DateOnly

// draft is a document on its way from JSON to an Order.
type draft struct {
	typ    Type
	kind   *kind
	doc    *format.Node
	req    *Request
	faults []FieldError

	// broken tells that a number of the document could not be read, so that what is computed from it
	// would only repeat that fault.
	broken bool
	// wanted are the totals that the caller put into the document, nil if none.
	wanted *format.Node
	lines  []line
	totals totals
	trace  []string
}

func (d *draft) fault(f FieldError) { d.faults = append(d.faults, f) }

// reject is a fault that refuses the document here, whatever the SII would do.
func (d *draft) reject(path, code, detail string) {
	d.fault(FieldError{Path: path, Code: code, Detail: detail, Level: LevelReject})
}

// found takes over what the format table found.
func (d *draft) found(findings []format.Finding) {
	for _, f := range findings {
		level := LevelReject
		if f.Mild {
			level = LevelUnknown
		}
		d.fault(FieldError{Path: f.Path, Code: string(f.Code), Detail: f.Detail, Level: level})
	}
}

// number reads the amount of a child; false if it is absent or was refused. A number that breaks its
// type is left to the schema's check and stops the computation.
func (d *draft) number(n *format.Node, name string) (amount.Decimal, bool) {
	leaf := n.Child(name)
	if leaf == nil {
		return amount.Decimal{}, false
	}
	value, err := amount.Parse(leaf.Text)
	if err != nil || leaf.Def.Type.Check(leaf.Text) != "" {
		d.broken = true
		return amount.Decimal{}, false
	}
	return value, true
}

// exact carries a sum or product on; one that leaves 18 digits is a fault at the path.
func (d *draft) exact(path string, value amount.Decimal, err error) amount.Decimal {
	if err != nil && !d.broken {
		d.broken = true
		d.reject(path, "amount-too-large", "el monto que resulta tiene más de 18 dígitos")
	}
	return value
}

// add is a + b; both are sums at the path.
func (d *draft) add(path string, a, b amount.Decimal) amount.Decimal {
	sum, err := a.Add(b)
	return d.exact(path, sum, err)
}

func (d *draft) sub(path string, a, b amount.Decimal) amount.Decimal { return d.add(path, a, b.Neg()) }

// at is the path of an element below the document.
func at(path string) string { return base + "." + path }

// item is the path of the i-th element of a list.
func item(name string, i int) string { return base + "." + name + "[" + strconv.Itoa(i) + "]" }

// cleanTexts sends every text through the pipeline and normalizes RUTs.
func (d *draft) cleanTexts(root *format.Node, name string) {
	root.Leaves(name, func(leaf *format.Node, path func() string) {
		if !leaf.Def.Type.IsText() {
			return
		}
		text, bad := clean(leaf.Text)
		if bad != 0 {
			d.reject(path(), "bad-character", fmt.Sprintf("el carácter %q (U+%04X) no existe en ISO-8859-1, la codificación del SII; reemplácelo", bad, bad))
			text = "?"
		}
		if leaf.Def.Type.IsRUT() && text != "" && bad == 0 {
			text = d.normalRUT(text, path)
		}
		leaf.Text = text
	})
	root.Prune()
}

// normalRUT is the SII's form of a RUT; one that is none is a fault and becomes a stand-in, so that
// it is told only once.
func (d *draft) normalRUT(text string, path func() string) string {
	r, err := rut.Parse(text)
	if err == nil {
		return r.String()
	}
	d.reject(path(), "bad-rut", "no es un RUT válido: revise el número y su dígito verificador (76192083-9)")
	return rut.SII.String()
}

// id is a field of IdDoc.
func (d *draft) id(name string) string { return d.doc.Get("Encabezado/IdDoc/" + name) }
