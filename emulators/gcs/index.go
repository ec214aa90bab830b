package gcs

import (
	"slices"
	"sort"
	"strings"
	"sync"
)

// object is one live object: what listings show, and where its bytes are.
type object struct {
	attrs
	body body
}

// index keeps objects in the order of their names, in sorted chunks, so that an
// insert moves few of them and a listing opens no file.
type index struct {
	mu     sync.RWMutex
	chunks [][]*object // none is empty
	count  int
}

const chunkSize = 512

func newIndex(objects []*object) *index {
	slices.SortFunc(objects, func(a, b *object) int { return strings.Compare(a.Name, b.Name) })
	x := &index{count: len(objects)}
	for part := range slices.Chunk(objects, chunkSize/2) {
		x.chunks = append(x.chunks, slices.Clone(part))
	}
	return x
}

// find returns the chunk and the place in it of the first object whose name is
// not below name.
func (x *index) find(name string) (int, int) {
	c := sort.Search(len(x.chunks), func(i int) bool {
		part := x.chunks[i]
		return part[len(part)-1].Name >= name
	})
	if c == len(x.chunks) {
		return c, 0
	}
	part := x.chunks[c]
	return c, sort.Search(len(part), func(i int) bool { return part[i].Name >= name })
}

func (x *index) get(name string) *object {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c, i := x.find(name)
	if c < len(x.chunks) && x.chunks[c][i].Name == name {
		return x.chunks[c][i]
	}
	return nil
}

func (x *index) put(o *object) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c, i := x.find(o.Name)
	if c < len(x.chunks) && x.chunks[c][i].Name == o.Name {
		x.chunks[c][i] = o
		return
	}
	x.count++
	if len(x.chunks) == 0 {
		x.chunks = [][]*object{{o}}
		return
	}
	if c == len(x.chunks) {
		c, i = c-1, len(x.chunks[c-1])
	}
	x.chunks[c] = slices.Insert(x.chunks[c], i, o)
	x.split(c)
}

func (x *index) split(c int) {
	part := x.chunks[c]
	if len(part) <= chunkSize {
		return
	}
	half := len(part) / 2
	right := slices.Clone(part[half:])
	clear(part[half:])
	x.chunks[c] = part[:half]
	x.chunks = slices.Insert(x.chunks, c+1, right)
}

func (x *index) drop(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	c, i := x.find(name)
	if c == len(x.chunks) || x.chunks[c][i].Name != name {
		return
	}
	x.count--
	x.chunks[c] = slices.Delete(x.chunks[c], i, i+1)
	if len(x.chunks[c]) == 0 {
		x.chunks = slices.Delete(x.chunks, c, c+1)
	}
}

func (x *index) size() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.count
}

// ascend calls visit with each object from start on. visit may name a later place
// to go on from, and says whether to go on at all.
func (x *index) ascend(start string, visit func(*object) (string, bool)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c, i := x.find(start)
	for c < len(x.chunks) {
		seek, more := visit(x.chunks[c][i])
		if !more {
			return
		}
		if seek != "" {
			c, i = x.find(seek)
			continue
		}
		if i++; i == len(x.chunks[c]) {
			c, i = c+1, 0
		}
	}
}
