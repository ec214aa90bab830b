package schema

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed table.txt
var tableText string

// node is one element of the table, or a choice (name "|") of its children.
type node struct {
	name       string
	min, max   int
	kind       string // built-in type; "{}" holds elements
	facets     []facet
	attributes []attribute
	children   []*node
}

type facet struct {
	name, value string
	values      map[string]bool // enumeration
	pattern     *regexp.Regexp
}

type attribute struct {
	name     string
	required bool
	values   []string // nil: any
}

// roots parses the embedded table once.
var roots = sync.OnceValue(func() map[string]*node {
	found := map[string]*node{}
	var path []*node
	for _, line := range strings.Split(strings.TrimSuffix(tableText, "\n"), "\n") {
		depth := len(line) - len(strings.TrimLeft(line, " "))
		n, err := parseLine(line[depth:])
		if err != nil {
			panic(fmt.Sprintf("schema table: %v", err)) // the table is part of the program
		}
		path = append(path[:depth], n)
		if depth == 0 {
			found[n.name] = n
			continue
		}
		parent := path[depth-1]
		parent.children = append(parent.children, n)
	}
	return found
})

func parseLine(line string) (*node, error) {
	fields := strings.Split(line, "\t")
	if len(fields) < 2 {
		return nil, fmt.Errorf("line %q: too short", line)
	}
	n := &node{name: fields[0]}
	low, high, _ := strings.Cut(fields[1], "..")
	var err error
	if n.min, err = strconv.Atoi(low); err != nil {
		return nil, fmt.Errorf("line %q: %w", line, err)
	}
	if n.max, err = strconv.Atoi(high); err != nil {
		return nil, fmt.Errorf("line %q: %w", line, err)
	}
	if len(fields) > 2 {
		n.kind = fields[2]
		n.add(fields[3:])
	}
	return n, nil
}

func (n *node) add(fields []string) {
	for _, field := range fields {
		if name, found := strings.CutPrefix(field, "@"); found {
			n.attributes = append(n.attributes, parseAttribute(name))
			continue
		}
		name, value, _ := strings.Cut(field, "=")
		f := facet{name: name, value: value}
		switch name {
		case "enumeration":
			f.values = map[string]bool{}
			for _, v := range strings.Split(value, "|") {
				f.values[v] = true
			}
		case "pattern":
			f.pattern = regexp.MustCompile("^(?:" + value + ")$")
		}
		n.facets = append(n.facets, f)
	}
}

func parseAttribute(text string) attribute {
	name, values, fixed := strings.Cut(text, "=")
	a := attribute{name: strings.TrimSuffix(name, "!"), required: strings.HasSuffix(name, "!")}
	if fixed {
		a.values = strings.Split(values, "|")
	}
	return a
}
