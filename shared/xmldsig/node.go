package xmldsig

import (
	"iter"
	"strings"
)

// Kind is what a Node is.
type Kind uint8

// Kinds of Node. Comments are checked and left out.
const (
	Element Kind = iota + 1
	Text
	Instruction
)

// Document is XML that was read. It is immutable and may be used by several goroutines.
type Document struct {
	src  string
	lim  Limits
	root *Node
	top  []*Node          // root and the processing instructions around it
	ids  map[string]*Node // by ID attribute; nil where two elements share one

	// Encoding is what the bytes were read in: UTF-8, ISO-8859-1, WINDOWS-1252 or US-ASCII.
	Encoding string
	// Misdeclared says that Encoding is not the one the document declares (or UTF-8, if it declares none).
	Misdeclared bool
}

// Node is an element, a run of text or a processing instruction. The methods take a nil Node, as
// Child returns for what is not there.
type Node struct {
	Kind Kind
	*Tag        // never nil; of a text it says nothing
	Data string // text, or what an instruction says

	Parent *Node // nil for the root

	first, next *Node
	start, end  int32
}

// Tag is what a start tag says. Elements without attributes share it with others of their name: most of a document is
// such elements, and nodes are most of what reading costs.
type Tag struct {
	Space  string // namespace of an element; empty if it has none
	Prefix string // prefix of an element as written
	Local  string // name of an element without prefix; target of an instruction
	Attrs  []Attr // without namespace declarations, in the order written

	decls []decl // namespace declarations made here, in the order written
	doc   *Document
}

// Attr is an attribute.
type Attr struct{ Space, Prefix, Local, Value string }

// decl binds a prefix ("" for the default) to a namespace ("" takes the default away).
type decl struct{ prefix, uri string }

// Root is the document's element.
func (d *Document) Root() *Node { return d.root }

// ByID is the element that alone in the document carries this ID (attribute ID, Id, id or xml:id),
// nil if none does or several do.
func (d *Document) ByID(id string) *Node { return d.ids[id] }

// Document is the document that n belongs to.
func (n *Node) Document() *Document {
	if n == nil {
		return nil
	}
	return n.doc
}

// Nodes are the children: elements, texts, instructions.
func (n *Node) Nodes() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n == nil {
			return
		}
		for c := n.first; c != nil; c = c.next {
			if !yield(c) {
				return
			}
		}
	}
}

// Elements are the element children.
func (n *Node) Elements() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		for c := range n.Nodes() {
			if c.Kind == Element && !yield(c) {
				return
			}
		}
	}
}

// All are the element n and all elements below, in document order.
func (n *Node) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		for e := n; e != nil; e = e.following(n) {
			if !yield(e) {
				return
			}
		}
	}
}

// following is the next element in document order inside of apex.
func (n *Node) following(apex *Node) *Node {
	for c := range n.Elements() {
		return c
	}
	for ; n != apex; n = n.Parent {
		for s := n.next; s != nil; s = s.next {
			if s.Kind == Element {
				return s
			}
		}
	}
	return nil
}

// Child is the first element child of this name in any namespace, or nil.
func (n *Node) Child(local string) *Node {
	for c := range n.Elements() {
		if c.Local == local {
			return c
		}
	}
	return nil
}

// At goes down by one Child for each name, as At("Encabezado", "IdDoc", "Folio").
func (n *Node) At(path ...string) *Node {
	for _, local := range path {
		n = n.Child(local)
	}
	return n
}

// Find is the first element of this name, in any namespace: n itself or below.
func (n *Node) Find(local string) *Node {
	for e := range n.All() {
		if e.Local == local {
			return e
		}
	}
	return nil
}

// Text is all text directly in n: CDATA and what stands around comments included, the text of child
// elements not. White space is kept.
func (n *Node) Text() string {
	if n == nil || n.first == nil {
		return ""
	}
	if n.first.next == nil && n.first.Kind == Text {
		return n.first.Data
	}
	var b strings.Builder
	for c := range n.Nodes() {
		if c.Kind == Text {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// Attr is the value of an attribute without namespace; false if it is not there.
func (n *Node) Attr(local string) (string, bool) {
	if n == nil {
		return "", false
	}
	for _, a := range n.Attrs {
		if a.Space == "" && a.Local == local {
			return a.Value, true
		}
	}
	return "", false
}

// Source is a copy of the bytes of the input from which n was read, from "<" to ">" for an element.
func (n *Node) Source() []byte {
	if n == nil {
		return nil
	}
	return []byte(n.doc.src[n.start:n.end])
}

// Range is where Source lies in the input: from, and up to but without.
func (n *Node) Range() (int, int) {
	if n == nil {
		return 0, 0
	}
	return int(n.start), int(n.end)
}

// Line is the line of the input, from 1, where n begins.
func (n *Node) Line() int {
	if n == nil {
		return 0
	}
	return lineAt(n.doc.src, int(n.start))
}

// is tells whether n is this element.
func (n *Node) is(space, local string) bool {
	return n != nil && n.Kind == Element && n.Local == local && n.Space == space
}
