// Command gen writes the simulator's table of elements from the SII's schemas:
//
//	go run ./emulators/sii/schema/gen <folder of XSDs> > emulators/sii/schema/table.txt
//
// The table states facts (names, order, occurrence, types); the schemas
// themselves are not part of this project. One line per element, one blank per
// level; then, after tabs: occurrence, base type, facets, attributes.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/beevik/etree"
	"golang.org/x/text/encoding/charmap"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen <folder of XSDs>")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// roots names the schemas of each envelope; the boleta's defines types of the
// same names as the others, so each root is read apart.
var roots = []struct {
	name    string
	sources []string
}{
	{"EnvioDTE", []string{"SiiTypes_v10.xsd", "xmldsignature_v10.xsd", "DTE_v10.xsd", "EnvioDTE_v10.xsd"}},
	{"EnvioBOLETA", []string{"xmldsignature_v10.xsd", "EnvioBOLETA_v11.xsd"}},
	{"RespuestaDTE", []string{"SiiTypes_v10.xsd", "xmldsignature_v10.xsd", "RespuestaEnvioDTE_v10.xsd"}},
	{"EnvioRecibos", []string{"SiiTypes_v10.xsd", "xmldsignature_v10.xsd", "Recibos_v10.xsd", "EnvioRecibos_v10.xsd"}},
}

type generator struct {
	types    map[string]*etree.Element
	elements map[string]*etree.Element
	out      *bufio.Writer
}

func run(dir string) error {
	out := bufio.NewWriter(os.Stdout)
	for _, root := range roots {
		g := &generator{types: map[string]*etree.Element{}, elements: map[string]*etree.Element{}, out: out}
		for _, name := range root.sources {
			if err := g.read(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		g.element(g.elements[root.name], 0)
	}
	return out.Flush()
}

func (g *generator) read(path string) error {
	doc := etree.NewDocument()
	doc.ReadSettings.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return charmap.ISO8859_1.NewDecoder().Reader(r), nil }
	if err := doc.ReadFromFile(path); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, el := range doc.Root().ChildElements() {
		name := el.SelectAttrValue("name", "")
		switch el.Tag {
		case "element":
			g.elements[name] = el
		case "complexType", "simpleType":
			g.types[name] = el
		}
	}
	return nil
}

func local(qname string) string {
	_, name, found := strings.Cut(qname, ":")
	if !found {
		return qname
	}
	return name
}

// element writes one line and its children.
func (g *generator) element(el *etree.Element, depth int) {
	lines := []string{occurs(el)}
	if ref := el.SelectAttrValue("ref", ""); ref != "" {
		el = g.elements[local(ref)]
	}
	name := el.SelectAttrValue("name", "")
	definition := g.definition(el)
	kind, facets := "", []string(nil)
	switch {
	case definition == nil:
		kind = local(el.SelectAttrValue("type", ""))
	case definition.Tag == "simpleType":
		kind, facets = g.simple(definition)
	case definition.SelectElement("simpleContent") != nil:
		extension := definition.FindElement("simpleContent/extension")
		kind, facets = g.named(extension.SelectAttrValue("base", ""))
		definition = extension
	default:
		kind = "{}"
	}
	if fixed := el.SelectAttrValue("fixed", ""); fixed != "" {
		facets = append(facets, "enumeration="+fixed)
	}
	lines = append(append(append(lines, kind), facets...), g.attributes(definition)...)
	fmt.Fprintf(g.out, "%s%s\t%s\n", strings.Repeat(" ", depth), name, strings.Join(lines, "\t"))
	if kind == "{}" {
		g.children(definition, depth+1)
	}
}

// unbounded stands for itself in the table.
const unbounded = "1000000"

func occurs(el *etree.Element) string {
	most := el.SelectAttrValue("maxOccurs", "1")
	if most == "unbounded" {
		most = unbounded
	}
	return el.SelectAttrValue("minOccurs", "1") + ".." + most
}

// definition finds the type of an element: inline, named, or nil for a built-in.
func (g *generator) definition(el *etree.Element) *etree.Element {
	for _, tag := range []string{"complexType", "simpleType"} {
		if inline := el.SelectElement(tag); inline != nil {
			return inline
		}
	}
	return g.types[local(el.SelectAttrValue("type", ""))]
}

// children descends through sequences; a choice is a line of its own.
func (g *generator) children(el *etree.Element, depth int) {
	for _, child := range el.ChildElements() {
		switch child.Tag {
		case "sequence":
			g.children(child, depth)
		case "choice":
			fmt.Fprintf(g.out, "%s|\t%s\n", strings.Repeat(" ", depth), occurs(child))
			g.children(child, depth+1)
		case "element":
			g.element(child, depth)
		}
	}
}

// named resolves a type by name: a built-in or a simple type of the schemas.
func (g *generator) named(qname string) (string, []string) {
	if t := g.types[local(qname)]; t != nil {
		return g.simple(t)
	}
	return local(qname), nil
}

func (g *generator) simple(t *etree.Element) (string, []string) {
	restriction := t.SelectElement("restriction")
	kind, facets := "", []string(nil)
	if inline := restriction.SelectElement("simpleType"); inline != nil {
		kind, facets = g.simple(inline)
	} else {
		kind, facets = g.named(restriction.SelectAttrValue("base", ""))
	}
	var values []string
	for _, f := range restriction.ChildElements() {
		switch f.Tag {
		case "enumeration":
			values = append(values, f.SelectAttrValue("value", ""))
		case "annotation", "simpleType":
		default:
			facets = append(facets, f.Tag+"="+f.SelectAttrValue("value", ""))
		}
	}
	if values != nil {
		facets = append(facets, "enumeration="+strings.Join(values, "|"))
	}
	return kind, facets
}

func (g *generator) attributes(definition *etree.Element) []string {
	if definition == nil {
		return nil
	}
	var out []string
	for _, a := range definition.SelectElements("attribute") {
		text := "@" + a.SelectAttrValue("name", "")
		if a.SelectAttrValue("use", "") == "required" {
			text += "!"
		}
		if fixed := a.SelectAttrValue("fixed", ""); fixed != "" {
			text += "=" + fixed
		} else if inline := a.SelectElement("simpleType"); inline != nil {
			_, facets := g.simple(inline)
			text += "=" + strings.TrimPrefix(strings.Join(facets, ""), "enumeration=")
		}
		out = append(out, text)
	}
	return out
}
