package xmldsig

import (
	"cmp"
	"slices"
)

// Namespaces of the SII's documents.
const (
	// NamespaceSII is the namespace of all of the SII's documents.
	NamespaceSII = "http://www.sii.cl/SiiDte"
	// NamespaceXSI is the namespace of schemaLocation, which the SII's envelopes declare.
	NamespaceXSI = "http://www.w3.org/2001/XMLSchema-instance"
	// NamespaceDSig is the namespace of Signature.
	NamespaceDSig = "http://www.w3.org/2000/09/xmldsig#"
)

// Context says which namespaces an element inherits when it is put in canonical form. Real
// documents are signed in several, and the digest depends on it.
type Context uint8

// Contexts. "The parent" is the element that holds the signed element and its Signature, as DTE.
const (
	// InPlace inherits all that is in scope in the document, as the recommendation says.
	InPlace Context = iota + 1
	// CutOut inherits only what the parent itself declares, as if its text were a document.
	CutOut
	// OnlySII inherits the SII's namespace as the default, and nothing else: the parent's text with
	// nothing but xmlns="http://www.sii.cl/SiiDte" on it.
	OnlySII
	// NoNamespace inherits nothing: the parent's text without declarations.
	NoNamespace
	// WithSII inherits what the parent declares, and the SII's namespace as the default where it declares none: so stands
	// what was signed with both namespaces and lost that one on its way.
	WithSII
)

func (c Context) String() string {
	switch c {
	case InPlace:
		return "in-place"
	case CutOut:
		return "cut-out"
	case OnlySII:
		return "only-sii"
	case NoNamespace:
		return "no-namespace"
	case WithSII:
		return "with-sii"
	}
	return "none"
}

// Canonical is the document in inclusive Canonical XML 1.0 without comments, always UTF-8.
func (d *Document) Canonical() []byte {
	c := canonicalizer{out: make([]byte, 0, len(d.src)+len(d.src)/8)}
	afterRoot := false
	for _, n := range d.top {
		if n.Kind == Element {
			c.element(n, n.declared(nil), n.Attrs)
			afterRoot = true
			continue
		}
		if afterRoot {
			c.out = append(c.out, '\n')
		}
		c.instruction(n)
		if !afterRoot {
			c.out = append(c.out, '\n')
		}
	}
	return c.out
}

// Canonical is the element n, in its place, in inclusive Canonical XML 1.0 without comments.
func (n *Node) Canonical() []byte {
	return n.AppendCanonical(make([]byte, 0, n.canonicalSize()), InPlace)
}

// AppendCanonical appends the canonical form of the element n in a context to dst.
func (n *Node) AppendCanonical(dst []byte, context Context) []byte {
	return n.appendCanonical(dst, n.Parent, context)
}

// appendCanonical takes the parent of the context from its caller: base is n's parent or above.
func (n *Node) appendCanonical(dst []byte, base *Node, context Context) []byte {
	c := canonicalizer{out: dst}
	c.element(n, n.inScope(base, context), n.inheritXML(base, context))
	return c.out
}

func (n *Node) canonicalSize() int {
	size := int(n.end - n.start)
	return size + size/8 + 128
}

// inScope are the namespaces that n declares or inherits, the nearest declaration first.
func (n *Node) inScope(base *Node, context Context) []decl {
	out := n.declared(nil)
	e := n.Parent
	for ; e != nil && e != base; e = e.Parent {
		out = e.declared(out)
	}
	switch context {
	case InPlace:
		for ; e != nil; e = e.Parent {
			out = e.declared(out)
		}
	case CutOut, WithSII:
		if e != nil {
			out = e.declared(out)
		}
	}
	if context == OnlySII || context == WithSII {
		out = addDecl(out, decl{"", NamespaceSII})
	}
	return out
}

// declared adds n's own declarations to those of the elements inside it, which win.
func (n *Node) declared(have []decl) []decl {
	for _, d := range n.decls {
		have = addDecl(have, d)
	}
	return have
}

