package format

import (
	"strings"

	"timbre/shared/xmldsig"
)

// namespaceXSI may give any element its schemaLocation; nothing else of it is used here.
const namespaceXSI = "http://www.w3.org/2001/XMLSchema-instance"

func (c *checker) attributes(def *Element, n *xmldsig.Node, at *place) {
	for i := range def.Attributes {
		a := &def.Attributes[i]
		value, ok := n.Attr(a.Name)
		if !ok || !a.allows(value) || a.kind == "id" && !c.isNew(value) {
			c.reportAttribute(at, a.Name, def)
		}
	}
	for _, a := range n.Attrs {
		if !known(def, a) {
			c.reportAttribute(at, a.Local, def)
		}
	}
}

// isNew tells whether an ID stands for the first time (xs:ID: once in the whole file).
func (c *checker) isNew(id string) bool {
	id = strings.TrimSpace(id)
	if contains(c.ids, id) {
		return false
	}
	c.ids = append(c.ids, id)
	return true
}

func (c *checker) reportAttribute(at *place, name string, def *Element) {
	c.findings = append(c.findings, Finding{
		Path: at.String(), Code: BadAttribute,
		Detail: "el atributo " + clip(name) + " falta, sobra o tiene otro valor que el del esquema en " + def.Name,
	})
}

func known(def *Element, a xmldsig.Attr) bool {
	if a.Space == namespaceXSI {
		return a.Local == "schemaLocation" || a.Local == "noNamespaceSchemaLocation"
	}
	if a.Space != "" {
		return false
	}
	for i := range def.Attributes {
		if def.Attributes[i].Name == a.Local {
			return true
		}
	}
	return false
}

func (a *Attribute) allows(value string) bool {
	switch a.kind {
	case "fixed":
		return value == a.value
	case "decimal":
		got, ok := readDecimal(strings.TrimSpace(value))
		want, _ := readDecimal(a.value)
		return ok && got.compare(want) == 0
	case "oneof":
		return contains(strings.Split(a.value, "|"), value)
	case "id":
		return isID(strings.TrimSpace(value))
	}
	return isURI(value)
}

// isID is an XML name without a colon; letters beyond ASCII are taken for letters.
func isID(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0xC0 && r != '×' && r != '÷'
		if !letter && (i == 0 || r != '-' && r != '.' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

// isURI refuses what no URI reference holds.
func isURI(s string) bool {
	return !strings.ContainsAny(s, " \t\r\n<>\"{}|\\^`")
}
