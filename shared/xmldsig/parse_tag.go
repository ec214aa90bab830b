package xmldsig

import "strings"

// Namespaces that XML itself binds.
const (
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
)

// rawAttr is an attribute or a namespace declaration of the tag being read.
type rawAttr struct {
	Attr
	at int
}

// name reads a name at p.i.
func (p *parser) name() (string, error) {
	start := p.i
	for p.i < len(p.src) && charClass[p.src[p.i]]&charName != 0 {
		p.i++
	}
	raw := p.src[start:p.i]
	if len(raw) > p.lim.Name {
		return "", p.tooMuch(start, "bytes in a name")
	}
	if raw == "" || charClass[raw[0]]&charNameStart == 0 {
		return "", p.fail(start, CodeName, "a name is missing or malformed")
	}
	if isASCII(raw) {
		return raw, nil
	}
	name := p.decode(raw)
	if !isName(name) {
		return "", p.fail(start, CodeName, "malformed name")
	}
	return name, nil
}

func (p *parser) skipSpace() bool {
	start := p.i
	for p.i < len(p.src) && isSpace(p.src[p.i]) {
		p.i++
	}
	return p.i > start
}

// startTag reads <name attributes> or <name attributes/>.
func (p *parser) startTag() error {
	start := p.i
	if p.cur == nil && p.doc.root != nil {
		return p.fail(start, CodeAfterRoot, "a second root element")
	}
	if len(p.names) == p.lim.Depth {
		return p.tooMuch(start, "nested elements")
	}
	p.i++
	if tag := p.knownTag(); tag != nil {
		n, err := p.add(Element, start)
		if err != nil {
			return err
		}
		n.Tag = tag
		p.open(n, p.src[start+1:p.i-1])
		return nil
	}
	return p.newTag(start)
}

// knownTag passes the rest of a start tag without attributes that was read before.
func (p *parser) knownTag() *Tag {
	end := p.i
	for end < len(p.src) && charClass[p.src[end]]&charName != 0 {
		end++
	}
	if end == len(p.src) || p.src[end] != '>' {
		return nil
	}
	tag := p.tags[p.src[p.i:end]]
	if tag != nil {
		p.i = end + 1
	}
	return tag
}

// newTag reads the rest of a start tag.
func (p *parser) newTag(start int) error {
	name, err := p.name()
	if err != nil {
		return err
	}
	written := p.src[start+1 : p.i]
	n, err := p.add(Element, start)
	if err != nil {
		return err
	}
	if err := p.attributes(); err != nil {
		return err
	}
	empty := p.src[p.i] == '/'
	if empty {
		p.i++
	}
	if err := p.tagEnd(); err != nil {
		return err
	}
	if err := p.share(n, name, written); err != nil {
		return err
	}
	p.open(n, written)
	if empty {
		p.close()
	}
	return nil
}

// share gives an element without attributes the tag of others of its name; else its own.
func (p *parser) share(n *Node, name, written string) error {
	if len(p.attrs) > 0 {
		return p.resolve(n, name)
	}
	if tag := p.tags[written]; tag != nil {
		n.Tag = tag
		return nil
	}
	if err := p.resolve(n, name); err != nil {
		return err
	}
	if len(p.tags) < maxTags {
		p.tags[written] = n.Tag
	}
	return nil
}

// tagEnd reads ">".
func (p *parser) tagEnd() error {
	if p.i >= len(p.src) || p.src[p.i] != '>' {
		return p.fail(p.i, CodeTag, "malformed tag")
	}
	p.i++
	return nil
}

// attributes reads up to "/" or ">" into p.attrs.
func (p *parser) attributes() error {
	p.attrs = p.attrs[:0]
	for {
		space := p.skipSpace()
		if p.i >= len(p.src) {
			return p.fail(p.i, CodeEnd, "the input ends in a tag")
		}
		if c := p.src[p.i]; c == '>' || c == '/' {
			return nil
		}
		if !space {
			return p.fail(p.i, CodeTag, "malformed tag")
		}
		if len(p.attrs) == p.lim.Attributes+p.lim.Namespaces {
			return p.tooMuch(p.i, "attributes")
		}
		if err := p.attribute(); err != nil {
			return err
		}
	}
}

// attribute reads name = "value".
func (p *parser) attribute() error {
	at := p.i
	name, err := p.name()
	if err != nil {
		return err
	}
	prefix, local, ok := splitName(name)
	if !ok {
		return p.fail(at, CodeName, "malformed name of an attribute")
	}
	p.skipSpace()
	if p.i >= len(p.src) || p.src[p.i] != '=' {
		return p.fail(p.i, CodeAttribute, "an attribute without value")
	}
	p.i++
	p.skipSpace()
	value, err := p.quoted()
	if err != nil {
		return err
	}
	p.attrs = append(p.attrs, rawAttr{Attr{"", prefix, local, value}, at})
	return nil
}

// quoted reads a value in quotes: references are replaced, white space becomes blanks (XML 1.0, 3.3.3).
func (p *parser) quoted() (string, error) {
	if p.i >= len(p.src) || p.src[p.i] != '"' && p.src[p.i] != '\'' {
		return "", p.fail(p.i, CodeAttribute, "a value without quotes")
	}
	start := p.i + 1
	length := strings.IndexByte(p.src[start:], p.src[p.i])
	if length < 0 {
		return "", p.fail(p.i, CodeEnd, "the input ends in a value")
	}
	if length > p.lim.Attribute {
		return "", p.tooMuch(start, "bytes in a value")
	}
	raw := p.src[start : start+length]
	if at := strings.IndexByte(raw, '<'); at >= 0 {
		return "", p.fail(start+at, CodeAttribute, `"<" in a value`)
	}
	p.i = start + length + 1
	return p.expand(raw, start, blanks)
}

// blanks turns white space that stands literally in a value into blanks.
func blanks(s string) string {
	if strings.ContainsAny(s, "\t\n") {
		return strings.NewReplacer("\t", " ", "\n", " ").Replace(s)
	}
	return s
}

func (p *parser) open(n *Node, written string) {
	n.end = int32(p.i) //nolint:gosec // Limits.Bytes fits int32
	if p.cur == nil {
		p.doc.root = n
	}
	p.cur = n
	p.names = append(p.names, int32(len(written))) //nolint:gosec // Limits.Bytes fits int32
	p.last = append(p.last, nil)
}

func (p *parser) close() {
	n := p.cur
	n.end = int32(p.i) //nolint:gosec // Limits.Bytes fits int32
	p.unbind(n.decls)
	p.cur = n.Parent
	p.names = p.names[:len(p.names)-1]
	p.last = p.last[:len(p.last)-1]
}

// endTag reads </name>.
func (p *parser) endTag() error {
	start := p.i
	p.i += len("</")
	if p.cur == nil {
		return p.fail(start, CodeTag, "an end tag without start tag")
	}
	want := p.src[p.cur.start+1:][:p.names[len(p.names)-1]]
	if rest := p.src[p.i:]; len(rest) > len(want) && rest[len(want)] == '>' && rest[:len(want)] == want { // as nearly always
		p.i += len(want) + 1
		p.close()
		return nil
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	if p.src[start+len("</"):p.i] != want {
		return p.fail(start, CodeTag, "</"+clip(name)+"> where </"+clip(p.decode(want))+"> must stand")
	}
	p.skipSpace()
	if err := p.tagEnd(); err != nil {
		return err
	}
	p.close()
	return nil
}
