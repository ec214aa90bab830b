package parts

import (
	"bytes"
	"mime"
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// field is one line of a header, unfolded.
type field struct{ name, value string }

type header []field

// maxFields is how many fields of a header are looked at, maxName how long their names may be.
const (
	maxFields = 1000
	maxName   = 256
)

var fieldLine = regexp.MustCompile(`^[!-9;-~]+[ \t]*:`)

// splitHeader parts a raw mail into header and body. A header ends at a blank line, or where a line
// cannot belong to one.
func splitHeader(raw []byte, limit int) (header, []byte) {
	var h header
	var open []byte // line of the field that may still go on
	rest := raw
	for len(rest) > 0 && len(raw)-len(rest) < limit && len(h) < maxFields {
		line, after := cutLine(rest)
		blank := len(bytes.TrimRight(line, " \t")) == 0
		switch {
		case blank:
			return h.with(open), after
		case (line[0] == ' ' || line[0] == '\t') && open != nil:
			open = append(append(open, ' '), bytes.TrimSpace(line)...)
		case fieldLine.Match(line[:min(len(line), maxName)]):
			h, open = h.with(open), bytes.Clone(line)
		case len(rest) == len(raw) && bytes.HasPrefix(line, []byte("From ")): // of an mbox
		default:
			return h.with(open), rest
		}
		rest = after
	}
	return h.with(open), rest
}

// with adds an unfolded line.
func (h header) with(line []byte) header {
	if line == nil {
		return h
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	return append(h, field{strings.ToLower(string(bytes.TrimSpace(name))), string(bytes.TrimSpace(value))})
}

// cutLine is the first line without its end, and what follows.
func cutLine(b []byte) (line, after []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimSuffix(b, []byte("\r")), nil
	}
	return bytes.TrimSuffix(b[:i], []byte("\r")), b[i+1:]
}

func (h header) get(name string) string {
	for _, f := range h {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

var words = mime.WordDecoder{CharsetReader: inCharset}

// decodeWords reads encoded words (RFC 2047), and bytes that stand there raw.
func decodeWords(s string) string {
	if text, err := words.DecodeHeader(s); err == nil {
		s = text
	}
	return validText(s)
}

// validText takes bytes that are no UTF-8 for windows-1252, as mail programs do, and drops controls.
func validText(s string) string {
	if !utf8.ValidString(s) {
		if text, err := charmap.Windows1252.NewDecoder().String(s); err == nil {
			s = text
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// contentType is what the sender says; the empty media type if nothing.
func (h header) contentType() params { return parseParams(h.get("content-type")) }

// fileName is that of Content-Disposition, or of Content-Type.
func (h header) fileName(kind params) string {
	name := parseParams(h.get("content-disposition")).value("filename")
	if name == "" {
		name = kind.value("name")
	}
	return name
}

func (h header) encoding() string {
	return strings.ToLower(strings.Trim(h.get("content-transfer-encoding"), " \t\"';"))
}

// describe fills in what concerns the whole mail.
func (m *Mail) describe(h header) {
	m.From, m.ReplyTo = address(h.get("from")), address(h.get("reply-to"))
	m.Subject = decodeWords(h.get("subject"))
	m.MessageID = strings.Trim(validText(h.get("message-id")), "<> \t")
	m.Automatic = h.automatic()
}

var addressLike = regexp.MustCompile(`[^\s<>"(),;:]+@[^\s<>"(),;:]+`)

// address is the first address in a field, also in one that breaks the grammar.
func address(value string) string {
	value = validText(value)
	parser := mail.AddressParser{WordDecoder: &words}
	if list, err := parser.ParseList(value); err == nil && len(list) > 0 {
		return strings.ToLower(list[0].Address)
	}
	return strings.ToLower(addressLike.FindString(value))
}

// automatic follows RFC 3834 and what programs did before it. What invoicing programs send is
// "auto-generated", and the SII wants that answered.
func (h header) automatic() Automatic {
	sender, _, _ := strings.Cut(address(h.get("from")), "@")
	submitted, _, _ := strings.Cut(strings.ToLower(h.get("auto-submitted")), ";")
	submitted = strings.TrimSpace(submitted)
	switch {
	case h.contentType().media == "multipart/report", h.get("return-path") == "<>", sender == "mailer-daemon", sender == "postmaster":
		return Bounce
	case submitted != "" && submitted != "no" && submitted != "auto-generated",
		h.get("x-autoreply") != "", h.get("x-autorespond") != "", strings.EqualFold(h.get("precedence"), "auto_reply"):
		return AutoReply
	case h.get("list-id") != "", h.get("list-unsubscribe") != "":
		return Bulk
	}
	return NotAutomatic
}
