package store

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Memory is a bucket in memory, for tests. Retained forbids overwriting and deleting, as the archive does.
type Memory struct {
	Retained bool

	mu         sync.Mutex
	objects    map[string]Object
	generation int64
}

// NewMemory makes an empty bucket.
func NewMemory() *Memory { return &Memory{objects: map[string]Object{}} }

// Len is the number of objects.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.objects)
}

// Read implements Driver.
func (m *Memory) Read(ctx context.Context, name string) (Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, found := m.objects[name]
	if !found {
		return Object{}, ErrNotFound
	}
	o.Data = bytes.Clone(o.Data)
	return o, ctx.Err()
}

// Create implements Driver.
func (m *Memory) Create(ctx context.Context, o Object) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, found := m.objects[o.Name]; found {
		return 0, ErrExists
	}
	return m.put(ctx, o)
}

// Replace implements Driver.
func (m *Memory) Replace(ctx context.Context, o Object) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(o.Name, o.Generation); err != nil {
		return 0, err
	}
	return m.put(ctx, o)
}

// Delete implements Driver.
func (m *Memory) Delete(_ context.Context, name string, generation int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(name, generation); err != nil {
		return err
	}
	delete(m.objects, name)
	return nil
}

// List implements Driver.
func (m *Memory) List(ctx context.Context, q Query) (Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	var page Page
	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		entry := fold(name, q)
		if !strings.HasPrefix(name, q.Prefix) || name < q.Start || q.End != "" && name >= q.End || entry <= q.Token {
			continue
		}
		if len(page.Objects)+len(page.Prefixes) == limit {
			page.Next = last(page)
			break
		}
		page.add(name, entry, m.objects[name])
	}
	return page, ctx.Err()
}

func (p *Page) add(name, entry string, o Object) {
	if name == entry {
		o.Data = nil
		p.Objects = append(p.Objects, o)
		return
	}
	if n := len(p.Prefixes); n == 0 || p.Prefixes[n-1] != entry {
		p.Prefixes = append(p.Prefixes, entry)
	}
}

// fold is the name, or the prefix up to the delimiter under which a listing shows it.
func fold(name string, q Query) string {
	if q.Delimiter == "" || !strings.HasPrefix(name, q.Prefix) {
		return name
	}
	head, _, found := strings.Cut(name[len(q.Prefix):], q.Delimiter)
	if !found {
		return name
	}
	return q.Prefix + head + q.Delimiter
}

func last(p Page) string {
	var name string
	if n := len(p.Objects); n > 0 {
		name = p.Objects[n-1].Name
	}
	if n := len(p.Prefixes); n > 0 {
		name = max(name, p.Prefixes[n-1])
	}
	return name
}

func (m *Memory) check(name string, generation int64) error {
	o, found := m.objects[name]
	switch {
	case !found:
		return ErrNotFound
	case m.Retained:
		return ErrRetained
	case o.Generation != generation:
		return ErrChanged
	}
	return nil
}

func (m *Memory) put(ctx context.Context, o Object) (int64, error) {
	m.generation++
	o.Generation, o.Data, o.Meta = m.generation, bytes.Clone(o.Data), maps.Clone(o.Meta)
	m.objects[o.Name] = o
	return o.Generation, ctx.Err()
}
