package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// Namespaces of the envelope and of the signatures inside it.
const (
	NamespaceSII  = "http://www.sii.cl/SiiDte"
	NamespaceDSig = "http://www.w3.org/2000/09/xmldsig#"
	namespaceXSI  = "http://www.w3.org/2001/XMLSchema-instance"
)

// maxFaults bounds an answer: a garbled file has one fault per element.
const maxFaults = 20

// Check lists what is wrong with the form of an envelope or an answer; nil means valid.
func Check(root *etree.Element) []string {
	n := roots()[root.Tag]
	if n == nil {
		return []string{fmt.Sprintf("LSX-00290: value %q is not an element of the schema", root.Tag)}
	}
	c := &checker{ids: map[string]bool{}}
	c.element(root, n, scope{}.of(root))
	return c.faults
}

type checker struct {
	faults []string
	ids    map[string]bool
}

func (c *checker) fault(format string, args ...any) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

// scope maps the namespace prefixes that an element sees; "" is the default one.
type scope map[string]string

// of adds what an element itself declares.
func (s scope) of(el *etree.Element) scope {
	own := s
	for _, a := range el.Attr {
		prefix, declares := declared(a)
		if !declares {
			continue
		}
		if len(own) == len(s) {
			own = scope{}
			for k, v := range s {
				own[k] = v
			}
		}
		own[prefix] = a.Value
	}
	return own
}

func declared(a etree.Attr) (string, bool) {
	if a.Space == "xmlns" {
		return a.Key, true
	}
	return "", a.Space == "" && a.Key == "xmlns"
}

// element checks one element whose name already matches n.
func (c *checker) element(el *etree.Element, n *node, names scope) {
	want := NamespaceSII
	if n.dsig() {
		want = NamespaceDSig
	}
	if names[el.Space] != want {
		c.fault("namespace of element %q is %q (must be %q)", el.Tag, names[el.Space], want)
		return
	}
	c.attributes(el, n, names)
	if n.kind != "{}" {
		c.simple(el, n)
		return
	}
	for _, child := range el.Child {
		if text, ok := child.(*etree.CharData); ok && strings.TrimSpace(text.Data) != "" {
			c.fault("element %q holds text %q", el.Tag, brief(text.Data))
			return
		}
	}
	children := el.ChildElements()
	rest := c.sequence(el, n.children, children, names)
	if len(rest) > 0 && len(c.faults) == 0 {
		c.fault("element %q is not expected in %q", rest[0].Tag, el.Tag)
	}
}

// dsig tells the elements of XMLDSig: they start at Signature, and their names
// occur nowhere else in the table.
func (n *node) dsig() bool {
	switch n.name {
	case "Signature", "SignedInfo", "CanonicalizationMethod", "SignatureMethod", "Reference", "Transforms", "Transform",
		"DigestMethod", "DigestValue", "SignatureValue", "KeyInfo", "KeyValue", "RSAKeyValue", "Modulus", "Exponent",
		"DSAKeyValue", "X509Data", "X509Certificate":
		return true
	}
	return false
}

// sequence matches children against particles in order and returns what is left.
// The SII's schemas are deterministic, so taking greedily is enough.
func (c *checker) sequence(parent *etree.Element, particles []*node, children []*etree.Element, names scope) []*etree.Element {
	for _, p := range particles {
		if arm := p.many(children); arm != nil {
			children = c.sequence(parent, []*node{arm}, children, names)
			continue
		}
		taken := 0
		for taken < p.max && len(children) > 0 {
			match := p.accepts(children[0].Tag)
			if match == nil {
				break
			}
			c.element(children[0], match, names.of(children[0]))
			children = children[1:]
			taken++
		}
		if taken < p.min {
			c.fault("LSX-00213: only %d occurrences of particle %q, minimum is %d%s", taken, p.label(), p.min, seen(children, parent))
			return nil
		}
	}
	return children
}

// many is the arm of a choice that repeats, or may be left out: the first that fits, or any where none does.
func (n *node) many(children []*etree.Element) *node {
	if n.name != "|" || !slices.ContainsFunc(n.children, func(arm *node) bool { return arm.min == 0 || arm.max > 1 }) {
		return nil
	}
	for _, arm := range n.children {
		if len(children) > 0 && arm.name == children[0].Tag {
			return arm
		}
	}
	return n.children[0]
}

func seen(children []*etree.Element, parent *etree.Element) string {
	if len(children) == 0 {
		return fmt.Sprintf(" (at the end of %q)", parent.Tag)
	}
	return fmt.Sprintf(" (found %q in %q)", children[0].Tag, parent.Tag)
}

func (n *node) label() string {
	if n.name == "|" {
		return "choice"
	}
	return n.name
}

// accepts finds the node that a tag stands for: n itself or an arm of the choice.
func (n *node) accepts(tag string) *node {
	if n.name == tag {
		return n
	}
	if n.name != "|" {
		return nil
	}
	for _, arm := range n.children {
		if arm.name == tag {
			return arm
		}
	}
	return nil
}

func (c *checker) attributes(el *etree.Element, n *node, names scope) {
	for _, a := range el.Attr {
		if _, declares := declared(a); declares || (a.Space != "" && names[a.Space] == namespaceXSI) {
			continue
		}
		i := slices.IndexFunc(n.attributes, func(w attribute) bool { return a.Space == "" && w.name == a.Key })
		if i < 0 {
			c.fault("attribute %q of %q is not declared", a.Key, el.Tag)
			continue
		}
		if w := n.attributes[i]; w.values != nil && !slices.Contains(w.values, a.Value) {
			c.fault("LSX-00265: attribute %q value %q is wrong (must be %q)", a.Key, a.Value, strings.Join(w.values, "|"))
		}
		if a.Key == "ID" {
			c.id(a.Value)
		}
	}
	for _, w := range n.attributes {
		if w.required && el.SelectAttr(w.name) == nil {
			c.fault("attribute %q of %q is missing", w.name, el.Tag)
		}
	}
}

// id checks xs:ID: a name without colon, unique in the file.
func (c *checker) id(value string) {
	if value == "" || !strings.ContainsRune(nameStart, rune(value[0])) && value[0] < 0x80 {
		c.fault("LSX-00291: value %q is no ID", brief(value))
	}
	if strings.ContainsAny(value, " :\t\n#") {
		c.fault("LSX-00291: value %q is no ID", brief(value))
	}
	if c.ids[value] {
		c.fault("ID %q occurs twice", brief(value))
	}
	c.ids[value] = true
}

const nameStart = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

func brief(s string) string {
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
