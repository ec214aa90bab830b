package rules

import (
	"fmt"
	"strings"

	"timbre/shared/amount"
	"timbre/shared/format"
)

// term is a part of a sum: all elements that a path leads to.
type term struct {
	path  path
	minus bool
}

// sum: the amount must be the sum of others, "= +/a/b -c", or not less than it, ">= +c". What is not
// there counts as 0; an amount that cannot be read has a fault of its own.
func readSum(with string) check {
	op, rest, _ := strings.Cut(with, " ")
	if op != "=" && op != ">=" {
		panic(fmt.Sprintf("rules: %q is no sum", with))
	}
	var terms []term
	for word := range strings.SplitSeq(rest, " ") {
		terms = append(terms, term{path: readPath(word[1:]), minus: word[0] == '-'})
	}
	return func(s *scope, at path, report func(*format.Node)) {
		total, whole := addUp(s, terms)
		n := at.first(s)
		own, readable := amount.Decimal{}, true
		if n != nil {
			own, readable = number(n)
		}
		wrong := own != total
		if op == ">=" {
			wrong = own.Cmp(total) < 0
		}
		if whole && readable && wrong {
			report(n)
		}
	}
}

func addUp(s *scope, terms []term) (amount.Decimal, bool) {
	var total amount.Decimal
	whole := true
	for i := range terms {
		terms[i].path.find(s, func(n *format.Node) bool {
			value, ok := number(n)
			if terms[i].minus {
				value = value.Neg()
			}
			sum, err := total.Add(value)
			total, whole = sum, ok && err == nil
			return whole
		})
		if !whole {
			return total, false
		}
	}
	return total, true
}

// product: the amount must be the product of two others, "a * b", or a percentage, "a % b", rounded to
// the whole; it may be less than 1 away, or "~1" away.
func readProduct(with string) check {
	words := strings.Fields(with)
	a, b, percent := readValues(words[0])[0], readValues(words[2])[0], words[1] == "%"
	off := amount.MustParse("0.9999")
	if len(words) > 3 {
		off = amount.MustParse(strings.TrimPrefix(words[3], "~"))
	}
	return func(s *scope, at path, report func(*format.Node)) {
		at.find(s, func(n *format.Node) bool {
			if differs(s, n, [2]value{a, b}, percent, off) {
				report(n)
			}
			return true
		})
	}
}

func differs(s *scope, n *format.Node, factors [2]value, percent bool, off amount.Decimal) bool {
	own, ok := number(n)
	x, y, readable := numbers(factors[0].one(s), factors[1].one(s))
	if !ok || !readable {
		return false
	}
	var err error
	if percent {
		y, err = y.Percent()
	}
	if err != nil {
		return false
	}
	want, err := amount.Product(0, x, y)
	if err != nil {
		return false
	}
	gap, err := own.Sub(want)
	return err == nil && gap.Abs().Cmp(off) > 0
}
