package exchange

import (
	"fmt"
	"strconv"
	"strings"

	"timbre/shared/format"
	"timbre/shared/xmldsig"
)

// findings are of the schema, for the file and for each document.
type findings struct {
	file      []format.Finding
	documents map[int][]format.Finding
	known     bool
}

func (s findings) of(f *File, i int) documentSchema {
	if f.Kind == AEC {
		return documentSchema{}
	}
	return documentSchema{found: s.documents[i], known: s.known}
}

type documentSchema struct {
	found []format.Finding
	known bool
}

// validate compares the file with its schema once, and parts what was found among its documents.
func (f *File) validate(checks *Checks) findings {
	root := f.schema()
	if root == nil {
		return findings{}
	}
	doc := f.doc
	if doc.Root().Space == "" {
		named, err := f.withNamespace()
		if err != nil {
			checks.add(CheckSchema, Fail, "el archivo no se puede leer con el espacio de nombres del SII")
			return findings{}
		}
		doc = named
	}
	out := findings{documents: map[int][]format.Finding{}, known: true}
	for _, found := range format.Validate(root, doc.Root(), "") {
		if i, path, ok := f.documentOf(found.Path); ok {
			found.Path = path
			out.documents[i] = append(out.documents[i], found)
			continue
		}
		out.file = append(out.file, found)
	}
	if f.Kind != DTE {
		addSchema(checks, out.file)
	}
	return out
}

// withNamespace reads a file without namespaces once more, as if its root declared the SII's: so many real documents
// leave it out that its lack alone says nothing about their schema.
func (f *File) withNamespace() (*xmldsig.Document, error) {
	root := f.doc.Root()
	at := len("<") + len(root.Local)
	source := root.Source()
	text := string(source[:at]) + ` xmlns="` + xmldsig.NamespaceSII + `"` + string(source[at:])
	return xmldsig.Parse([]byte(declarationOf(f.Encoding)+text), limits)
}

// declarationOf says how bytes without a declaration of their own are encoded.
func declarationOf(encoding string) string {
	return `<?xml version="1.0" encoding="` + encoding + `"?>`
}

// documentOf finds the document that a path leads into.
func (f *File) documentOf(path string) (int, string, bool) {
	if f.Kind == DTE {
		return 0, path, true
	}
	rest, inside := strings.CutPrefix(path, "SetDTE.DTE[")
	if !inside {
		return 0, "", false
	}
	number, rest, _ := strings.Cut(rest, "]")
	i, err := strconv.Atoi(number)
	return i, strings.TrimPrefix(rest, "."), err == nil && i < len(f.Documents)
}

// maxFindings is how many faults of the schema are told one by one.
const maxFindings = 20

func addSchema(checks *Checks, found []format.Finding) {
	if len(found) == 0 {
		checks.add(CheckSchema, Pass, "cumple el esquema")
		return
	}
	for i, finding := range found {
		if i == maxFindings {
			checks.add(CheckSchema, Fail, fmt.Sprintf("y otras %d diferencias con el esquema", len(found)-i))
			return
		}
		*checks = append(*checks, Check{CheckSchema, Fail, finding.Detail, finding.Path})
	}
}
