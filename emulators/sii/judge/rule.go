package judge

import "fmt"

// rule is a statement of the SII's documents as data: where it looks (an element
// of zone each time; the Encabezado by default), when it applies, what must hold.
type rule struct {
	name   string
	code   string // only where a real answer or an official text shows it
	level  int    // Remark by default: the level is not known
	rows   []int  // lines of the catalogue of rejections, see RULES.md
	source string
	zone   string
	when   condition // always by default
	must   condition
	text   string
	about  string // path of the value that the text shows
	strict string // why the rule rests unless Court.Strict: documents known to be accepted break it
}

// tables are all rules that are data, in the order in which they are reported.
var tables = [][]rule{headerRules, receiverRules, transportRules, exportRules, detailRules, totalRules, taxRules, referenceRules, boletaRules}

// statements runs the tables over a document.
func (c Court) statements(d *Document) []Finding {
	var all []Finding
	for _, table := range tables {
		for _, r := range table {
			all = append(all, r.check(c, d)...)
		}
	}
	return all
}

func (r rule) check(c Court, d *Document) []Finding {
	if r.strict != "" && !c.Strict {
		return nil
	}
	zone := r.zone
	if zone == "" {
		zone = "Encabezado"
	}
	var all []Finding
	for i, el := range d.all(zone) {
		s := scene{court: c, doc: d, el: el}
		if (r.when != nil && !r.when(s)) || r.must(s) {
			continue
		}
		f := r.finding(s)
		if r.zone != "" {
			f = f.at(i + 1)
		}
		all = append(all, f)
	}
	return all
}

func (r rule) finding(s scene) Finding {
	f := Finding{Code: r.code, Rule: r.name, Level: r.level, Text: r.text}
	if f.Level == 0 {
		f.Level = Remark
	}
	if value := get(s.el, r.about+""); r.about != "" {
		f.Text += fmt.Sprintf(" : [%s]", value)
	}
	return f
}

// Statement describes a rule of the tables to RULES.md and to tests.
type Statement struct {
	Name, Code, Source, Text, Strict string
	Level                            int
	Rows                             []int
}

// Statements lists the rules that are data.
func Statements() []Statement {
	var all []Statement
	for _, table := range tables {
		for _, r := range table {
			level := r.level
			if level == 0 {
				level = Remark
			}
			all = append(all, Statement{Name: r.name, Code: r.code, Source: r.source, Text: r.text, Strict: r.strict, Level: level, Rows: r.rows})
		}
	}
	return all
}