func addDecl(have []decl, d decl) []decl {
	for _, h := range have {
		if h.prefix == d.prefix {
			return have
		}
	}
	return append(have, d)
}

// inheritXML are n's attributes and those of the namespace xml that it inherits (Canonical XML 1.0, 2.4).
func (n *Node) inheritXML(base *Node, context Context) []Attr {
	attrs := n.Attrs
	for e := n.Parent; e != nil; e = e.Parent {
		for _, a := range e.Attrs {
			if a.Space == nsXML && !isTwice(attrs, a) {
				attrs = append(attrs[:len(attrs):len(attrs)], a)
			}
		}
		if context != InPlace && e == base {
			break
		}
	}
	return attrs
}

// canonicalizer writes elements; rendered are the declarations written on the open ones.
type canonicalizer struct {
	out      []byte
	rendered []decl
	attrs    []Attr
}

func (c *canonicalizer) element(n *Node, decls []decl, attrs []Attr) {
	mark := len(c.rendered)
	c.out = append(c.out, '<')
	c.name(n.Prefix, n.Local)
	if len(decls) > 0 {
		c.namespaces(decls)
	}
	if len(attrs) > 0 {
		c.attributes(attrs)
	}
	c.out = append(c.out, '>')
	for child := n.first; child != nil; child = child.next {
		c.child(child)
	}
	c.out = append(c.out, '<', '/')
	c.name(n.Prefix, n.Local)
	c.out = append(c.out, '>')
	c.rendered = c.rendered[:mark]
}

func (c *canonicalizer) child(n *Node) {
	switch n.Kind {
	case Element:
		c.element(n, n.decls, n.Attrs)
	case Text:
		c.out = AppendText(c.out, n.Data)
	case Instruction:
		c.instruction(n)
	}
}

func (c *canonicalizer) name(prefix, local string) {
	if prefix != "" {
		c.out = append(c.out, prefix...)
		c.out = append(c.out, ':')
	}
	c.out = append(c.out, local...)
}

func (c *canonicalizer) instruction(n *Node) {
	c.out = append(c.out, '<', '?')
	c.out = append(c.out, n.Local...)
	if n.Data != "" {
		c.out = append(c.out, ' ')
		c.out = append(c.out, n.Data...)
	}
	c.out = append(c.out, '?', '>')
}

// namespaces writes declarations that change something, by prefix.
func (c *canonicalizer) namespaces(decls []decl) {
	mark := len(c.rendered)
	for _, d := range decls {
		if d.prefix != "xml" && !c.has(d, mark) {
			c.rendered = append(c.rendered, d)
		}
	}
	fresh := c.rendered[mark:]
	if len(fresh) > 1 {
		slices.SortFunc(fresh, func(a, b decl) int { return cmp.Compare(a.prefix, b.prefix) })
	}
	for _, d := range fresh {
		c.out = append(c.out, " xmlns"...)
		if d.prefix != "" {
			c.out = append(c.out, ':')
			c.out = append(c.out, d.prefix...)
		}
		c.value(d.uri)
	}
}

// has tells whether the open elements up to mark already say the same.
func (c *canonicalizer) has(d decl, mark int) bool {
	for i := mark - 1; i >= 0; i-- {
		if c.rendered[i].prefix == d.prefix {
			return c.rendered[i].uri == d.uri
		}
	}
	return d.uri == ""
}

// attributes writes them by namespace, then by name.
func (c *canonicalizer) attributes(attrs []Attr) {
	if len(attrs) > 1 {
		c.attrs = append(c.attrs[:0], attrs...)
		attrs = c.attrs
		slices.SortFunc(attrs, func(a, b Attr) int {
			return cmp.Or(cmp.Compare(a.Space, b.Space), cmp.Compare(a.Local, b.Local))
		})
	}
	for _, a := range attrs {
		c.out = append(c.out, ' ')
		c.name(a.Prefix, a.Local)
		c.value(a.Value)
	}
}

func (c *canonicalizer) value(s string) {
	c.out = append(c.out, '=', '"')
	c.out = AppendValue(c.out, s)
	c.out = append(c.out, '"')
}
