package xmldsig

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Encodings that are read. All have ASCII's bytes for markup, so the input is scanned undecoded.
const (
	encUTF8   = "UTF-8"
	encLatin1 = "ISO-8859-1"
	enc1252   = "WINDOWS-1252"
	encASCII  = "US-ASCII"
)

// encodingNames are the names met in real documents, in capitals.
var encodingNames = map[string]string{
	"": encUTF8, "UTF-8": encUTF8, "UTF8": encUTF8,
	"ISO-8859-1": encLatin1, "ISO8859-1": encLatin1, "ISO_8859-1": encLatin1, "LATIN1": encLatin1, "LATIN-1": encLatin1, "L1": encLatin1,
	"WINDOWS-1252": enc1252, "CP1252": enc1252, "CP-1252": enc1252,
	"US-ASCII": encASCII, "ASCII": encASCII,
}

// bom is U+FEFF in UTF-8; it says UTF-8 whatever the declaration says.
const bom = "\xEF\xBB\xBF"

// Classes of bytes in the first pass over the input.
const (
	byteControl = 1 << iota // not allowed in XML 1.0
	byteCR
	byteHigh
	byteBracket
)

var byteClass = func() [256]uint8 {
	var t [256]uint8
	for b := range 0x20 {
		t[b] = byteControl
	}
	t['\t'], t['\n'], t['\r'], t[']'] = 0, 0, byteCR, byteBracket
	for b := 0x80; b < 256; b++ {
		t[b] = byteHigh
	}
	return t
}()

// survey looks at each byte once: refuses control characters, settles the encoding, and finds out
// whether text can be taken from the input as it stands.
func (p *parser) survey(declared string) error {
	var seen uint8
	for i := range len(p.src) {
		class := byteClass[p.src[i]]
		if class&byteControl != 0 {
			return p.fail(i, CodeCharacter, "control character")
		}
		seen |= class
	}
	p.hasCR, p.hasBracket = seen&byteCR != 0, seen&byteBracket != 0
	high := seen&byteHigh != 0
	if p.known != "" {
		return p.settle(p.known, high)
	}
	enc, ok := encodingNames[strings.ToUpper(declared)]
	if !ok {
		return p.fail(0, CodeEncoding, "unknown encoding "+clip(declared))
	}
	return p.settle(enc, high)
}

// settle checks the bytes against the declared encoding. Bytes that are not UTF-8, although it is
// declared or nothing is, are read as windows-1252, which holds Latin-1's letters: as real files
// want it that went through text-mode transfers.
func (p *parser) settle(enc string, high bool) error {
	p.doc.Encoding = enc
	if p.i > 0 && enc != encUTF8 {
		p.misdeclared(encUTF8)
	}
	if !high {
		return nil
	}
	switch p.doc.Encoding {
	case encUTF8:
		if !utf8.ValidString(p.src) {
			p.misdeclared(enc1252)
		}
	case encASCII:
		p.misdeclared(enc1252)
	}
	return p.checkHigh()
}

func (p *parser) misdeclared(enc string) {
	p.doc.Encoding, p.doc.Misdeclared = enc, true
}

// checkHigh refuses what the encoding lacks and sets the table for decoding.
func (p *parser) checkHigh() error {
	switch p.doc.Encoding {
	case encUTF8:
		for _, bad := range []string{"\uFFFE", "\uFFFF"} {
			if at := strings.Index(p.src, bad); at >= 0 {
				return p.fail(at, CodeCharacter, "U+FFFE or U+FFFF")
			}
		}
	case encLatin1:
		p.table = charmap.ISO8859_1
	case enc1252:
		p.table = charmap.Windows1252
		for _, lacking := range []byte("\x81\x8D\x8F\x90\x9D") {
			if at := strings.IndexByte(p.src, lacking); at >= 0 {
				return p.fail(at, CodeEncoding, "byte that windows-1252 lacks")
			}
		}
	}
	return nil
}

// decode gives raw bytes of the input as text: in UTF-8, with line ends as "\n" (XML 1.0, 2.11).
func (p *parser) decode(raw string) string {
	if p.hasCR && strings.IndexByte(raw, '\r') >= 0 {
		raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\r", "\n")
	}
	if p.table == nil || isASCII(raw) {
		return raw
	}
	var out strings.Builder
	out.Grow(len(raw) + len(raw)/8 + 8)
	for i := range len(raw) {
		out.WriteRune(p.table.DecodeByte(raw[i]))
	}
	return out.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
