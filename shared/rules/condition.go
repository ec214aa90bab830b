package rules

import (
	"strings"
	"time"

	"timbre/shared/format"
)

// condition decides whether a rule applies, or which elements of a list a path keeps.
type condition struct {
	path   path
	op     string // "" is there, ! is not, = != >
	values []value
}

// readCondition reads path, !path, path=values, path!=values or path>number.
func readCondition(text string) condition {
	if rest, negated := strings.CutPrefix(text, "!"); negated {
		return condition{path: readPath(rest), op: "!"}
	}
	for _, op := range []string{"!=", "=", ">"} {
		if name, values := cutOutside(text, op); name != text {
			return condition{path: readPath(name), op: op, values: readValues(values)}
		}
	}
	return condition{path: readPath(text)}
}

func readConditions(text string) []condition {
	if text == "" {
		return nil
	}
	var out []condition
	for word := range strings.SplitSeq(text, " & ") {
		out = append(out, readCondition(word))
	}
	return out
}

func (c *condition) holds(s *scope) bool {
	found := false
	c.path.find(s, func(n *format.Node) bool {
		found = c.met(s, n)
		return !found
	})
	return found != (c.op == "!" || c.op == "!=")
}

// met tells whether an element fulfils the positive form of the condition.
func (c *condition) met(s *scope, n *format.Node) bool {
	switch c.op {
	case "=", "!=":
		return matches(s, n.Text, c.values)
	case ">":
		return before(c.values[0].one(s), n.Text)
	}
	return true
}

// grace is how long after its date a document may reach the SII (DTE-1-650).
const grace = 3

func (f *Facts) earliest() string {
	day, err := time.Parse(time.DateOnly, f.Today)
	if err != nil {
		return ""
	}
	return day.AddDate(0, 0, -grace).Format(time.DateOnly)
}
