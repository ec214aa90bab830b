package rules

import (
	"strings"

	"timbre/shared/amount"
	"timbre/shared/format"
)

// value is one of the texts that a condition or a check compares with.
type value struct {
	text string
	list map[string]bool // of @list
	path *path
}

// readValues reads texts joined by |.
func readValues(text string) []value {
	var out []value
	for word := range strings.SplitSeq(text, "|") {
		v := value{text: word}
		switch {
		case strings.HasPrefix(word, "@") && word != letters && word != digits:
			v.list = listed(word[1:])
		case strings.HasPrefix(word, "/"):
			p := readPath(word)
			v.path = &p
		}
		out = append(out, v)
	}
	return out
}

// Values that stand for many.
const (
	letters  = "@letters" // a text that is no number
	digits   = "@digits"
	issuer   = "$issuer"
	acteco   = "$acteco"
	today    = "$today"
	earliest = "$earliest" // three days before today
)

func matches(s *scope, text string, values []value) bool {
	for i := range values {
		if values[i].matches(s, text) {
			return true
		}
	}
	return false
}

func (v *value) matches(s *scope, text string) bool {
	switch {
	case v.list != nil:
		return v.list[strings.TrimLeft(text, "0")] || v.list[text]
	case v.path != nil:
		found := false
		v.path.find(s, func(n *format.Node) bool { found = same(text, n.Text); return !found })
		return found
	case v.text == acteco:
		return len(s.facts.Acteco) == 0 || contains(s.facts.Acteco, text)
	case v.text == letters:
		return strings.Trim(text, "0123456789") != ""
	case v.text == digits:
		return strings.Trim(text, "0123456789") == ""
	}
	return same(text, v.one(s))
}

// one is the text of a value that stands for one.
func (v *value) one(s *scope) string {
	switch {
	case v.path != nil:
		if n := v.path.first(s); n != nil {
			return n.Text
		}
		return ""
	case v.text == issuer:
		return s.facts.Issuer
	case v.text == today:
		return s.facts.Today
	case v.text == earliest:
		return s.facts.earliest()
	}
	return v.text
}

// same compares texts without regard to case, and numbers by value.
func same(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	x, y, ok := numbers(a, b)
	return ok && x == y
}

// before orders numbers by value, dates and other texts as they stand.
func before(a, b string) bool {
	if x, y, ok := numbers(a, b); ok {
		return x.Cmp(y) < 0
	}
	return a < b
}

func numbers(a, b string) (amount.Decimal, amount.Decimal, bool) {
	if a == "" || b == "" || a[0] > '9' || b[0] > '9' {
		return amount.Decimal{}, amount.Decimal{}, false
	}
	x, err := amount.Parse(a)
	if err != nil {
		return x, x, false
	}
	y, err := amount.Parse(b)
	return x, y, err == nil
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if same(s, one) {
			return true
		}
	}
	return false
}
