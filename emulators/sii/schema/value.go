package schema

import (
	"encoding/base64"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// simple checks the text of an element that holds no others.
func (c *checker) simple(el *etree.Element, n *node) {
	if len(el.ChildElements()) > 0 {
		c.fault("element %q may not hold %q", el.Tag, el.ChildElements()[0].Tag)
		return
	}
	value := text(el)
	if n.kind != "string" {
		value = strings.Join(strings.Fields(value), " ")
	}
	if !lexical(n.kind, value) {
		c.fault("LSX-00291: value %q of %q is no %s", brief(value), el.Tag, n.kind)
		return
	}
	for _, f := range n.facets {
		if f.holds(n.kind, value) {
			continue
		}
		if f.name == "enumeration" {
			c.fault("LSX-00290: invalid enumeration choice %q of %q", brief(value), el.Tag)
			return
		}
		c.fault("LSX-00291: value %q of %q breaks %s %s", brief(value), el.Tag, f.name, f.value)
		return
	}
}

// text is all character data: a comment in the middle does not end it.
func text(el *etree.Element) string {
	var b strings.Builder
	for _, child := range el.Child {
		if data, ok := child.(*etree.CharData); ok {
			b.WriteString(data.Data)
		}
	}
	return b.String()
}

var (
	integerShape  = regexp.MustCompile(`^[+-]?[0-9]+$`)
	decimalShape  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`)
	dateShape     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?$`)
	dateTimeShape = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$`)
	timeShape     = regexp.MustCompile(`^[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$`)
)

// lexical says whether a value has the form of an XSD built-in type.
func lexical(kind, value string) bool {
	switch kind {
	case "string":
		return true
	case "decimal":
		return decimalShape.MatchString(value)
	case "integer", "nonNegativeInteger", "positiveInteger", "negativeInteger", "unsignedLong", "long":
		return integerShape.MatchString(value) && integerRange(kind, value)
	case "base64Binary":
		_, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(value, " ", ""))
		return err == nil
	case "date":
		return dateShape.MatchString(value) && parses(time.DateOnly, value[:10])
	case "dateTime":
		return dateTimeShape.MatchString(value) && parses("2006-01-02T15:04:05", value[:19])
	case "time":
		return timeShape.MatchString(value) && parses(time.TimeOnly, value[:8])
	}
	return false
}

func parses(layout, value string) bool {
	_, err := time.Parse(layout, value)
	return err == nil
}

func integerRange(kind, value string) bool {
	n, ok := new(big.Int).SetString(strings.TrimPrefix(value, "+"), 10)
	if !ok {
		return false
	}
	switch kind {
	case "nonNegativeInteger":
		return n.Sign() >= 0
	case "positiveInteger":
		return n.Sign() > 0
	case "negativeInteger":
		return n.Sign() < 0
	case "unsignedLong":
		return n.IsUint64()
	case "long":
		return n.IsInt64()
	}
	return true
}

func (f facet) holds(kind, value string) bool {
	switch f.name {
	case "enumeration":
		return f.values[value] || kind != "string" && f.values[plain(value)]
	case "pattern":
		return f.pattern.MatchString(value)
	case "length":
		return strconv.Itoa(utf8.RuneCountInString(value)) == f.value
	case "minLength":
		return utf8.RuneCountInString(value) >= f.number()
	case "maxLength":
		return utf8.RuneCountInString(value) <= f.number()
	case "totalDigits":
		return len(strings.ReplaceAll(plain(value), ".", "")) <= f.number()
	case "fractionDigits":
		_, fraction, _ := strings.Cut(plain(value), ".")
		return len(fraction) <= f.number()
	case "minInclusive":
		return compare(kind, value, f.value) >= 0
	case "maxInclusive":
		return compare(kind, value, f.value) <= 0
	}
	return false
}

func (f facet) number() int {
	n, err := strconv.Atoi(f.value)
	if err != nil {
		return -1
	}
	return n
}

// plain strips sign, leading zeros and trailing zeros of a fraction: digits are
// counted on the value, not on its spelling.
func plain(value string) string {
	value = strings.TrimLeft(strings.TrimLeft(value, "+-"), "0")
	if strings.Contains(value, ".") {
		value = strings.TrimRight(strings.TrimRight(value, "0"), ".")
	}
	return value
}

// compare orders numbers by value and dates by their text (same width, no zone).
func compare(kind, a, b string) int {
	if kind == "date" || kind == "dateTime" || kind == "time" {
		return strings.Compare(a[:min(len(a), len(b))], b)
	}
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	if !okX || !okY {
		return -1
	}
	return x.Cmp(y)
}
