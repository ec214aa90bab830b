package format

// Obligations finds what the SII's obligatoriness codes say against a document of this type: fields
// with code 0 that are there, fields with code 1 that are not. Doubtful codes say nothing. What the
// schema requires anyway is left to Check. Paths begin with base.
//
// Source: Formato DTE v2.5 (2026-02), section 2, columns of obligatoriness and (*): only the fields
// marked (*) are said to refuse a document by their absence; the other findings are Mild.
func Obligations(n *Node, documentType int, base string) []Finding {
	o := &obligations{kind: documentType}
	o.children(n, start(base))
	return o.findings
}

type obligations struct {
	checker
	kind int
}

func (o *obligations) children(n *Node, at *place) {
	index := 0
	for i, kid := range n.Kids {
		if index++; i == 0 || n.Kids[i-1].Def != kid.Def {
			index = 0
		}
		here := at.below(kid.Def, index)
		if code, doubtful := kid.Def.Code(o.kind); code == Forbidden && !doubtful {
			o.report(&here, FieldNotAllowed, kid.Def)
			continue
		}
		o.children(kid, &here)
	}
	for _, e := range n.Def.Children {
		code, doubtful := e.Code(o.kind)
		if code == Required && !doubtful && e.Min == 0 && n.Child(e.Name) == nil {
			o.reportChild(at, MissingField, e)
			o.findings[len(o.findings)-1].Mild = !e.Rejects
		}
	}
}
