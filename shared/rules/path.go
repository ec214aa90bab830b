package rules

import (
	"strconv"
	"strings"

	"timbre/shared/format"
)

// path leads from the document, or from the element that is judged, to elements below.
type path struct {
	text     string
	absolute bool
	steps    []step
}

// step is a name and what the elements of that name must fulfil.
type step struct {
	name    string
	filters []condition
}

// scope is where a rule is judged.
type scope struct {
	doc, item *format.Node
	facts     *Facts
}

// find visits the elements that a path leads to, until visit says no.
func (p *path) find(s *scope, visit func(*format.Node) bool) bool {
	from := s.item
	if p.absolute {
		from = s.doc
	}
	return walk(s, from, p.steps, visit)
}

func walk(s *scope, n *format.Node, steps []step, visit func(*format.Node) bool) bool {
	if len(steps) == 0 {
		return visit(n)
	}
	for _, kid := range n.All(steps[0].name) {
		if steps[0].takes(s, kid) && !walk(s, kid, steps[1:], visit) {
			return false
		}
	}
	return true
}

func (st *step) takes(s *scope, n *format.Node) bool {
	if st.filters == nil {
		return true
	}
	inner := scope{doc: s.doc, item: n, facts: s.facts}
	for i := range st.filters {
		if !st.filters[i].holds(&inner) {
			return false
		}
	}
	return true
}

// first is the first element that a path leads to, nil if there is none.
func (p *path) first(s *scope) *format.Node {
	var found *format.Node
	p.find(s, func(n *format.Node) bool { found = n; return false })
	return found
}

// locate names an element as in a request; where it is nil, the place where the path would lead.
func (s *scope) locate(n *format.Node, p path) string {
	if n != nil {
		return trace(s.doc, n)
	}
	names := make([]string, 0, len(p.steps)+1)
	if s.item != s.doc && !p.absolute {
		names = append(names, trace(s.doc, s.item))
	}
	for i := range p.steps {
		names = append(names, p.steps[i].name)
	}
	return strings.Join(names, ".")
}

// trace is the path from the document to an element of it.
func trace(from, to *format.Node) string {
	index := 0
	for i, k := range from.Kids {
		if index++; i == 0 || from.Kids[i-1].Def != k.Def {
			index = 0
		}
		name := k.Def.Name
		if k.Def.IsList() {
			name += "[" + strconv.Itoa(index) + "]"
		}
		if k == to {
			return name
		}
		if rest := trace(k, to); rest != "" {
			return name + "." + rest
		}
	}
	return ""
}

// readPath reads Zone/List[Filter]/Leaf.
func readPath(text string) path {
	p := path{text: text}
	rest, absolute := strings.CutPrefix(text, "/")
	p.absolute = absolute
	for rest != "" {
		var word string
		word, rest = cutOutside(rest, "/")
		name, filters, filtered := strings.Cut(word, "[")
		st := step{name: name}
		if filtered {
			for f := range strings.SplitSeq(strings.TrimSuffix(filters, "]"), ",") {
				st.filters = append(st.filters, readCondition(f))
			}
		}
		if name != "." {
			p.steps = append(p.steps, st)
		}
	}
	return p
}

// cutOutside cuts at the first separator that does not stand in brackets.
func cutOutside(text, separator string) (string, string) {
	depth := 0
	for i := range len(text) {
		switch {
		case text[i] == '[':
			depth++
		case text[i] == ']':
			depth--
		case depth == 0 && strings.HasPrefix(text[i:], separator):
			return text[:i], text[i+len(separator):]
		}
	}
	return text, ""
}
