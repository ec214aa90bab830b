package rules

import (
	"fmt"
	"strconv"
	"strings"

	"timbre/shared/amount"
	"timbre/shared/format"
)

// check judges one place; report takes the element that is wrong, or nil for what is not there.
type check func(s *scope, at path, report func(*format.Node))

// checks are the mechanisms; each reads its argument from the column "with".
var checks = map[string]func(with string) check{
	"present": readPresent, "absent": readAbsent, "is": readIs, "not": readNot, "between": readBetween,
	"at-most": readAtMost, "sum": readSum, "product": readProduct, "special": readSpecial, "found": readFound,
}

// subject is what is judged: the argument if it is a path, else the place itself.
func subject(with string) func(at path) path {
	if with == "" {
		return func(at path) path { return at }
	}
	p := readPath(with)
	return func(path) path { return p }
}

// present: the element must be there; an argument names another one that must be.
func readPresent(with string) check {
	of := subject(with)
	return func(s *scope, at path, report func(*format.Node)) {
		if p := of(at); p.first(s) == nil {
			report(nil)
		}
	}
}

// absent: the element, or the one that the argument names, must not be there.
func readAbsent(with string) check {
	of := subject(with)
	return func(s *scope, at path, report func(*format.Node)) {
		p := of(at)
		found := p.first(s)
		if found == nil {
			return
		}
		if with != "" {
			found = nil // the place is reported, not what stands elsewhere
		}
		report(found)
	}
}

// is: the text, where there is one, must be among the values.
func readIs(with string) check {
	values := readValues(with)
	return func(s *scope, at path, report func(*format.Node)) {
		at.find(s, func(n *format.Node) bool {
			if !matches(s, n.Text, values) {
				report(n)
			}
			return true
		})
	}
}

// not: the text must not be among the values.
func readNot(with string) check {
	values := readValues(with)
	return func(s *scope, at path, report func(*format.Node)) {
		at.find(s, func(n *format.Node) bool {
			if matches(s, n.Text, values) {
				report(n)
			}
			return true
		})
	}
}

// between: low..high, either may be left out; where a bound is unknown it does not bind.
func readBetween(with string) check {
	low, high, ok := strings.Cut(with, "..")
	if !ok {
		panic(fmt.Sprintf("rules: %q is no range", with))
	}
	from, to := readValues(low)[0], readValues(high)[0]
	return func(s *scope, at path, report func(*format.Node)) {
		at.find(s, func(n *format.Node) bool {
			least, most := from.one(s), to.one(s)
			below, above := least != "" && before(n.Text, least), most != "" && before(most, n.Text)
			if (below || above) && !isNoDate(n) {
				report(n)
			}
			return true
		})
	}
}

// isNoDate tells of a date that is none, which the schema refuses.
func isNoDate(n *format.Node) bool {
	return n.Def.Type != nil && n.Def.Type.Check(n.Text) == format.BadDate
}

// at-most: no more than so many of what the argument names: "1 /Referencia[TpoDocRef=807]".
func readAtMost(with string) check {
	limit, name, _ := strings.Cut(with, " ")
	most, err := strconv.Atoi(limit)
	if err != nil {
		panic(fmt.Sprintf("rules: %q begins with no number", with))
	}
	p := readPath(name)
	return func(s *scope, _ path, report func(*format.Node)) {
		count := 0
		p.find(s, func(*format.Node) bool { count++; return true })
		if count > most {
			report(nil)
		}
	}
}

// found: others find it; see Of.
func readFound(string) check { return func(*scope, path, func(*format.Node)) {} }

// number reads an amount; false if it is none.
func number(n *format.Node) (amount.Decimal, bool) {
	value, err := amount.Parse(n.Text)
	return value, err == nil
}
