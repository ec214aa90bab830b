package gcs

import "strings"

// listing asks for a page of names.
type listing struct {
	prefix, delimiter string
	start, end        string // names from start (inclusive) to end (exclusive)
	resume            string // the place at which the page before stopped
	max               int
}

// page is a part of a listing. next is the first name that did not fit.
type page struct {
	items    []*object
	prefixes []string
	next     string
}

func (x *index) list(q listing) page {
	var p page
	x.ascend(max(q.prefix, q.start, q.resume), func(o *object) (string, bool) {
		if !strings.HasPrefix(o.Name, q.prefix) || q.end != "" && o.Name >= q.end {
			return "", false
		}
		if len(p.items)+len(p.prefixes) == q.max {
			p.next = o.Name
			return "", false
		}
		group := q.group(o.Name)
		if group == "" {
			p.items = append(p.items, o)
			return "", true
		}
		p.prefixes = append(p.prefixes, group)
		after := successor(group)
		return after, after != ""
	})
	return p
}

// group returns the common prefix under which a name is shown, if any.
func (q listing) group(name string) string {
	if q.delimiter == "" {
		return ""
	}
	before, _, found := strings.Cut(name[len(q.prefix):], q.delimiter)
	if !found {
		return ""
	}
	return q.prefix + before + q.delimiter
}

// successor is the lowest string above every string that begins with prefix;
// empty if there is none.
func successor(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}
