package format

import "strconv"

// place is where a walk stands; its text is made only when a finding needs it.
type place struct {
	up   *place
	name string
	// index in a list, or -1.
	index int
}

func (p *place) String() string { return string(p.append(nil)) }

// append copies all names, so that places may live on the stack.
func (p *place) append(to []byte) []byte {
	if p == nil {
		return to
	}
	to = p.up.append(to)
	if len(to) > 0 {
		to = append(to, '.')
	}
	to = append(to, p.name...)
	if p.index >= 0 {
		to = append(to, '[')
		to = append(strconv.AppendInt(to, int64(p.index), 10), ']')
	}
	return to
}

// below is the place of a child of p.
func (p *place) below(e *Element, index int) place {
	if !e.IsList() {
		index = -1
	}
	return place{up: p, name: e.Name, index: index}
}

// start is the place of a root: nil when it has no name, so that paths begin with the children.
func start(name string) *place {
	if name == "" {
		return nil
	}
	return &place{name: name, index: -1}
}
