package dte

// AllRules names every rule by code, types and citation.
func AllRules() []string {
	out := make([]string, len(rules))
	for i := range rules {
		out[i] = rules[i].name()
	}
	return out
}

func (r *rule) name() string { return r.code + " | " + r.source + " | " + r.text }

// BrokenRules are the rules that a request breaks.
func BrokenRules(r Request) []string {
	d, err := read(&r)
	if err != nil {
		return nil
	}
	d.fill()
	d.calculate()
	d.writeTotals()
	d.check()
	var out []string
	for i := range rules {
		before := len(d.faults)
		if d.apply(&rules[i]); len(d.faults) > before {
			out = append(out, rules[i].name())
		}
	}
	return out
}
