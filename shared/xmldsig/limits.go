package xmldsig

import (
	"cmp"
	"math"
)

// Limits bounds what Parse accepts. A zero field stands for its default.
type Limits struct {
	Bytes      int // size of the input; 16 MB, the largest envelope
	Depth      int // nesting of elements; 32
	Nodes      int // elements, texts and processing instructions; 2 million
	NodesPerKB int // nodes for each 1024 bytes of input, after the first thousand nodes; 192
	Attributes int // attributes of one element; 32
	Namespaces int // namespace declarations in scope at one place; 16
	Name       int // bytes of a name; 256
	Attribute  int // bytes of an attribute's value; 4 kB
	Text       int // bytes of one run of text; 64 kB, so that any certificate fits
}

// freeNodes is how many nodes even the smallest input may have.
const freeNodes = 1000

func (l Limits) withDefaults() Limits {
	return Limits{
		Bytes:      min(cmp.Or(l.Bytes, 16<<20), math.MaxInt32),
		Depth:      cmp.Or(l.Depth, 32),
		Nodes:      cmp.Or(l.Nodes, 2_000_000),
		NodesPerKB: cmp.Or(l.NodesPerKB, 192),
		Attributes: cmp.Or(l.Attributes, 32),
		Namespaces: cmp.Or(l.Namespaces, 16),
		Name:       cmp.Or(l.Name, 256),
		Attribute:  cmp.Or(l.Attribute, 4<<10),
		Text:       cmp.Or(l.Text, 64<<10),
	}
}

// nodes is the largest number of nodes for an input of so many bytes.
func (l Limits) nodes(bytes int) int {
	return min(l.Nodes, freeNodes+bytes/1024*l.NodesPerKB)
}
