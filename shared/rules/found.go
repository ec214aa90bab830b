package rules

import "strings"

// stands tells whether a path of a request, such as Detalle[2].PrcItem, is one of the rule's places.
func (r *Rule) stands(path string) bool {
	plain := withoutIndices(path)
	for _, at := range r.At {
		if at == "*" || at == plain || strings.HasSuffix(at, "/*") && strings.HasPrefix(plain, at[:len(at)-1]) {
			return true
		}
	}
	return false
}

// withoutIndices turns Detalle[2].PrcItem into Detalle/PrcItem.
func withoutIndices(path string) string {
	var b strings.Builder
	skip := false
	for _, c := range path {
		switch {
		case c == '[':
			skip = true
		case c == ']':
			skip = false
		case skip:
		case c == '.':
			b.WriteByte('/')
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
