package dte

import (
	"slices"
	"strings"

	"timbre/shared/format"
)

// rule is a condition that relates fields, beyond the schema. The tables of rules are data: what the
// SII would say (sii, level), in which types, and where its text stands.
type rule struct {
	code   string
	sii    string
	level  Level
	types  []Type // nil is every type
	text   string // Spanish: what is wrong and what to do
	source string // citation
	// broken gives the path of each breach, below document.
	broken func(d *draft) []string
}

// rules are all tables.
var rules = slices.Concat(headerRules, lineRules, totalsRules, referenceRules, exportRules, customsRules)

// check finds what the schema, the obligatoriness codes and the rules say of the complete document.
func (d *draft) check() {
	folio := d.doc.Has("Encabezado/IdDoc/Folio")
	if !folio {
		d.doc.Set("Encabezado/IdDoc/Folio", "1") // a stand-in: the folio is bound later
	}
	for _, f := range format.Check(d.doc, base, made...) {
		if !d.broken || !isComputed(f) {
			d.found([]format.Finding{f})
		}
	}
	d.found(format.Obligations(d.doc, int(d.typ), base))
	if !folio {
		d.doc.At("Encabezado/IdDoc").Remove("Folio")
	}
	d.checkLines()
	for i := range rules {
		d.apply(&rules[i])
	}
}

// isComputed tells of a field that is missing only because a number it is computed from is bad.
func isComputed(f format.Finding) bool {
	return f.Code == format.MissingField && (strings.HasPrefix(f.Path, at(totalsPath)) || strings.HasSuffix(f.Path, ".MontoItem"))
}

func (d *draft) apply(r *rule) {
	if r.types != nil && !slices.Contains(r.types, d.typ) {
		return
	}
	for _, path := range r.broken(d) {
		d.fault(FieldError{Path: at(path), Code: r.code, Detail: r.text, SIICode: r.sii, Level: r.level})
	}
}

// maxLine is the longest line of a file in bytes: the SII's parser refuses about 4,090 (CHR-00002).
const maxLine = 4000

// checkLines refuses a text whose line would be too long: each element is written on one line.
func (d *draft) checkLines() {
	d.doc.Leaves(base, func(leaf *format.Node, path func() string) {
		if len(leaf.Text) < maxLine/len("&amp;") {
			return
		}
		if n := len(appendElement(nil, leaf)); n > maxLine {
			d.fault(FieldError{
				Path: path(), Code: "line-too-long", SIICode: "CHR-00002", Level: LevelReject,
				Detail: "con sus escapes este texto pasa de 4.000 bytes en una línea del archivo; acórtelo",
			})
		}
	})
}

// merge joins faults of one field and code: the gravest stands, with what the SII would answer.
func merge(faults []FieldError) []FieldError {
	type key struct{ path, code string }
	places := map[key]int{}
	var out []FieldError
	for _, f := range faults {
		k := key{f.Path, f.Code}
		i, again := places[k]
		if !again {
			places[k] = len(out)
			out = append(out, f)
			continue
		}
		if f.Level > out[i].Level || f.Level == out[i].Level && out[i].SIICode == "" {
			out[i] = f
		}
	}
	return out
}

// The helpers below make conditions of rules. Paths are written with points, lists by their name.

// absent breaks where an element is not there.
func absent(path string) func(*draft) []string {
	return func(d *draft) []string {
		if d.doc.Has(strings.ReplaceAll(path, ".", "/")) {
			return nil
		}
		return []string{path}
	}
}

// when breaks at a path if the condition holds.
func when(path string, condition func(d *draft) bool) func(*draft) []string {
	return func(d *draft) []string {
		if condition(d) {
			return []string{path}
		}
		return nil
	}
}

// each breaks at every element of a list for which the condition holds; name is added to its path.
func each(list, name string, condition func(d *draft, n *format.Node) bool) func(*draft) []string {
	return func(d *draft) []string {
		var paths []string
		for i, n := range d.doc.All(list) {
			if condition(d, n) {
				paths = append(paths, strings.TrimSuffix(strings.TrimPrefix(item(list, i), base+".")+"."+name, "."))
			}
		}
		return paths
	}
}
