package format

import (
	"math"
	"strings"
)

// Namespaces of the SII's documents.
const (
	NamespaceSII  = "http://www.sii.cl/SiiDte"
	NamespaceDSig = "http://www.w3.org/2000/09/xmldsig#"
)

// Unbounded is the Max of an element that may appear any number of times.
const Unbounded = math.MaxInt

// Element is one row of the table: an element at one place of a document. Elements are shared and
// must not be changed.
type Element struct {
	Name       string
	Space      string
	Min, Max   int
	Type       *Simple // nil for an element with children
	Children   []*Element
	Attributes []Attribute
	// Rejects: the SII refuses a document without it (column (*) of Formato DTE).
	Rejects bool
	// Source says where the row comes from: field, zone, derived or xsd.
	Source string

	codes []coded
	// order is the position among the parent's children, slot the same with a choice as one.
	order, slot int
	choice      bool
	// slots is the number of slots of the children.
	slots int
}

// Attribute is a required attribute.
type Attribute struct {
	Name  string
	kind  string
	value string
}

// Code is how obligatory an element is for a document type.
type Code byte

// The SII's obligatoriness codes. NoCode: the table does not say.
const (
	NoCode Code = iota
	Forbidden
	Required
	Conditional
	Optional
)

type coded struct {
	kind     int
	code     Code
	doubtful bool
}

// Code is the obligatoriness for a document type, and whether that is doubtful.
func (e *Element) Code(documentType int) (Code, bool) {
	for _, c := range e.codes {
		if c.kind == documentType {
			return c.code, c.doubtful
		}
	}
	return NoCode, false
}

// Child is the child element of that name, nil if there is none.
func (e *Element) Child(name string) *Element {
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// At goes down a path such as "Encabezado/IdDoc/Folio"; nil if it leads nowhere.
func (e *Element) At(path string) *Element {
	for name := range strings.SplitSeq(path, "/") {
		if e = e.Child(name); e == nil {
			return nil
		}
	}
	return e
}

// IsList tells whether the element may appear more than once.
func (e *Element) IsList() bool { return e.Max > 1 }
