package envelope

import (
	"fmt"

	"timbre/shared/dte"
	"timbre/shared/xmldsig"
)

// kind is what sets the two envelopes apart: data, not code.
type kind struct {
	root, schema string
	boletas      bool
	max          int // documents
}

var kinds = []kind{
	{root: "EnvioDTE", schema: "EnvioDTE_v10.xsd", max: 2000},                     // SetDTE/DTE maxOccurs
	{root: "EnvioBOLETA", schema: "EnvioBOLETA_v11.xsd", boletas: true, max: 500}, // Formato Boletas v4.2
}

// kindOf is the envelope in which documents of the type travel.
func kindOf(t dte.Type) kind {
	if t.IsBoleta() {
		return kinds[1]
	}
	return kinds[0]
}

func kindOfRoot(n *xmldsig.Node) (kind, error) {
	for _, k := range kinds {
		if isSII(n, k.root) {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("%w: root %.40q", ErrForm, n.Local)
}

// prolog is the first two lines, which the SII checks as text before it reads XML: the encoding on the first, the root
// with its schemaLocation, whole, on the second.
func (k kind) prolog() string {
	return declaration + `<` + k.root + xmldsig.Both.Attributes() +
		` xsi:schemaLocation="` + xmldsig.NamespaceSII + ` ` + k.schema + `" version="1.0">` + "\n"
}

const declaration = `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n"
