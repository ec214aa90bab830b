package judge

import (
	"math/big"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"timbre/emulators/sii/rut"
)

// scene is what a rule of the table looks at: the Encabezado, or one element of
// a repeated zone.
type scene struct {
	court Court
	doc   *Document
	el    *etree.Element
}

// condition is a statement about a scene. Rules are made of a few of them.
type condition func(scene) bool

// all lists the elements at a path whose last step may repeat.
func (d *Document) all(path string) []*etree.Element {
	parent, name := "", path
	if i := strings.LastIndex(path, "/"); i >= 0 {
		parent, name = path[:i], path[i+1:]
	}
	if parent == "" {
		return d.content.SelectElements(name)
	}
	return elements(d.content, parent, name)
}

func always(scene) bool { return true }

func types(kinds ...int) condition {
	return func(s scene) bool { return in(s.doc.Type, kinds...) }
}

// has: the element is there, whatever it holds.
func has(path string) condition {
	return func(s scene) bool { return find(s.el, path) != nil }
}

// filled: all of the elements hold more than blanks.
func filled(paths ...string) condition {
	return func(s scene) bool {
		return !slices.ContainsFunc(paths, func(p string) bool { return blank(get(s.el, p)) })
	}
}

// code: the number at the path is one of the given ones; 04 is 4.
func code(path string, values ...int) condition {
	return func(s scene) bool { return in(number(get(s.el, path)), values...) }
}

// text: the words at the path are one of the given ones.
func text(path string, values ...string) condition {
	return func(s scene) bool {
		got := strings.TrimSpace(get(s.el, path))
		return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, got) })
	}
}

// between compares dates as text: YYYY-MM-DD.
func between(path, from, to string) condition {
	return func(s scene) bool { d := get(s.el, path); return d >= from && d <= to }
}

func positive(path string) condition {
	return func(s scene) bool { return amountAt(s.el, path).Sign() > 0 }
}

func zero(path string) condition {
	return func(s scene) bool { return amountAt(s.el, path).Sign() == 0 }
}

// customs: the code is in the table of Chilean Customs for its field.
func customs(field string) condition {
	name := field[strings.LastIndex(field, "/")+1:]
	return func(s scene) bool { return customsCodes()[name][strings.TrimLeft(get(s.el, field), "0")] }
}

// people: the RUT's number is one that the SII gives out.
func people(path string) condition {
	return func(s scene) bool {
		n := number(strings.Split(get(s.el, path)+"-", "-")[0])
		return rut.Valid(get(s.el, path)) && n >= 100_000 && n <= 99_999_999
	}
}

func not(c condition) condition { return func(s scene) bool { return !c(s) } }

func and(cs ...condition) condition {
	return func(s scene) bool { return !slices.ContainsFunc(cs, func(c condition) bool { return !c(s) }) }
}

func or(cs ...condition) condition {
	return func(s scene) bool { return slices.ContainsFunc(cs, func(c condition) bool { return c(s) }) }
}

// lacks: none of the elements is there.
func lacks(paths ...string) condition {
	return func(s scene) bool {
		return !slices.ContainsFunc(paths, func(p string) bool { return find(s.el, p) != nil })
	}
}

// header looks at the Encabezado from within a zone.
func header(c condition) condition {
	return func(s scene) bool {
		s.el = find(s.doc.content, "Encabezado")
		return s.el != nil && c(s)
	}
}

// count says how many elements of a zone meet a condition.
func (s scene) count(zone string, c condition) int {
	n := 0
	for _, el := range s.doc.all(zone) {
		s.el = el
		if c(s) {
			n++
		}
	}
	return n
}

func some(zone string, c condition) condition {
	return func(s scene) bool { return s.count(zone, c) > 0 }
}

func none(zone string, c condition) condition {
	return func(s scene) bool { return s.count(zone, c) == 0 }
}

func atMost(n int, zone string, c condition) condition {
	return func(s scene) bool { return s.count(zone, c) <= n }
}

// total adds a field over a zone.
func (s scene) total(zone, field string) *big.Rat {
	t := new(big.Rat)
	for _, el := range s.doc.all(zone) {
		t.Add(t, amountAt(el, field))
	}
	return t
}

// equals: the amount at the path is what the formula gives, give or take slack.
func equals(path string, slack int64, formula func(scene) *big.Rat) condition {
	return func(s scene) bool { return within(amountAt(s.el, path), formula(s), big.NewRat(slack, 1)) }
}

// numbered: the zone's elements count 1, 2, 3….
func numbered(zone, field string) condition {
	return func(s scene) bool {
		for i, el := range s.doc.all(zone) {
			if number(get(el, field)) != i+1 {
				return false
			}
		}
		return true
	}
}
