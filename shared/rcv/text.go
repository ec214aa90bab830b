package rcv

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decode finds out the encoding: by the byte order mark, else UTF-8 if it is that, else windows-1252, which browsers and
// spreadsheets write for ISO-8859-1.
func decode(text []byte) string {
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		if out, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(text); err == nil {
			return string(out)
		}
	case utf8.Valid(text):
		return strings.TrimPrefix(string(text), "\ufeff")
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(text)
	if err != nil {
		return ""
	}
	return string(out)
}

var unaccented = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ü", "u", "ñ", "n")

// plain is how titles are compared: letters and digits only, without accents.
func plain(title string) string {
	lower := unaccented.Replace(strings.ToLower(title))
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, lower)
}

// separators that files were seen with; spreadsheets change them.
var separators = []byte{';', '\t', ','}

// split cuts a line into fields; those in quotes may hold separators and doubled quotes.
func split(line string, separator byte) []string {
	var fields []string
	var field strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted && c == '"' && i+1 < len(line) && line[i+1] == '"':
			field.WriteByte('"')
			i++
		case c == '"' && (quoted || strings.TrimSpace(field.String()) == ""):
			quoted = !quoted
		case c == separator && !quoted:
			fields = append(fields, strings.TrimSpace(field.String()))
			field.Reset()
		default:
			field.WriteByte(c)
		}
	}
	return append(fields, strings.TrimSpace(field.String()))
}

// none tells whether a field says that there is nothing.
func none(s string) bool { return s == "" || s == "-" || strings.EqualFold(s, "null") }
