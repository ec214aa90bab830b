package parts

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// params is a field such as Content-Type: a word and its parameters.
type params struct {
	media string // lower case
	list  []field
}

// maxParams is how many parameters of a field are looked at.
const maxParams = 64

// parseParams reads also what breaks the grammar: names with blanks and without quotes, ends left open.
func parseParams(s string) params {
	media, rest, _ := strings.Cut(s, ";")
	p := params{media: strings.ToLower(strings.TrimSpace(media))}
	for rest != "" && len(p.list) < maxParams {
		var name, value string
		name, rest = cutAny(rest, "=;")
		if strings.HasPrefix(rest, "=") {
			value, rest = cutValue(rest[1:])
		}
		rest = strings.TrimPrefix(rest, ";")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			p.list = append(p.list, field{name, value})
		}
	}
	return p
}

// cutAny parts s before the first of some characters.
func cutAny(s, chars string) (before, after string) {
	i := strings.IndexAny(s, chars)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// cutValue reads a quoted or a bare value, up to and without ";".
func cutValue(s string) (value, rest string) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest = cutAny(s, ";")
		return strings.TrimSpace(value), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			_, rest = cutAny(s[i+1:], ";")
			return b.String(), rest
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

// value is a parameter, put together and decoded (RFC 2231 and 2047).
func (p params) value(name string) string {
	if extended := p.extended(name); extended != "" {
		return extended
	}
	for _, f := range p.list {
		if f.name == name {
			return decodeWords(f.value)
		}
	}
	return ""
}

// extended is a parameter in the manner of RFC 2231: name*, name*0, name*0* and so on.
func (p params) extended(name string) string {
	type piece struct {
		number  int
		encoded bool
		text    string
	}
	var pieces []piece
	for _, f := range p.list {
		tail, ok := strings.CutPrefix(f.name, name+"*")
		if !ok {
			continue
		}
		number, encoded := strings.CutSuffix("0"+tail, "*")
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		pieces = append(pieces, piece{n, encoded || tail == "", f.value})
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return a.number - b.number })
	var encoding string
	var raw strings.Builder
	for i, part := range pieces {
		text := part.text
		if part.encoded {
			if i == 0 {
				encoding, text = cutCharset(text)
			}
			text = unescape(text)
		}
		raw.WriteString(text)
	}
	return toText(raw.String(), encoding)
}

// cutCharset parts charset'language'text.
func cutCharset(s string) (encoding, text string) {
	fields := strings.SplitN(s, "'", 3)
	if len(fields) < 3 {
		return "", s
	}
	return fields[0], fields[2]
}

// unescape undoes %XX; broken escapes stay.
func unescape(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return text
	}
	return s
}

func toText(s, encoding string) string {
	if encoding == "" {
		return decodeWords(s)
	}
	r, err := inCharset(encoding, strings.NewReader(s))
	if err != nil {
		return validText(s)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return validText(s)
	}
	return validText(string(text))
}
