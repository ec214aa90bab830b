package dte

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"timbre/shared/xmldsig"
)

// appendCanonicalTED appends the canonical form of a TED that is written in ISO-8859-1: references
// become characters, and only & < > stay escaped (C14N 1.0, text nodes). The digest of the document
// is over this form; the TED itself keeps its bytes, which FRMT signs. False: not such a text.
func appendCanonicalTED(b, ted []byte) ([]byte, bool) {
	if !bytes.HasPrefix(ted, []byte("<TED ")) || !bytes.HasSuffix(ted, []byte("</TED>")) {
		return b, false
	}
	inTag := false
	for i := 0; i < len(ted); i++ {
		switch c := ted[i]; {
		case c == '<':
			inTag = true
			b = append(b, c)
		case c == '>' && inTag:
			inTag = false
			b = append(b, c)
		case c == '&':
			end := bytes.IndexByte(ted[i:], ';')
			if end < 0 || inTag {
				return b, false
			}
			r, ok := reference(string(ted[i+1 : i+end]))
			if !ok {
				return b, false
			}
			b = xmldsig.AppendText(b, string(r))
			i += end
		case c == '\r':
			if i+1 == len(ted) || ted[i+1] != '\n' {
				b = append(b, '\n') // a parser reads every line end as LF
			}
		case c == '>':
			b = append(b, "&gt;"...)
		default:
			b = utf8.AppendRune(b, rune(c))
		}
	}
	return b, true
}

// reference is the character of &name; or &#number;.
func reference(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, numeric := strings.CutPrefix(name, "#")
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	return rune(n), numeric && err == nil && utf8.ValidRune(rune(n)) && n >= ' '
}
