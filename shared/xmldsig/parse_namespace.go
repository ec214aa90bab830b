package xmldsig

// resolve gives the element and its attributes their namespaces (Namespaces in XML 1.0, third edition).
func (p *parser) resolve(n *Node, name string) error {
	prefix, local, ok := splitName(name)
	if !ok || prefix == "xmlns" {
		return p.fail(int(n.start), CodeName, "malformed name of an element")
	}
	n.Tag = p.tag(prefix, local)
	if err := p.declare(n); err != nil {
		return err
	}
	if n.Space, ok = p.lookup(prefix); !ok {
		return p.fail(int(n.start), CodeNamespace, "prefix "+clip(prefix)+" has no namespace")
	}
	return p.resolveAttributes(n)
}

// tag makes a Tag.
func (p *parser) tag(prefix, local string) *Tag {
	if len(p.tagSlab) == 0 {
		p.tagSlab = make([]Tag, 32)
	}
	tag := &p.tagSlab[0]
	p.tagSlab = p.tagSlab[1:]
	tag.Prefix, tag.Local, tag.doc = prefix, local, p.doc
	return tag
}

func (p *parser) resolveAttributes(n *Node) error {
	switch {
	case len(p.attrs) == 0:
		return nil
	case len(p.attrs) > p.lim.Attributes:
		return p.tooMuch(int(n.start), "attributes")
	}
	n.Attrs = make([]Attr, len(p.attrs))
	for i, a := range p.attrs {
		bound := true
		if a.Prefix != "" {
			a.Space, bound = p.lookup(a.Prefix)
		}
		if !bound {
			return p.fail(a.at, CodeNamespace, "prefix "+clip(a.Prefix)+" has no namespace")
		}
		if isTwice(n.Attrs[:i], a.Attr) {
			return p.fail(a.at, CodeDuplicate, "attribute "+clip(a.Local)+" stands twice")
		}
		n.Attrs[i] = a.Attr
		p.noteID(n, a.Attr)
	}
	return nil
}

func isTwice(attrs []Attr, a Attr) bool {
	for _, b := range attrs {
		if a.Local == b.Local && a.Space == b.Space {
			return true
		}
	}
	return false
}

// lookup is the namespace of a prefix; the default is "" where none is declared.
func (p *parser) lookup(prefix string) (string, bool) {
	for i := len(p.bindings) - 1; i >= 0; i-- {
		if p.bindings[i].prefix == prefix {
			return p.bindings[i].uri, true
		}
	}
	return "", prefix == ""
}

// declare moves namespace declarations from p.attrs into the scope of n.
func (p *parser) declare(n *Node) error {
	kept := p.attrs[:0]
	for _, a := range p.attrs {
		d := decl{"", a.Value}
		switch {
		case a.Prefix == "xmlns":
			d.prefix = a.Local
		case a.Prefix != "" || a.Local != "xmlns":
			kept = append(kept, a)
			continue
		}
		if err := p.checkDecl(n, d, a.at); err != nil {
			return err
		}
		n.decls = append(n.decls, d)
	}
	p.attrs = kept
	p.bind(n.decls)
	if len(p.bindings) > p.lim.Namespaces+1 {
		return p.tooMuch(int(n.start), "namespace declarations")
	}
	return nil
}

// bind brings declarations into scope, unbind takes as many out again. Tags of other scopes are not shared.
func (p *parser) bind(decls []decl) {
	if len(decls) > 0 {
		p.bindings = append(p.bindings, decls...)
		clear(p.tags)
	}
}

func (p *parser) unbind(decls []decl) {
	if len(decls) > 0 {
		p.bindings = p.bindings[:len(p.bindings)-len(decls)]
		clear(p.tags)
	}
}

// checkDecl refuses declarations that the recommendation forbids.
func (p *parser) checkDecl(n *Node, d decl, at int) error {
	if (d.prefix == "xml") != (d.uri == nsXML) || d.prefix == "xmlns" || d.uri == nsXMLNS {
		return p.fail(at, CodeNamespace, "xml and xmlns cannot be bound anew")
	}
	if d.prefix != "" && d.uri == "" {
		return p.fail(at, CodeNamespace, "a prefix cannot lose its namespace")
	}
	for _, other := range n.decls {
		if other.prefix == d.prefix {
			return p.fail(at, CodeDuplicate, "a prefix is declared twice")
		}
	}
	return nil
}

// noteID keeps the element by its ID. One ID twice makes it name nothing.
func (p *parser) noteID(n *Node, a Attr) {
	switch {
	case a.Space == "" && (a.Local == "ID" || a.Local == "Id" || a.Local == "id"):
	case a.Space == nsXML && a.Local == "id":
	default:
		return
	}
	if p.doc.ids == nil {
		p.doc.ids = map[string]*Node{}
	}
	if _, twice := p.doc.ids[a.Value]; twice {
		n = nil
	}
	p.doc.ids[a.Value] = n
}
