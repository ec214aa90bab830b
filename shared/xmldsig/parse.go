package xmldsig

import (
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// parser holds the state of one Parse.
type parser struct {
	doc        *Document
	src        string
	i          int // where reading goes on
	lim        Limits
	hasCR      bool
	hasBracket bool             // there may be "]]>"
	table      *charmap.Charmap // nil: bytes are UTF-8
	known      string           // encoding, where it is not the declaration that says it

	cur      *Node   // open element
	last     []*Node // last child of each open element, and of cur on top
	names    []int32 // lengths of the names of the open elements
	bindings []decl  // namespaces in scope
	slab     []Node
	used     int // of slab
	tagSlab  []Tag
	left     int // nodes that may still be made
	attrs    []rawAttr
	noTag    *Tag            // of texts
	tags     map[string]*Tag // start tags without attributes read in this scope, by their name as written
}

// maxTags is how many tags are shared; the SII's format has about 300 names.
const maxTags = 512

// Parse reads a document. Errors are *SyntaxError. The bytes are copied.
func Parse(b []byte, lim Limits) (*Document, error) { return parse(string(b), lim, "") }

// ParseString reads a document that is text already, as one that came inside another: whatever
// encoding it declares is out of date.
func ParseString(s string, lim Limits) (*Document, error) { return parse(s, lim, encUTF8) }

// CutOut reads the Source of the element n as a document, in the encoding of the one it stands in.
// It fails where n uses prefixes that it does not declare.
func (n *Node) CutOut() (*Document, error) {
	if n == nil {
		return parse("", Limits{}, "")
	}
	return parse(n.doc.src[n.start:n.end], n.doc.lim, n.doc.Encoding)
}

func parse(src string, lim Limits, known string) (*Document, error) {
	p := &parser{src: src, lim: lim.withDefaults(), known: known, tags: make(map[string]*Tag, 64)}
	if len(src) > p.lim.Bytes {
		return nil, p.tooMuch(p.lim.Bytes, "bytes")
	}
	p.doc = &Document{src: src, lim: p.lim}
	p.noTag = &Tag{doc: p.doc}
	p.left = p.lim.nodes(len(src))
	p.bindings = append(p.bindings, decl{"xml", nsXML})
	if err := p.document(); err != nil {
		return nil, err
	}
	return p.doc, nil
}

func (p *parser) document() error {
	if strings.HasPrefix(p.src, bom) {
		p.i = len(bom)
	}
	declared, end, err := p.declaration()
	if err != nil {
		return err
	}
	if err := p.survey(declared); err != nil {
		return err
	}
	p.i = end
	for p.i < len(p.src) {
		if err := p.step(); err != nil {
			return err
		}
	}
	if p.cur != nil || p.doc.root == nil {
		return p.fail(len(p.src), CodeEnd, "the input ends before its root element does")
	}
	return nil
}

// step reads one piece of markup or one run of text.
func (p *parser) step() error {
	rest := p.src[p.i:]
	switch {
	case rest[0] != '<':
		return p.text()
	case len(rest) < 2:
		return p.fail(p.i, CodeEnd, "the input ends in a tag")
	case rest[1] == '/':
		return p.endTag()
	case rest[1] == '?':
		return p.instruction()
	case rest[1] == '!':
		return p.bang(rest)
	}
	return p.startTag()
}

// bang reads what begins with "<!".
func (p *parser) bang(rest string) error {
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return p.comment()
	case strings.HasPrefix(rest, "<![CDATA["):
		return p.cdata()
	case strings.HasPrefix(rest, "<!DOCTYPE"):
		return p.fail(p.i, CodeDoctype, "a document type declaration is not accepted")
	}
	return p.fail(p.i, CodeTag, "malformed tag")
}

// declaration reads <?xml …?> and returns the encoding that it names and where it ends.
func (p *parser) declaration() (string, int, error) {
	const open = "<?xml"
	rest := p.src[p.i:]
	if !strings.HasPrefix(rest, open) || len(rest) == len(open) || !isSpace(rest[len(open)]) {
		return "", p.i, nil
	}
	body, _, found := strings.Cut(rest[len(open):], "?>")
	if !found {
		return "", 0, p.fail(p.i, CodeDeclaration, "unfinished XML declaration")
	}
	encoding, ok := readDeclaration(body)
	if !ok {
		return "", 0, p.fail(p.i, CodeDeclaration, "malformed XML declaration")
	}
	return encoding, p.i + len(open) + len(body) + len("?>"), nil
}

// readDeclaration reads version, encoding and standalone, which stand in this order.
func readDeclaration(body string) (string, bool) {
	version, body, ok := pseudoAttribute(body, "version")
	if !ok || !strings.HasPrefix(version, "1.") || len(version) < 3 || strings.Trim(version[2:], "0123456789") != "" {
		return "", false
	}
	encoding, rest, ok := pseudoAttribute(body, "encoding")
	if ok {
		body = rest
	}
	if standalone, rest, ok := pseudoAttribute(body, "standalone"); ok {
		body = rest
		if standalone != "yes" && standalone != "no" {
			return "", false
		}
	}
	return encoding, strings.Trim(body, " \t\r\n") == ""
}

// pseudoAttribute reads a blank, a name and a quoted value, and returns what follows.
func pseudoAttribute(s, name string) (string, string, bool) {
	t := strings.TrimLeft(s, " \t\r\n")
	if t == s || !strings.HasPrefix(t, name) {
		return "", s, false
	}
	t = strings.TrimLeft(t[len(name):], " \t\r\n")
	if t == "" || t[0] != '=' {
		return "", s, false
	}
	t = strings.TrimLeft(t[1:], " \t\r\n")
	if t == "" || t[0] != '"' && t[0] != '\'' {
		return "", s, false
	}
	value, rest, closed := strings.Cut(t[1:], t[:1])
	return value, rest, closed && value != ""
}

// add makes a node that begins at an offset and hangs it below the open element.
func (p *parser) add(kind Kind, start int) (*Node, error) {
	if p.left--; p.left < 0 {
		return nil, p.tooMuch(start, "nodes")
	}
	if p.used == len(p.slab) {
		p.slab, p.used = make([]Node, p.slabSize()), 0
	}
	n := &p.slab[p.used]
	p.used++
	n.Kind, n.Tag, n.start, n.Parent = kind, p.noTag, int32(start), p.cur //nolint:gosec // Limits.Bytes fits int32
	if p.cur == nil {
		p.doc.top = append(p.doc.top, n)
		return n, nil
	}
	if last := p.last[len(p.last)-1]; last != nil {
		last.next = n
	} else {
		p.cur.first = n
	}
	p.last[len(p.last)-1] = n
	return n, nil
}

// slabSize lets memory follow what is really read: at first about what a document of so many tags needs, then a part more at
// a time; never so much at once that a hostile input could make much of nothing.
func (p *parser) slabSize() int {
	made := p.lim.nodes(len(p.src)) - p.left
	if made <= 1 {
		return min(max(strings.Count(p.src[:min(len(p.src), surveyed)], "<")*5/4, 32), 1024)
	}
	return min(max(made/4, 32), 1024)
}

// surveyed is how much of the input slabSize looks at.
const surveyed = 64 << 10
