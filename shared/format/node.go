package format

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// Node is an element of a document that is being made: its children always stand in the order of
// the XSD, which is the order of writing. The methods take a nil Node, as Child returns for what is
// not there.
type Node struct {
	Def  *Element
	Text string // of an element without children
	Kids []*Node
}

// New is a document of this root without content.
func New(root *Element) *Node { return &Node{Def: root} }

// Child is the first child of that name, or nil.
func (n *Node) Child(name string) *Node {
	if n == nil {
		return nil
	}
	for _, k := range n.Kids {
		if k.Def.Name == name {
			return k
		}
	}
	return nil
}

// All are the children of that name; the slice belongs to n.
func (n *Node) All(name string) []*Node {
	if n == nil {
		return nil
	}
	first := 0
	for first < len(n.Kids) && n.Kids[first].Def.Name != name {
		first++
	}
	last := first
	for last < len(n.Kids) && n.Kids[last].Def.Name == name {
		last++
	}
	return n.Kids[first:last:last]
}

// At goes down a path such as "Encabezado/IdDoc/Folio" by first children; nil if it leads nowhere.
func (n *Node) At(path string) *Node {
	for name := range strings.SplitSeq(path, "/") {
		n = n.Child(name)
	}
	return n
}

// Get is the text at a path, empty if there is nothing.
func (n *Node) Get(path string) string {
	if leaf := n.At(path); leaf != nil {
		return leaf.Text
	}
	return ""
}

// Has tells whether there is something at a path.
func (n *Node) Has(path string) bool { return n.At(path) != nil }

// Ensure is the node at a path, made with its parents where missing; nil if the format has no such
// element here.
func (n *Node) Ensure(path string) *Node {
	for name := range strings.SplitSeq(path, "/") {
		next := n.Child(name)
		if next == nil {
			next = n.Add(name)
		}
		if n = next; n == nil {
			return nil
		}
	}
	return n
}

// Add makes one more child of that name, after those that are there; nil if the format has none.
func (n *Node) Add(name string) *Node {
	def := n.Def.Child(name)
	if def == nil {
		return nil
	}
	kid := &Node{Def: def}
	n.insert(kid)
	return kid
}

func (n *Node) insert(kid *Node) {
	i := len(n.Kids)
	for i > 0 && n.Kids[i-1].Def.order > kid.Def.order {
		i--
	}
	n.Kids = slices.Insert(n.Kids, i, kid)
}

// Set writes the text at a path and tells whether the format has that element.
func (n *Node) Set(path, text string) bool {
	leaf := n.Ensure(path)
	if leaf == nil {
		return false
	}
	leaf.Text = text
	return true
}

// Remove takes away every child of that name.
func (n *Node) Remove(name string) {
	if n == nil {
		return
	}
	n.Kids = slices.DeleteFunc(n.Kids, func(k *Node) bool { return k.Def.Name == name })
}

// Prune takes away what is empty: texts without a character, elements without children.
func (n *Node) Prune() {
	n.Kids = slices.DeleteFunc(n.Kids, func(k *Node) bool {
		k.Prune()
		return k.Text == "" && len(k.Kids) == 0
	})
}

// RemoveZeros takes away the values that are "0", and what is empty then.
func (n *Node) RemoveZeros() {
	n.Kids = slices.DeleteFunc(n.Kids, func(k *Node) bool {
		k.RemoveZeros()
		return k.Text == "0" || k.Text == "" && len(k.Kids) == 0
	})
}

// Clone is a deep copy.
func (n *Node) Clone() *Node {
	if n == nil {
		return nil
	}
	out := &Node{Def: n.Def, Text: n.Text, Kids: make([]*Node, len(n.Kids))}
	for i, k := range n.Kids {
		out.Kids[i] = k.Clone()
	}
	return out
}

// Leaves calls visit for every element that holds text, with its path below root.
func (n *Node) Leaves(root string, visit func(leaf *Node, path func() string)) {
	n.leaves(start(root), visit)
}

func (n *Node) leaves(at *place, visit func(*Node, func() string)) {
	index := 0
	for i, k := range n.Kids {
		if index++; i == 0 || n.Kids[i-1].Def != k.Def {
			index = 0
		}
		here := at.below(k.Def, index)
		if k.Def.Type != nil {
			visit(k, here.String)
			continue
		}
		k.leaves(&here, visit)
	}
}

// sort brings children into the order of the XSD; those of one name keep theirs.
func (n *Node) sort() {
	slices.SortStableFunc(n.Kids, func(a, b *Node) int { return cmp.Compare(a.Def.order, b.Def.order) })
}

// AppendJSON appends the JSON that ReadJSON would read as n: lists where the element may be
// repeated, values as strings, or numbers as JSON numbers if asked for.
func (n *Node) AppendJSON(b []byte, numbers bool) []byte {
	if n == nil {
		return append(b, "{}"...)
	}
	b = append(b, '{')
	for i, k := range n.Kids {
		again := i > 0 && n.Kids[i-1].Def == k.Def
		if i > 0 {
			b = append(b, ',')
		}
		if !again {
			b = append(append(append(b, '"'), k.Def.Name...), `":`...)
		}
		if k.Def.IsList() && !again {
			b = append(b, '[')
		}
		b = k.appendValue(b, numbers)
		if k.Def.IsList() && (i+1 == len(n.Kids) || n.Kids[i+1].Def != k.Def) {
			b = append(b, ']')
		}
	}
	return append(b, '}')
}

func (n *Node) appendValue(b []byte, numbers bool) []byte {
	switch {
	case n.Def.Type == nil:
		return n.AppendJSON(b, numbers)
	case numbers && n.Def.Type.IsNumber():
		return append(b, n.Text...)
	}
	text, err := json.Marshal(n.Text)
	if err != nil {
		panic(err) // A string always has a JSON form.
	}
	return append(b, text...)
}
