package xmldsig

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// text reads up to the next "<".
func (p *parser) text() error {
	start := p.i
	length := strings.IndexByte(p.src[start:], '<')
	if length < 0 {
		length = len(p.src) - start
	}
	raw := p.src[start : start+length]
	p.i = start + length
	if p.cur == nil {
		if strings.Trim(raw, " \t\r\n") != "" {
			return p.fail(start, CodeAfterRoot, "text outside the root element")
		}
		return nil
	}
	if p.hasBracket && strings.Contains(raw, "]]>") {
		return p.fail(start, CodeText, `"]]>" in text`)
	}
	return p.addText(raw, start, start)
}

// addText hangs a run of text below the open element; raw stands at an offset, its markup begins at start.
func (p *parser) addText(raw string, at, start int) error {
	if len(raw) > p.lim.Text {
		return p.tooMuch(at, "bytes in a text")
	}
	n, err := p.add(Text, start)
	if err != nil {
		return err
	}
	n.end = int32(p.i) //nolint:gosec // Limits.Bytes fits int32
	if at != start {
		n.Data = p.decode(raw)
		return nil
	}
	n.Data, err = p.expand(raw, at, nil)
	return err
}

// expand decodes raw and replaces references; literal, if given, changes what stands between them.
func (p *parser) expand(raw string, at int, literal func(string) string) (string, error) {
	amp := strings.IndexByte(raw, '&')
	if amp < 0 {
		return p.literal(raw, literal), nil
	}
	out := make([]byte, 0, len(raw)+len(raw)/8)
	for amp >= 0 {
		out = append(out, p.literal(raw[:amp], literal)...)
		name, rest, found := strings.Cut(raw[amp+1:], ";")
		if !found {
			return "", p.fail(at+amp, CodeEntity, `"&" without ";"`)
		}
		r, ok := reference(name)
		if !ok {
			return "", p.fail(at+amp, CodeEntity, "unknown reference &"+clip(name)+";")
		}
		out = utf8.AppendRune(out, r)
		at += len(raw) - len(rest)
		raw = rest
		amp = strings.IndexByte(raw, '&')
	}
	return string(append(out, p.literal(raw, literal)...)), nil
}

func (p *parser) literal(raw string, change func(string) string) string {
	s := p.decode(raw)
	if change == nil {
		return s
	}
	return change(s)
}

// reference is the character of lt, gt, amp, quot, apos, #N or #xN. There are no other entities.
func reference(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, numeric := strings.CutPrefix(name, "#")
	if !numeric {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !isChar(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// cdata reads <![CDATA[ … ]]>.
func (p *parser) cdata() error {
	start, at := p.i, p.i+len("<![CDATA[")
	if p.cur == nil {
		return p.fail(start, CodeAfterRoot, "text outside the root element")
	}
	length := strings.Index(p.src[at:], "]]>")
	if length < 0 {
		return p.fail(start, CodeEnd, "unfinished CDATA section")
	}
	p.i = at + length + len("]]>")
	if length == 0 {
		return nil
	}
	return p.addText(p.src[at:at+length], at, start)
}

// comment reads <!-- … -->, in which "--" must not stand.
func (p *parser) comment() error {
	start, at := p.i, p.i+len("<!--")
	length := strings.Index(p.src[at:], "--")
	if length < 0 {
		return p.fail(start, CodeEnd, "unfinished comment")
	}
	p.i = at + length + len("--")
	if p.i >= len(p.src) || p.src[p.i] != '>' {
		return p.fail(start, CodeComment, `"--" in a comment`)
	}
	p.i++
	return nil
}

// instruction reads <?target data?>.
func (p *parser) instruction() error {
	start := p.i
	p.i += len("<?")
	target, err := p.name()
	if err != nil {
		return err
	}
	if strings.EqualFold(target, "xml") {
		return p.fail(start, CodeDeclaration, "an XML declaration that is not at the start")
	}
	length := strings.Index(p.src[p.i:], "?>")
	if length < 0 {
		return p.fail(start, CodeEnd, "unfinished processing instruction")
	}
	raw := p.src[p.i : p.i+length]
	p.i += length + len("?>")
	if strings.IndexByte(target, ':') >= 0 || raw != "" && !isSpace(raw[0]) {
		return p.fail(start, CodeInstruction, "malformed processing instruction")
	}
	if len(raw) > p.lim.Text {
		return p.tooMuch(start, "bytes in a processing instruction")
	}
	n, err := p.add(Instruction, start)
	if err != nil {
		return err
	}
	n.Tag, n.Data = p.tag("", target), p.decode(strings.TrimLeft(raw, " \t\r\n"))
	n.end = int32(p.i) //nolint:gosec // Limits.Bytes fits int32
	return nil
}
