package dte

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// latin1 is the last character of ISO-8859-1, which the SII's documents are written in
// (Instructivo Técnico de Emisión 2021-10-28, codificación; FORMATS section 3.1).
const latin1 = '\u00FF'

// replacements write in Latin-1 what people paste and Latin-1 lacks, where compatibility
// decomposition gives nothing better. An empty text drops the character.
var replacements = map[rune]string{
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '″': `"`,
	'‘': "'", '’': "'", '‚': "'", '‛': "'", '′': "'", '‵': "'", 'ʼ': "'",
	'–': "-", '—': "-", '‒': "-", '―': "-", '‐': "-", '‑': "-", '−': "-", '•': "-", '‣': "-", '●': "-", '▪': "-",
	'‹': "<", '›': ">", '≤': "<=", '≥': ">=", '→': "->", '←': "<-",
	'€': "EUR", '₡': "CRC", '₱': "PHP", '₿': "BTC", '⁄': "/", '∕': "/", '∙': "·", '⋅': "·",
	'Œ': "OE", 'œ': "oe", 'ı': "i", 'Ł': "L", 'ł': "l", 'Đ': "Ð", 'đ': "d",
	'\u00A0': " ", '\u1680': " ", '\u202F': " ", '\u205F': " ", '\u3000': " ", '\u2028': " ", '\u2029': " ",
	'\u00AD': "", '\u200B': "", '\u200C': "", '\u200D': "", '\u2060': "", '\uFEFF': "", '\u200E': "", '\u200F': "",
}

// clean brings a text to what a document can hold: composed (NFC), in Latin-1, without control
// characters, trimmed. The second result is the first character that cannot be written, or 0.
//
// It runs before anything is computed or signed: the timbre, the signature and the length limits
// see only its result.
func clean(s string) (string, rune) {
	if isPlain(s) {
		return strings.TrimSpace(s), 0
	}
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		text, ok := transliterate(r)
		if !ok {
			return "", r
		}
		b.WriteString(text)
	}
	return strings.TrimSpace(b.String()), 0
}

// isPlain tells whether s is printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// transliterate is the text for one composed character; false if Latin-1 has none.
func transliterate(r rune) (string, bool) {
	if text, ok := replacements[r]; ok {
		return text, true
	}
	switch {
	case unicode.IsControl(r):
		return " ", true // C0, DEL and C1; the SII's parser refuses them (rejections.csv, schema)
	case r <= latin1:
		return string(r), true
	case r >= '\u2000' && r <= '\u200A':
		return " ", true
	case r == unicode.ReplacementChar:
		return "", false
	}
	return decomposed(r)
}

// decomposed is what compatibility decomposition leaves of r without its marks: Ő is O, ₂ is 2,
// … is three points, ™ is TM.
func decomposed(r rune) (string, bool) {
	var b strings.Builder
	for _, d := range norm.NFKD.String(string(r)) {
		if unicode.Is(unicode.Mn, d) {
			continue
		}
		if d > latin1 || unicode.IsControl(d) {
			return "", false
		}
		b.WriteRune(d)
	}
	return b.String(), b.Len() > 0
}
