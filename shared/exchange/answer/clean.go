package answer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// typographic is what people paste and ISO-8859-1 lacks.
var typographic = strings.NewReplacer("“", `"`, "”", `"`, "‘", "'", "’", "'", "–", "-", "—", "-", "…", "...", "€", "EUR")

// clean brings the free text of an answer to what ISO-8859-1 can hold, and to so many characters. Nothing here is
// money or names a document: what cannot be written becomes a question mark.
func clean(s string, length int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || unicode.IsSpace(r):
			return ' '
		case r > unicode.MaxLatin1:
			return '?'
		}
		return r
	}, norm.NFC.String(typographic.Replace(s)))
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > length {
		s = strings.TrimSpace(string(runes[:length]))
	}
	return s
}
