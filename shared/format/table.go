package format

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed table/*.csv
var tables embed.FS

// files are the roots: the name of the element and the file that describes it.
var files = map[string]struct{ element, file string }{
	"Documento":     {"Documento", "documento"},
	"Liquidacion":   {"Liquidacion", "liquidacion"},
	"Exportaciones": {"Exportaciones", "exportaciones"},
	"Boleta":        {"Documento", "boleta"},
	"DTE":           {"DTE", "dte"},
	"DTEBoleta":     {"DTE", "dteboleta"},
	"EnvioDTE":      {"EnvioDTE", "enviodte"},
	"EnvioBOLETA":   {"EnvioBOLETA", "envioboleta"},
	"RespuestaDTE":  {"RespuestaDTE", "respuesta"},
	"EnvioRecibos":  {"EnvioRecibos", "enviorecibos"},
	"Recibo":        {"Recibo", "recibo"},
	"Signature":     {"Signature", "signature"},
}

// loaded holds the roots read so far.
var loaded struct {
	sync.Mutex
	types map[string]*Simple
	roots map[string]*Element
}

// Root is a root of the table: DTE, DTEBoleta, EnvioDTE, EnvioBOLETA, Documento, Boleta,
// Liquidacion, Exportaciones, RespuestaDTE, EnvioRecibos, Recibo or Signature; nil if there is no
// such root. Each is read once, when first asked for.
func Root(name string) *Element {
	loaded.Lock()
	defer loaded.Unlock()
	return root(name)
}

// root is Root with the lock held.
func root(name string) *Element {
	if e := loaded.roots[name]; e != nil {
		return e
	}
	source, ok := files[name]
	if !ok {
		return nil
	}
	if loaded.roots == nil {
		loaded.roots = map[string]*Element{}
		loaded.types = readTypes()
	}
	e := readRoot(source.element, source.file)
	loaded.roots[name] = e
	return e
}

// rows gives each line of a table, cut at the commas; no value holds a comma.
func rows(file string) [][]string {
	text, err := tables.ReadFile("table/" + file + ".csv")
	if err != nil {
		panic(err) // The files are part of the program.
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	out := make([][]string, len(lines))
	for i, line := range lines {
		out[i] = strings.Split(line, ",")
	}
	return out
}

// Columns of the element tables; between colRejects and the last stand the document types.
const (
	colElement = iota
	colOccurs
	colType
	colAttributes
	colChoice
	colRejects
	colCodes
)

func readRoot(name, file string) *Element {
	table := rows(file)
	header := table[0]
	byPath := map[string]*Element{".": {Name: name, Space: NamespaceSII}}
	for _, row := range table[1:] {
		path := row[colElement]
		e := readElement(row, header)
		byPath[path] = e
		if path == "." {
			e.Name = name
			continue
		}
		parent, last := ".", path
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			parent, last = path[:i], path[i+1:]
		}
		e.Name = last
		byPath[parent].add(e)
	}
	e := byPath["."]
	if name == "Signature" {
		e.inSpace(NamespaceDSig)
	}
	return e
}

func readElement(row, header []string) *Element {
	e := &Element{
		Space:   NamespaceSII,
		Rejects: row[colRejects] != "",
		choice:  row[colChoice] != "",
		Source:  row[len(row)-1],
	}
	e.Min, e.Max = readOccurs(row[colOccurs])
	e.Attributes = readAttributes(row[colAttributes])
	if other, ok := strings.CutPrefix(row[colType], "@"); ok {
		e.borrow(root(other))
	} else if row[colType] != "" {
		e.Type = loaded.types[row[colType]]
	}
	for i := colCodes; i < len(row)-1; i++ {
		if row[i] != "" {
			e.codes = append(e.codes, readCode(header[i], row[i]))
		}
	}
	return e
}

// borrow gives e the content of another root.
func (e *Element) borrow(other *Element) {
	e.Children, e.slots = other.Children, other.slots
	e.Attributes = other.Attributes
	e.Space = other.Space
}

func (e *Element) add(child *Element) {
	child.order = len(e.Children)
	if n := len(e.Children); !child.choice || n == 0 || !e.Children[n-1].choice {
		e.slots++
	}
	child.slot = e.slots - 1
	e.Children = append(e.Children, child)
}

func (e *Element) inSpace(space string) {
	e.Space = space
	for _, c := range e.Children {
		c.inSpace(space)
	}
}

func readOccurs(s string) (int, int) {
	low, high, _ := strings.Cut(s, "..")
	if high == "*" {
		return number(low), Unbounded
	}
	return number(low), number(high)
}

func readAttributes(s string) []Attribute {
	if s == "" {
		return nil
	}
	var out []Attribute
	for text := range strings.SplitSeq(s, ";") {
		name, rest, _ := strings.Cut(text, " ")
		kind, value, _ := strings.Cut(rest, " ")
		out = append(out, Attribute{Name: name, kind: kind, value: value})
	}
	return out
}

func readCode(column, cell string) coded {
	c := coded{kind: number(column), doubtful: strings.HasSuffix(cell, "?")}
	c.code = Code(cell[0]-'0') + Forbidden
	return c
}

// number reads a number of the program's own tables.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(fmt.Sprintf("format table: %v", err))
	}
	return n
}
