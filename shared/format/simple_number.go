package format

import (
	"slices"
	"strings"
)

// decimal is a number as its digits; nothing is lost however long it is.
type decimal struct {
	negative        bool
	whole, fraction string // without zeros that say nothing
}

// readDecimal reads the lexical form of xs:decimal: sign, digits, perhaps a point.
func readDecimal(s string) (decimal, bool) {
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" && fraction == "" || !isDigits(whole) || !isDigits(fraction) {
		return decimal{}, false
	}
	d.whole, d.fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if d.whole == "" && d.fraction == "" {
		d.negative = false
	}
	return d, true
}

// isDigits tells whether there is nothing but digits.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (d decimal) compare(e decimal) int {
	if d.negative != e.negative {
		if d.negative {
			return -1
		}
		return 1
	}
	c := d.compareSize(e)
	if d.negative {
		return -c
	}
	return c
}

func (d decimal) compareSize(e decimal) int {
	if len(d.whole) != len(e.whole) {
		if len(d.whole) < len(e.whole) {
			return -1
		}
		return 1
	}
	if c := strings.Compare(d.whole, e.whole); c != 0 {
		return c
	}
	return strings.Compare(d.fraction, e.fraction)
}

// bounds are the limits that a base type has by itself.
var bounds = map[base][2]string{
	baseLong:         {"-9223372036854775808", "9223372036854775807"},
	baseUnsignedLong: {"0", "18446744073709551615"},
}

// readNumbers reads the bounds and the values of a number.
func (s *Simple) readNumbers() {
	if !s.IsNumber() {
		return
	}
	low, high := s.min, s.max
	if b, ok := bounds[s.base]; ok {
		low, high = b[0], b[1]
	}
	s.low, s.high = bound(low), bound(high)
	for _, v := range s.values {
		s.numbers = append(s.numbers, *bound(v))
	}
}

// bound reads a number of the program's own tables; nil where there is none.
func bound(text string) *decimal {
	if text == "" {
		return nil
	}
	d, ok := readDecimal(text)
	if !ok {
		panic("format table: " + text + " is no number")
	}
	return &d
}

func (s *Simple) checkNumber(text string) Fault {
	d, ok := readDecimal(text)
	if !ok || s.base != baseDecimal && strings.IndexByte(text, '.') >= 0 ||
		s.base == baseUnsignedLong && strings.ContainsAny(text, "+-") {
		return NotANumber
	}
	switch {
	case s.base == baseDecimal && len(d.fraction) > s.places:
		return TooManyPlaces
	case s.digits > 0 && len(d.whole)+len(d.fraction) > s.digits:
		return TooManyDigits
	case s.low != nil && d.compare(*s.low) < 0 || s.high != nil && d.compare(*s.high) > 0:
		return OutOfRange
	case len(s.numbers) > 0 && !slices.Contains(s.numbers, d):
		return NotInList
	}
	return ""
}
