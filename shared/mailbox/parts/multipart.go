package parts

import (
	"bytes"
	"strings"
)

// children are the parts of a multipart; nil if it is none or holds no boundary.
func (h header) children(kind params, body []byte, most int) [][]byte {
	if !strings.HasPrefix(kind.media, "multipart/") {
		return nil
	}
	boundary := kind.boundary()
	if boundary == "" {
		boundary = firstBoundary(body)
	}
	if boundary == "" {
		return nil
	}
	return split(body, []byte("--"+boundary), most)
}

// boundary is taken as written: it is never encoded.
func (p params) boundary() string {
	for _, f := range p.list {
		if f.name == "boundary" {
			return strings.TrimRight(f.value, " \t\r")
		}
	}
	return ""
}

// firstBoundary guesses a boundary that the header does not name.
func firstBoundary(body []byte) string {
	for len(body) > 0 {
		var line []byte
		line, body = cutLine(body)
		if name, ok := bytes.CutPrefix(bytes.TrimRight(line, " \t"), []byte("--")); ok && len(name) > 0 {
			return string(name)
		}
	}
	return ""
}

// split cuts at the lines that are the delimiter, into not more than most parts. The last one may lack
// its end.
func split(body, delimiter []byte, most int) [][]byte {
	var out [][]byte
	start := -1
	for at := 0; at < len(body) && len(out) < most; {
		i := bytes.Index(body[at:], delimiter)
		if i < 0 {
			break
		}
		i += at
		line, after := cutLine(body[i:])
		tail, whole := bytes.CutPrefix(line, delimiter) // not so if the delimiter holds a line break
		tail = bytes.TrimRight(tail, " \t")
		last := bytes.Equal(tail, []byte("--"))
		if !whole || !atLineStart(body, i) || !(last || len(tail) == 0) {
			at = i + len(delimiter)
			continue
		}
		if start >= 0 {
			out = append(out, trimEnd(body[start:i]))
		}
		start, at = len(body)-len(after), len(body)-len(after)
		if last {
			return out
		}
	}
	if start >= 0 && start < len(body) {
		out = append(out, body[start:])
	}
	return out
}

func atLineStart(body []byte, i int) bool { return i == 0 || body[i-1] == '\n' }

// trimEnd takes away the line break that belongs to the delimiter.
func trimEnd(part []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r"))
}
