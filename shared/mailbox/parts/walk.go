package parts

import (
	"bytes"
	"fmt"
	"strings"
)

// walker holds the state of one Walk.
type walker struct {
	lim   Limits
	mail  Mail
	parts int // seen so far
	bytes int // decoded so far
	each  func(File) error
}

// Walk calls each for everything in the raw mail that may be XML, in order. It ends early only with
// an error of each, which it returns.
func Walk(raw []byte, lim Limits, each func(File) error) (Mail, error) {
	w := &walker{lim: lim.withDefaults(), each: each}
	h, body := splitHeader(raw, w.lim.Header)
	w.mail.describe(h)
	err := w.part(h, body, place{})
	return w.mail, err
}

// Header is what Walk says of who wrote the raw mail, without looking into it.
func Header(raw []byte, lim Limits) Mail {
	w := &walker{lim: lim.withDefaults()}
	h, _ := splitHeader(raw, w.lim.Header)
	w.mail.describe(h)
	return w.mail
}

// place is where in the mail a part stands.
type place struct {
	path  string
	depth int
}

func (p place) child(n int) place {
	if p.path == "" {
		return place{fmt.Sprint(n), p.depth + 1}
	}
	return place{fmt.Sprintf("%s.%d", p.path, n), p.depth + 1}
}

func (p place) entry(name string) place { return place{p.String() + "/" + name, p.depth + 1} }

func (p place) String() string {
	if p.path == "" {
		return "1"
	}
	return p.path
}

// part reads one part of any kind.
func (w *walker) part(h header, body []byte, at place) error {
	kind := h.contentType()
	leaf := Other{Path: at.String(), Name: h.fileName(kind), Type: kind.media, Size: len(body)}
	if w.parts++; w.parts > w.lim.Parts || at.depth > w.lim.Depth {
		return w.leave(leaf, OverLimit)
	}
	if children := h.children(kind, body, w.lim.Parts+1); children != nil {
		return w.multipart(children, at)
	}
	if start, _ := decode(body[:min(len(body), sniffed)], h.encoding(), sniffed); isOther(leaf, start) {
		return w.leave(leaf, NotXML)
	}
	content, whole := decode(body, h.encoding(), w.room())
	w.bytes += len(content)
	if !whole {
		return w.leave(leaf, OverLimit)
	}
	leaf.Size = len(content)
	return w.file(leaf, content, at)
}

// room is how large the next decoded file may be.
func (w *walker) room() int { return max(min(w.lim.File, w.lim.Bytes-w.bytes), 0) }

func (w *walker) leave(o Other, why Reason) error {
	if len(w.mail.Others) <= w.lim.Parts {
		o.Reason = why
		w.mail.Others = append(w.mail.Others, o)
	}
	return nil
}

func (w *walker) multipart(children [][]byte, at place) error {
	for i, raw := range children {
		if w.parts > w.lim.Parts {
			return nil // said already
		}
		h, body := splitHeader(raw, w.lim.Header)
		if err := w.part(h, body, at.child(i+1)); err != nil {
			return err
		}
	}
	return nil
}

// file decides what decoded content is: a mail, an archive, XML or something else.
func (w *walker) file(o Other, content []byte, at place) error {
	switch {
	case isMail(o, content):
		h, body := splitHeader(bytes.TrimLeft(content, "\r\n"), w.lim.Header)
		return w.part(h, body, at.child(1))
	case isZIP(content):
		return w.archive(o, content, at)
	case mayBeXML(o, content):
		return w.each(File{Path: o.Path, Name: o.Name, Type: o.Type, Content: content})
	}
	if cut := xmlInText(o, content); cut != nil {
		return w.each(File{Path: o.Path, Name: o.Name, Type: o.Type, Content: cut, Cut: true})
	}
	return w.leave(o, NotXML)
}

// sniffed is how much of a part tells that it is none of ours.
const sniffed = 4 << 10

// isOther tells pictures and PDFs, which are most of most mails, by their start: what neither calls itself anything that is
// looked into nor begins like it. They need not be decoded.
func isOther(o Other, start []byte) bool {
	name := strings.ToLower(o.Name)
	if strings.HasSuffix(name, ".xml") || strings.HasSuffix(name, ".eml") || strings.HasSuffix(o.Type, "/xml") ||
		strings.HasPrefix(o.Type, "text/") || strings.HasPrefix(o.Type, "message/") || isZIP(start) {
		return false
	}
	text := bytes.TrimLeft(withoutMark(start), " \t\r\n\x00")
	return len(text) > 0 && text[0] != '<'
}

// isMail tells a forwarded mail, also one that was attached as a file.
func isMail(o Other, content []byte) bool {
	if o.Type == "message/rfc822" || o.Type == "message/global" {
		return true
	}
	if !strings.HasSuffix(strings.ToLower(o.Name), ".eml") {
		return false
	}
	h, _ := splitHeader(content, 64<<10)
	return len(h) > 0
}

func isZIP(content []byte) bool { return bytes.HasPrefix(content, []byte("PK\x03\x04")) }

// mayBeXML looks at the content first, since names and types are as senders please.
func mayBeXML(o Other, content []byte) bool {
	if strings.HasSuffix(strings.ToLower(o.Name), ".xml") || strings.HasSuffix(o.Type, "/xml") {
		return true
	}
	text := bytes.TrimLeft(withoutMark(content), " \t\r\n")
	if len(text) < 2 || text[0] != '<' {
		return false
	}
	start := bytes.ToLower(text[:min(len(text), 14)])
	for _, html := range []string{"<html", "<!doctype html", "<svg", "<head", "<body", "<meta", "<div", "<p>", "<br"} {
		if bytes.HasPrefix(start, []byte(html)) {
			return false
		}
	}
	return o.Type != "text/html" && (bytes.Contains(text, []byte("</")) || bytes.Contains(text, []byte("/>")))
}

// withoutMark is content without a byte order mark.
func withoutMark(content []byte) []byte {
	for _, bom := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff\x00", "\xfe\xff"} {
		content = bytes.TrimPrefix(content, []byte(bom))
	}
	return content
}

// starts are where XML begins that somebody pasted into the text of a mail.
var starts = []string{"<?xml", "<EnvioDTE", "<EnvioBOLETA", "<DTE", "<RespuestaDTE", "<EnvioRecibos", "<RESULTADO_ENVIO", "<AEC"}

// xmlInText is the XML in running text, or nil.
func xmlInText(o Other, content []byte) []byte {
	if !strings.HasPrefix(o.Type, "text/") || o.Type == "text/html" {
		return nil
	}
	for _, s := range starts {
		from, to := bytes.Index(content, []byte(s)), bytes.LastIndexByte(content, '>')
		if from >= 0 && from < to {
			return bytes.Clone(content[from : to+1])
		}
	}
	return nil
}
