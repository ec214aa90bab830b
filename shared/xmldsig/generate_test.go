package xmldsig_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// generator writes random well-formed documents that use everything the reader knows. The same
// document is written twice: with comments, and without for xmllint, which would keep them.
type generator struct {
	*rand.Rand
	with, without strings.Builder
	ids           int // xml:id attributes given so far, if wanted
	wantIDs       bool
	alphabet      []string
	newline       string
}

// generate makes the document of a seed: with comments and without, in some encoding.
func generate(seed uint64, wantIDs bool) ([]byte, []byte) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), wantIDs: wantIDs}
	g.newline = g.pick("\n", "\n", "\r\n", "\r")
	encoding := g.pick("", "UTF-8", "ISO-8859-1", "windows-1252")
	g.alphabet = []string{"a", "Z", "9", " ", "  ", "x y", "]", "]]", "\"", "'", ">", "\t", "\n", "ñ", "Á", "º", "\u00A0"}
	switch encoding {
	case "windows-1252":
		g.alphabet = append(g.alphabet, "€", "“")
	case "", "UTF-8":
		g.alphabet = append(g.alphabet, "€", "漢", "😀", "\u0085", "\u2028")
	case "ISO-8859-1":
		g.alphabet = append(g.alphabet, "\u0085", "\u009F")
	}
	g.document(encoding)
	return g.encode(g.with.String(), encoding), g.encode(g.without.String(), encoding)
}

func (g *generator) encode(s, encoding string) []byte {
	s = strings.ReplaceAll(s, "\n", g.newline)
	var table *charmap.Charmap
	switch encoding {
	case "ISO-8859-1":
		table = charmap.ISO8859_1
	case "windows-1252":
		table = charmap.Windows1252
	default:
		return []byte(s)
	}
	b, err := table.NewEncoder().Bytes([]byte(s))
	if err != nil {
		panic(err)
	}
	return b
}

func (g *generator) pick(options ...string) string { return options[g.IntN(len(options))] }

func (g *generator) write(parts ...string) {
	for _, s := range parts {
		g.with.WriteString(s)
		g.without.WriteString(s)
	}
}

func (g *generator) document(encoding string) {
	if encoding != "" {
		q := g.pick(`"`, `'`)
		g.write("<?xml version=", q, "1.0", q, " encoding=", q, encoding, q, "?>")
	} else if g.IntN(8) == 0 {
		g.write("\uFEFF")
	}
	g.around()
	g.element(0, map[string]string{})
	g.around()
}

func (g *generator) around() {
	for range g.IntN(3) {
		switch g.IntN(3) {
		case 0:
			g.write("\n")
		case 1:
			g.comment()
		case 2:
			g.instruction()
		}
	}
}

func (g *generator) comment() {
	g.with.WriteString("<!-- " + g.pick("", "x", "<b a='1'>&amp;", "\n - ñ") + " -->")
}

func (g *generator) instruction() {
	g.write("<?", g.pick("p", "xml-stylesheet", "ñ"), g.pick("", " ", " a='1'", "  x \n y ", "\t<&>?"), "?>")
}

func (g *generator) blank() string { return g.pick(" ", " ", " ", "\n", "\t", "  ") }

// uris are namespaces whose order is not that of the prefixes. None has an "&": libxml2 writes it bare, against the
// recommendation.
var uris = []string{"urn:b", "urn:a", "urn:c", "http://www.sii.cl/SiiDte", "urn:x?y=1;z=%C3%B1", "http://www.w3.org/2000/09/xmldsig#"}

// element writes an element; scope maps the prefixes that are bound.
func (g *generator) element(depth int, outer map[string]string) {
	scope := map[string]string{}
	for prefix, uri := range outer {
		scope[prefix] = uri
	}
	declared := g.declare(scope)
	prefix := g.prefix(scope, true)
	name := prefix + g.pick("a", "b", "Documento", "ñu", "x-1.2")
	g.write("<", name)
	tags := append(declared, g.attributes(scope)...)
	g.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
	g.write(tags...)
	g.write(g.pick("", "", " ", "\n"))
	if g.IntN(6) == 0 {
		g.write("/>")
		return
	}
	g.write(">")
	for range g.IntN(6) {
		g.content(depth, scope)
	}
	g.write("</", name, g.pick("", "", "\n"), ">")
}

func (g *generator) content(depth int, scope map[string]string) {
	switch g.IntN(8) {
	case 0:
		g.comment()
	case 1:
		g.instruction()
	case 2:
		g.write("<![CDATA[", g.pick("", "<&amp;", "]", "x]]", "\n"), "]]>")
	case 3, 4:
		g.write(strings.ReplaceAll(g.text(true), "]]>", "]] >"))
		g.write("|") // so that no text ends in "]]" before another begins with ">"
	default:
		if depth < 6 {
			g.element(depth+1, scope)
		}
	}
}

// declare binds prefixes in scope and returns the attributes that do it.
func (g *generator) declare(scope map[string]string) []string {
	var out []string
	for _, prefix := range []string{"", "p", "q", "r", "xsi"} {
		if g.IntN(6) != 0 {
			continue
		}
		uri := uris[g.IntN(len(uris))]
		name := "xmlns:" + prefix
		if prefix == "" {
			name = "xmlns"
			uri = g.pick(uri, uri, "")
		}
		scope[prefix] = uri
		quote := "'"
		out = append(out, g.blank()+name+g.pick("=", " =\n")+quote+uri+quote)
	}
	return out
}

// prefix is one that is bound, with its colon, or the default.
func (g *generator) prefix(scope map[string]string, element bool) string {
	for _, prefix := range []string{"p", "q", "r", "xsi"} {
		if _, bound := scope[prefix]; bound && g.IntN(3) == 0 {
			return prefix + ":"
		}
	}
	if !element && g.IntN(5) == 0 {
		return "xml:"
	}
	return ""
}

func (g *generator) attributes(scope map[string]string) []string {
	var out []string
	if g.wantIDs {
		g.ids++
		out = append(out, fmt.Sprintf(` xml:id="n%d"`, g.ids))
	}
	locals := []string{"ID", "version", "b", "a", "é", "lang", "space"}
	g.Shuffle(len(locals), func(i, j int) { locals[i], locals[j] = locals[j], locals[i] })
	for _, local := range locals[:g.IntN(4)] {
		prefix := g.prefix(scope, false)
		value := g.text(false)
		if prefix == "xml:" && local == "ID" {
			continue
		}
		quote := g.pick(`"`, `'`)
		value = strings.ReplaceAll(value, quote, "&#x"+fmt.Sprintf("%x", quote[0])+";")
		out = append(out, g.blank()+prefix+local+g.pick("=", "= ")+quote+value+quote)
	}
	return out
}

// text is characters and references, for an element or for a value.
func (g *generator) text(element bool) string {
	var b strings.Builder
	for range g.IntN(8) {
		if g.IntN(4) == 0 {
			b.WriteString(g.pick("&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#13;", "&#xA;", "&#9;", "&#241;", "&#x20AC;", "&#32;"))
			continue
		}
		s := g.alphabet[g.IntN(len(g.alphabet))]
		b.WriteString(s)
	}
	return b.String()
}
