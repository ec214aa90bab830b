package format

import "timbre/shared/xmldsig"

// counter follows the children of one element through its slots.
type counter struct {
	def    *Element
	slot   int
	count  int
	chosen *Element // the first child in the slot; of a choice no other may follow
}

// checker collects findings.
type checker struct {
	findings []Finding
	ids      []string
}

func (c *checker) report(at *place, code Fault, e *Element) {
	c.findings = append(c.findings, Finding{Path: at.String(), Code: code, Detail: explain(code, e)})
}

func (c *checker) reportChild(at *place, code Fault, e *Element) {
	here := at.below(e, -1)
	c.report(&here, code, e)
}

// take notes one more child; its index among those of its name is returned.
func (c *checker) take(k *counter, child *Element, at *place) int {
	switch {
	case child.slot < k.slot:
		c.reportChild(at, OutOfOrder, child)
		return 0
	case child.slot > k.slot:
		c.finish(k, child.slot, at)
		k.count = 0
	}
	k.count++
	if k.count == 1 {
		k.chosen = child
	}
	if k.count == child.Max+1 || k.chosen != child {
		c.reportChild(at, TooMany, child)
	}
	return k.count - 1
}

// finish reports what is missing before the slot, and moves there.
func (c *checker) finish(k *counter, slot int, at *place) {
	count := k.count
	for ; k.slot < slot; k.slot++ {
		if e := k.def.first(k.slot); count < e.Min {
			c.reportChild(at, MissingField, e)
		}
		count = 0
	}
}

// first is the first child of a slot.
func (e *Element) first(slot int) *Element {
	for _, c := range e.Children[slot:] { // a slot is never before the child of its number
		if c.slot == slot {
			return c
		}
	}
	return nil
}

// Check finds what the schema would refuse in a document made here. The signed parts that are made
// later (without) are not missed. Paths begin with base.
func Check(n *Node, base string, without ...string) []Finding {
	c := &checker{}
	at := start(base)
	whole := *n
	for _, name := range without {
		if e := n.Def.Child(name); e != nil && n.Child(name) == nil {
			whole.Kids = append(whole.Kids[:len(whole.Kids):len(whole.Kids)], &Node{Def: e})
		}
	}
	whole.sort()
	c.children(&whole, at, without)
	return c.findings
}

func (c *checker) children(n *Node, at *place, without []string) {
	k := counter{def: n.Def}
	for _, kid := range n.Kids {
		here := at.below(kid.Def, c.take(&k, kid.Def, at))
		switch {
		case contains(without, kid.Def.Name):
		case kid.Def.Type != nil:
			c.text(kid.Def, kid.Text, &here)
		default:
			c.children(kid, &here, nil)
		}
	}
	c.finish(&k, n.Def.slots, at)
}

func (c *checker) text(e *Element, text string, at *place) {
	if fault := e.Type.Check(text); fault != "" {
		c.report(at, fault, e)
	}
}

// Validate finds everything in which an XML element departs from the schema of root. Paths begin
// with base; the elements below are named as in JSON.
func Validate(root *Element, n *xmldsig.Node, base string) []Finding {
	c := &checker{}
	at := start(base)
	if n == nil || n.Local != root.Name || n.Space != root.Space {
		c.report(at, WrongRoot, root)
		return c.findings
	}
	c.element(root, n, at)
	return c.findings
}

func (c *checker) element(def *Element, n *xmldsig.Node, at *place) {
	c.attributes(def, n, at)
	if def.Type != nil {
		c.leaf(def, n, at)
		return
	}
	k := counter{def: def}
	for child := range n.Nodes() {
		switch child.Kind {
		case xmldsig.Text:
			if !isBlank(child.Data) {
				c.report(at, UnexpectedText, def)
			}
		case xmldsig.Element:
			c.child(&k, child, at)
		}
	}
	c.finish(&k, def.slots, at)
}

func (c *checker) child(k *counter, child *xmldsig.Node, at *place) {
	e := k.def.next(k.slot, child)
	if e == nil {
		here := place{up: at, name: clip(child.Local), index: -1}
		c.report(&here, UnknownField, nil)
		return
	}
	index := c.take(k, e, at)
	if e.Type == nil {
		c.inner(e, child, at, index)
		return
	}
	here := at.below(e, index) // most elements are leaves: their place stays on the stack
	c.attributes(e, child, &here)
	c.leaf(e, child, &here)
}

func (c *checker) inner(e *Element, child *xmldsig.Node, at *place, index int) {
	here := at.below(e, index)
	c.element(e, child, &here)
}

// next is the definition of a child, looked for from the slot on first.
func (e *Element) next(slot int, n *xmldsig.Node) *Element {
	slot = min(slot, len(e.Children))
	tag := n.Tag
	for _, c := range e.Children[slot:] {
		if c.Name == tag.Local && c.Space == tag.Space {
			return c
		}
	}
	for _, c := range e.Children[:slot] {
		if c.Name == tag.Local && c.Space == tag.Space {
			return c
		}
	}
	return nil
}

func (c *checker) leaf(def *Element, n *xmldsig.Node, at *place) {
	for child := range n.Elements() {
		here := place{up: at, name: clip(child.Local), index: -1}
		c.report(&here, UnknownField, nil)
		return
	}
	c.text(def, n.Text(), at)
}

func isBlank(s string) bool {
	for i := range len(s) {
		if s[i] != ' ' && s[i] != '\n' && s[i] != '\t' && s[i] != '\r' {
			return false
		}
	}
	return true
}
