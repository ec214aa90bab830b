package flat

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrSyntax says that a text does not have the form of the format.
var ErrSyntax = errors.New("flat: malformed text")

const blanks = " \t\r\n"

// Flatten removes the blanks between tags and the namespace declarations that a DOM may have added to
// them, which no signature of a TED or CAF covers.
func Flatten(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for rest := text; len(rest) > 0; {
		tag := bytes.IndexByte(rest, '<')
		if tag < 0 {
			return append(out, rest...)
		}
		out = append(out, rest[:tag]...)
		if trimmed := bytes.TrimRight(out, blanks); bytes.HasSuffix(trimmed, []byte(">")) {
			out = trimmed
		}
		rest = rest[tag:]
		end := bytes.IndexByte(rest, '>') + 1
		if end == 0 {
			return append(out, rest...)
		}
		out = append(out, withoutNamespaces(rest[:end])...)
		rest = rest[end:]
	}
	return out
}

// withoutNamespaces is a tag less its xmlns attributes.
func withoutNamespaces(tag []byte) []byte {
	for {
		start := bytes.Index(tag, []byte(" xmlns"))
		if start < 0 {
			return tag
		}
		open := bytes.IndexAny(tag[start:], `"'`)
		if open < 0 {
			return tag
		}
		open += start
		length := bytes.IndexByte(tag[open+1:], tag[open])
		if length < 0 {
			return tag
		}
		tag = append(tag[:start:start], tag[open+1+length+1:]...)
	}
}

// Reader walks a flattened text. After the first fault every call is idle and Err tells the fault.
type Reader struct {
	text []byte
	at   int
	err  error
}

// NewReader reads text, which must be flattened.
func NewReader(text []byte) *Reader { return &Reader{text: text} }

// Open passes a start tag with exactly these attributes, each written name="value".
func (r *Reader) Open(name string, attributes ...string) {
	if len(attributes) == 0 && r.pass("<", name) {
		return
	}
	want := strings.Join(append([]string{name}, attributes...), " ")
	tag, ok := r.tag()
	if !ok || strings.ReplaceAll(strings.Join(strings.Fields(tag), " "), "'", `"`) != want {
		r.fail("<" + want + ">")
		return
	}
	r.at += len(tag) + 2
}

// Close passes an end tag.
func (r *Reader) Close(name string) {
	if !r.pass("</", name) {
		r.fail("</" + name + ">")
	}
}

// pass passes a tag that is written without blanks, as nearly all are.
func (r *Reader) pass(open, name string) bool {
	rest, length := r.text[r.at:], len(open)+len(name)+len(">")
	if r.err != nil || len(rest) < length || string(rest[:len(open)]) != open || string(rest[len(open):length-1]) != name || rest[length-1] != '>' {
		return false
	}
	r.at += length
	return true
}

// Leaf passes an element that holds only text and gives that text as written.
func (r *Reader) Leaf(name string, attributes ...string) string {
	r.Open(name, attributes...)
	if r.err != nil {
		return ""
	}
	length := bytes.IndexByte(r.text[r.at:], '<')
	if length < 0 {
		r.fail("</" + name + ">")
		return ""
	}
	raw := string(r.text[r.at : r.at+length])
	r.at += length
	r.Close(name)
	return raw
}

// Text passes an element that holds only text and gives that text with its escapes resolved.
func (r *Reader) Text(name string) string {
	raw := r.Leaf(name)
	if r.err != nil {
		return ""
	}
	text, err := Unescape(raw)
	if err != nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
	return text
}

// Int passes an element that holds a whole number of at most 18 digits.
func (r *Reader) Int(name string) int64 {
	raw := r.Leaf(name)
	if r.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || len(raw) > 18 || raw[0] == '+' {
		r.fail("a number in " + name)
		return 0
	}
	return n
}

// Base64 passes an element that holds base64, in lines or not.
func (r *Reader) Base64(name string, attributes ...string) []byte {
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(r.Leaf(name, attributes...)), ""))
	if err != nil {
		r.fail("base64 in " + name)
	}
	return decoded
}

// Name is the name of the element that starts here, or empty.
func (r *Reader) Name() string {
	tag, ok := r.tag()
	if !ok || strings.HasPrefix(tag, "/") {
		return ""
	}
	name, _, _ := strings.Cut(tag, " ")
	return name
}

// Offset is the position in the text.
func (r *Reader) Offset() int { return r.at }

// Since is the text from an earlier Offset to here.
func (r *Reader) Since(offset int) []byte { return r.text[offset:r.at] }

// Fail records a fault that the caller found in what was read.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// End passes the end of the text.
func (r *Reader) End() {
	if len(bytes.Trim(r.text[r.at:], blanks)) > 0 {
		r.fail("the end")
	}
}

// Err is the first fault.
func (r *Reader) Err() error { return r.err }

// tag is what stands between < and > here.
func (r *Reader) tag() (string, bool) {
	rest := r.text[r.at:]
	end := bytes.IndexByte(rest, '>')
	if r.err != nil || end < 1 || rest[0] != '<' {
		return "", false
	}
	return string(rest[1:end]), true
}

func (r *Reader) fail(expected string) {
	r.Fail(fmt.Errorf("%w: expected %s at byte %d", ErrSyntax, expected, r.at))
}

// Unescape turns ISO-8859-1 text as written in a file into a string: the five entities of XML and
// character references are resolved.
func Unescape(raw string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '&' {
			out.WriteRune(rune(raw[i]))
			continue
		}
		name, _, found := strings.Cut(raw[i+1:], ";")
		r, known := entity(name)
		if !found || !known {
			return "", fmt.Errorf("%w: bad character reference", ErrSyntax)
		}
		out.WriteRune(r)
		i += len(name) + 1
	}
	return out.String(), nil
}

var entities = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

func entity(name string) (rune, bool) {
	if r, ok := entities[name]; ok {
		return r, true
	}
	digits, isReference := strings.CutPrefix(name, "#")
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	if !isReference || err != nil || n < ' ' || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	return rune(n), true
}
