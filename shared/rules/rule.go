package rules

import "timbre/shared/format"

// Level is how the SII would take a fault (the middle digit of its codes, REJECTIONS section 2).
type Level int

// Levels of faults.
const (
	LevelUnknown Level = 0 // The SII states the rule; what it does about it is not known.
	LevelSlight  Level = 1 // Accepted with slight remarks (RLV).
	LevelRemark  Level = 2 // Accepted with remarks (RPR).
	LevelReject  Level = 3 // Rejected (RCH), or refused by the schema.
)

// Rule is one row of the table.
type Rule struct {
	ID     string
	Zone   string // the table that it stands in
	Rows   []int  // of rejections.csv
	SII    string // as HED-3-846; empty where it is not known
	Level  Level
	Told   string // the level as the table writes it
	Sure   string
	Types  []int // nil is every type
	Code   string
	Text   string
	Source string
	// At are the paths where it reports, as written; FoundBy the code of a fault that others find.
	At      []string
	FoundBy string
	// Condition is what must hold, in Spanish.
	Condition string

	each    path
	when    []condition
	targets []target
	figures bool // looks at amounts, which must have been readable
}

// target is a place that is reported and what is checked for it.
type target struct {
	at    path
	check check
}

// Facts are what is known beside the document.
type Facts struct {
	Type   int
	Issuer string   // RUT of the company
	Acteco []string // its activities; empty if not known
	Today  string   // in Chile, AAAA-MM-DD
	// Partial: an amount could not be read, so that rules on amounts would only repeat that fault.
	Partial bool
}

// Breach is a rule that a document breaks, and where: Detalle[2].PrcItem.
type Breach struct {
	Rule *Rule
	Path string
}

// Check finds the rules that a complete document breaks.
func Check(doc *format.Node, facts Facts) []Breach {
	var out []Breach
	s := scope{doc: doc, item: doc, facts: &facts}
	for _, r := range loaded().byType[facts.Type] {
		if !r.figures || !facts.Partial {
			out = r.apply(&s, out)
		}
	}
	return out
}

func (r *Rule) apply(s *scope, out []Breach) []Breach {
	if r.each.steps == nil {
		return r.judge(s, out)
	}
	inner := *s
	r.each.find(s, func(item *format.Node) bool {
		inner.item = item
		out = r.judge(&inner, out)
		return true
	})
	return out
}

func (r *Rule) judge(s *scope, out []Breach) []Breach {
	for i := range r.when {
		if !r.when[i].holds(s) {
			return out
		}
	}
	for i := range r.targets {
		t := &r.targets[i]
		t.check(s, t.at, func(n *format.Node) {
			out = append(out, Breach{Rule: r, Path: s.locate(n, t.at)})
		})
	}
	return out
}

// All are the rules, in the order of the tables.
func All() []*Rule { return loaded().all }

// Of is the rule for a fault that the reader, the schema or the calculation found, nil if there is
// none: its code, and the path below the document.
func Of(documentType int, code, path string) *Rule {
	for _, r := range loaded().found[code] {
		if r.concerns(documentType) && r.stands(path) {
			return r
		}
	}
	return nil
}

// Named is the rule of that id; nil if there is none.
func Named(id string) *Rule { return loaded().byID[id] }

func (r *Rule) concerns(documentType int) bool {
	if r.Types == nil {
		return true
	}
	for _, t := range r.Types {
		if t == documentType {
			return true
		}
	}
	return false
}
