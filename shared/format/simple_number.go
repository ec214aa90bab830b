package format

import "strings"

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
	if whole == "" && fraction == "" || strings.Trim(whole, digits) != "" || strings.Trim(fraction, digits) != "" {
		return decimal{}, false
	}
	d.whole, d.fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if d.whole == "" && d.fraction == "" {
		d.negative = false
	}
	return d, true
}

const digits = "0123456789"

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

func (s *Simple) checkNumber(text string) Fault {
	d, ok := readDecimal(text)
	if !ok || s.base != baseDecimal && strings.Contains(text, ".") ||
		s.base == baseUnsignedLong && strings.ContainsAny(text, "+-") {
		return NotANumber
	}
	low, high := s.min, s.max
	if b, ok := bounds[s.base]; ok {
		low, high = b[0], b[1]
	}
	switch {
	case s.base == baseDecimal && len(d.fraction) > s.places:
		return TooManyPlaces
	case s.digits > 0 && len(d.whole)+len(d.fraction) > s.digits:
		return TooManyDigits
	case below(d, low) || above(d, high):
		return OutOfRange
	case len(s.values) > 0 && !s.hasValue(d):
		return NotInList
	}
	return ""
}

func below(d decimal, limit string) bool {
	l, ok := readDecimal(limit)
	return ok && d.compare(l) < 0
}

func above(d decimal, limit string) bool {
	l, ok := readDecimal(limit)
	return ok && d.compare(l) > 0
}

func (s *Simple) hasValue(d decimal) bool {
	for _, v := range s.values {
		if l, ok := readDecimal(v); ok && d.compare(l) == 0 {
			return true
		}
	}
	return false
}
