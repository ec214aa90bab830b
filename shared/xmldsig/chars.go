package xmldsig

import (
	"strings"
	"unicode/utf8"
)

// Classes of ASCII in names; bytes of other characters count as name and are checked as runes.
const (
	charNameStart = 1 << iota
	charName
	charSpace
)

var charClass = func() [256]uint8 {
	var t [256]uint8
	for b := 'a'; b <= 'z'; b++ {
		t[b], t[b-'a'+'A'] = charNameStart|charName, charNameStart|charName
	}
	for b := '0'; b <= '9'; b++ {
		t[b] = charName
	}
	t['_'], t[':'], t['-'], t['.'] = charNameStart|charName, charNameStart|charName, charName, charName
	t[' '], t['\t'], t['\n'], t['\r'] = charSpace, charSpace, charSpace, charSpace
	for b := utf8.RuneSelf; b < 256; b++ {
		t[b] = charNameStart | charName
	}
	return t
}()

func isSpace(b byte) bool { return charClass[b]&charSpace != 0 }

// nameRanges are the characters above ASCII that may begin a name (XML 1.0 fifth edition, NameStartChar).
var nameRanges = [][2]rune{
	{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF}, {0x200C, 0x200D}, {0x2070, 0x218F},
	{0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
}

func isNameStart(r rune) bool {
	if r < utf8.RuneSelf {
		return charClass[r]&charNameStart != 0
	}
	for _, x := range nameRanges {
		if r >= x[0] && r <= x[1] {
			return true
		}
	}
	return false
}

func isNameRune(r rune) bool {
	if r < utf8.RuneSelf {
		return charClass[r]&charName != 0
	}
	return isNameStart(r) || r == 0xB7 || r >= 0x300 && r <= 0x36F || r >= 0x203F && r <= 0x2040
}

// isName tells whether s is a Name of XML 1.0.
func isName(s string) bool {
	for i, r := range s {
		if i == 0 && !isNameStart(r) || !isNameRune(r) {
			return false
		}
	}
	return s != ""
}

// isChar tells whether XML 1.0 allows the character.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// splitName parts a qualified name into prefix and local name; false if it is none.
func splitName(name string) (string, string, bool) {
	prefix, local, colon := strings.Cut(name, ":")
	if !colon {
		return "", name, true
	}
	first, _ := utf8.DecodeRuneInString(local)
	return prefix, local, prefix != "" && local != "" && isNameStart(first) && strings.IndexByte(local, ':') < 0
}
