package gcs

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// What the fuzz and property tests reach without a server.

// ParseMultipart returns the content that an upload carries.
func ParseMultipart(contentType string, r io.Reader) ([]byte, error) {
	up, err := parseMultipart(contentType, r)
	return up.content, err
}

// RewriteHeader reads a file's header and writes it again.
func RewriteHeader(file []byte) ([]byte, error) {
	a, _, err := readFileHeader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return fileHeader(a)
}

// Limiter is the limit of one write a second.
type Limiter struct{ l limiter }

func NewLimiter() *Limiter                              { return &Limiter{limiter{last: make(map[string]time.Time)}} }
func (l *Limiter) Allow(key string, now time.Time) bool { return l.l.allow(key, 1, now) }
func (l *Limiter) Len() int                             { return len(l.l.last) }

// Index is the ordered index of a bucket.
type Index struct{ x *index }

// NewIndex builds one from names, as a start does.
func NewIndex(names []string) Index {
	objects := make([]*object, len(names))
	for i, name := range names {
		objects[i] = &object{attrs: attrs{Name: name}}
	}
	return Index{newIndex(objects)}
}

func (i Index) Put(name string)      { i.x.put(&object{attrs: attrs{Name: name}}) }
func (i Index) Drop(name string)     { i.x.drop(name) }
func (i Index) Has(name string) bool { return i.x.get(name) != nil }
func (i Index) Len() int             { return i.x.size() }

// List returns the number of items on a page.
func (i Index) List(prefix, start string, limit int) int {
	return len(i.x.list(listing{prefix: prefix, start: start, max: limit}).items)
}

// Names returns all names in the order of the index.
func (i Index) Names() []string {
	var out []string
	i.x.ascend("", func(o *object) (string, bool) {
		out = append(out, o.Name)
		return "", true
	})
	return out
}

// FailAfter makes the next write of a bucket on disk fail after its file was
// renamed or removed, as where its directory cannot be flushed.
func (s *Server) FailAfter(name string) error {
	b, err := s.buckets.get(name)
	if err != nil {
		return err
	}
	b.shelf = &halting{shelf: b.shelf, armed: true}
	return nil
}

type halting struct {
	shelf
	armed bool
}

var errHalt = errors.New("the directory is not flushed")

func (h *halting) put(a attrs, content []byte) (body, error) {
	stored, err := h.shelf.put(a, content)
	return stored, errors.Join(err, h.halt())
}

func (h *halting) drop(name string) error { return errors.Join(h.shelf.drop(name), h.halt()) }

func (h *halting) halt() error {
	if !h.armed {
		return nil
	}
	h.armed = false
	return errHalt
}
