package rcv

import (
	"errors"
	"fmt"
	"strings"
)

// Reasons why a text is not read as a book at all.
var (
	ErrNotBook  = errors.New("rcv: not a file of the register of purchases and sales")
	ErrTooLarge = errors.New("rcv: file too large")
)

// maxBytes bounds a file: 100,000 rows of 250 bytes, which is more than a month of a large company.
const maxBytes = 32 << 20

// Sheet is a book as a file has it.
type Sheet struct {
	Book Book
	Rows []Row // each document once, in the order of the file
	// Faults are rows that could not be read; whoever shows the Rows shows these too.
	Faults []Fault
}

// Fault is a row that could not be read.
type Fault struct {
	Line   int    `json:"line"` // of the file, from 1
	Column string `json:"column"`
	Value  string `json:"value"`
	Reason string `json:"reason"` // Spanish
}

// Recognise tells whether a text begins as a book does.
func Recognise(text []byte) bool {
	_, err := newReader(decode(text[:min(len(text), 4096)]))
	return err == nil
}

// Read takes a file apart.
func Read(text []byte) (*Sheet, error) {
	if len(text) > maxBytes {
		return nil, ErrTooLarge
	}
	r, err := newReader(decode(text))
	if err != nil {
		return nil, err
	}
	for r.next() {
		r.row()
	}
	return &r.sheet, nil
}

// reader goes through a file line by line.
type reader struct {
	sheet     Sheet
	rest      string
	line      int
	separator byte
	columns   map[string]int // place of each known title
	fields    []string
	seen      map[Key]bool
}

// newReader reads the header, before which there may be empty lines and titles of the file's own.
func newReader(text string) (*reader, error) {
	r := &reader{rest: text, seen: map[Key]bool{}}
	for range 5 {
		line, ok := r.cut()
		if !ok {
			break
		}
		for _, separator := range separators {
			if r.header(split(line, separator)) {
				r.separator = separator
				return r, nil
			}
		}
	}
	return nil, ErrNotBook
}

// cut takes the next line.
func (r *reader) cut() (string, bool) {
	if r.rest == "" {
		return "", false
	}
	r.line++
	line, rest, _ := strings.Cut(r.rest, "\n")
	r.rest = rest
	return strings.TrimRight(line, "\r"), true
}

// next reads the fields of the next line that has some.
func (r *reader) next() bool {
	for {
		line, ok := r.cut()
		if !ok {
			return false
		}
		if strings.Trim(line, " \t;,\"\x00\x1a") != "" {
			r.fields = split(line, r.separator)
			return true
		}
	}
}

// header takes titles for those of a book, if they are.
func (r *reader) header(titles []string) bool {
	r.columns = map[string]int{}
	for i, title := range titles {
		name := plain(title)
		if other, ok := synonyms[name]; ok {
			name = other
		}
		if _, taken := r.columns[name]; !taken {
			r.columns[name] = i
		}
	}
	for _, needed := range []string{colType, colFolio, colDate, colTotal, colParty} {
		if !r.has(needed) {
			return false
		}
	}
	r.sheet.Book = r.book()
	return true
}

func (r *reader) has(column string) bool {
	_, ok := r.columns[column]
	return ok
}

// book tells the books apart by their columns (WEBSERVICES §10.3).
func (r *reader) book() Book {
	switch {
	case r.has(colSale):
		return Ventas
	case r.has(colClaimed) && !r.has(colReceipt):
		return Reclamado
	case !r.has(colReceipt):
		return Pendiente
	case r.has(colTobacco):
		return Registro
	}
	return NoIncluir
}

// get is a field of the row by its column.
func (r *reader) get(column string) string {
	i, ok := r.columns[column]
	if !ok || i >= len(r.fields) {
		return ""
	}
	return r.fields[i]
}

func (r *reader) fault(column, reason string) {
	value := r.get(column)
	if len(value) > 60 {
		value = strings.ToValidUTF8(value[:60], "") + "…"
	}
	r.sheet.Faults = append(r.sheet.Faults, Fault{Line: r.line, Column: titles[column], Value: value, Reason: reason})
}

// String is how a fault is logged.
func (f Fault) String() string { return fmt.Sprintf("línea %d, %s: %s", f.Line, f.Column, f.Reason) }
