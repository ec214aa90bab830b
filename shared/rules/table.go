package rules

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed table/*.csv
var tables embed.FS

// files are the tables of rules, by zone.
var files = []string{"header", "transport", "export", "detail", "totals", "references", "boleta", "signing"}

// index is the table as it is used.
type index struct {
	all    []*Rule
	byType map[int][]*Rule // rules that are run
	byID   map[string]*Rule
	found  map[string][]*Rule // by the code of the fault that others find
}

// documentTypes are the types of Formato DTE v2.5 and Formato Boletas v4.2.
var documentTypes = []int{33, 34, 39, 41, 43, 46, 52, 56, 61, 110, 111, 112}

var loaded = sync.OnceValue(func() *index {
	x := &index{byType: map[int][]*Rule{}, byID: map[string]*Rule{}, found: map[string][]*Rule{}}
	for _, file := range files {
		for _, row := range rows(file) {
			x.add(readRule(file, row))
		}
	}
	return x
})

func (x *index) add(r *Rule) {
	if x.byID[r.ID] != nil {
		panic("rules: twice " + r.ID)
	}
	x.byID[r.ID] = r
	x.all = append(x.all, r)
	if r.FoundBy != "" {
		for code := range strings.SplitSeq(r.FoundBy, "|") {
			x.found[code] = append(x.found[code], r)
		}
		return
	}
	for _, t := range documentTypes {
		if r.concerns(t) {
			x.byType[t] = append(x.byType[t], r)
		}
	}
}

// rows reads a table as maps by column.
func rows(file string) []map[string]string {
	text, err := tables.ReadFile("table/" + file + ".csv")
	if err != nil {
		panic(err) // The files are part of the program.
	}
	all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("rules: %s: %v", file, err))
	}
	out := make([]map[string]string, 0, len(all)-1)
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		out = append(out, row)
	}
	return out
}

func readRule(zone string, row map[string]string) *Rule {
	r := &Rule{
		Zone: zone, ID: row["id"], Rows: readNumbers(row["rows"]), SII: row["sii"], Told: row["level"], Sure: row["sure"], Code: row["code"],
		Text: row["text"], Source: readSource(row["source"]), Types: readTypes(row["types"]), At: strings.Fields(row["at"]),
		each: readPath(row["each"]), when: readConditions(row["when"]),
	}
	if level := strings.TrimSuffix(row["level"], "?"); level != "" {
		r.Level = Level(readNumbers(level)[0])
	}
	read := checks[row["check"]]
	if read == nil {
		panic(fmt.Sprintf("rules: %s: no check %q", r.ID, row["check"]))
	}
	if row["check"] == "found" {
		r.FoundBy = row["with"]
	}
	for _, at := range r.At {
		r.targets = append(r.targets, target{at: readPath(at), check: read(row["with"])})
	}
	r.figures = row["check"] == "sum" || row["check"] == "product" || strings.Contains(row["at"]+row["when"], "Totales/")
	r.Condition = describe(row)
	return r
}

func readNumbers(text string) []int {
	var out []int
	for word := range strings.FieldsSeq(text) {
		n, err := strconv.Atoi(word)
		if err != nil {
			panic(fmt.Sprintf("rules: %v", err))
		}
		out = append(out, n)
	}
	return out
}

// readTypes reads "33 34", or "!43" for all but that.
func readTypes(text string) []int {
	if !strings.HasPrefix(text, "!") {
		return readNumbers(text)
	}
	without := readNumbers(strings.ReplaceAll(text, "!", ""))
	return slices.DeleteFunc(slices.Clone(documentTypes), func(t int) bool { return slices.Contains(without, t) })
}

var sources = map[string]string{
	"F": "Formato DTE v2.5 (2026-02)", "B": "Formato Boletas Electrónicas v4.2 (2025-09-08)",
	"X": "DTE_v10.xsd (2026-02)", "R": "Catálogo de rechazos y reparos del SII",
	"I": "Instructivo Técnico de Emisión (2021-10-28)",
}

// readSource writes the title of a source out: "F IdDoc, FchEmis".
func readSource(text string) string {
	short, place, _ := strings.Cut(text, " ")
	title, ok := sources[short]
	if !ok {
		return text
	}
	return strings.TrimSuffix(title+", "+place, ", ")
}

var readLists = sync.OnceValue(func() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, row := range rows("lists") {
		out[row["list"]] = map[string]bool{}
		for word := range strings.SplitSeq(row["values"], "|") {
			out[row["list"]][word] = true
		}
	}
	return out
})

// listed is a list of values; codes may be written with leading zeros.
func listed(name string) map[string]bool {
	list := readLists()[name]
	if list == nil {
		panic("rules: no list " + name)
	}
	return list
}
