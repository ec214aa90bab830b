package recent

import (
	"context"
	"sync"
	"time"
)

// Options of a Cache. Load is required.
type Options[K comparable, V any] struct {
	Load func(ctx context.Context, key K) (V, error)
	// For is the greatest age of a value that is given out; 0 means for ever.
	For time.Duration
	// Max bounds the number of values; when it is reached all are forgotten. 0 means 1,000.
	Max int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Cache is safe for concurrent use.
type Cache[K comparable, V any] struct {
	o Options[K, V]

	mu   sync.Mutex
	kept map[K]*entry[V]
}

type entry[V any] struct {
	at    time.Time     // when the load began
	ready chan struct{} // closed when value and err are set
	value V
	err   error
}

// New makes an empty cache.
func New[K comparable, V any](o Options[K, V]) *Cache[K, V] {
	if o.Max == 0 {
		o.Max = 1000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Cache[K, V]{o: o, kept: map[K]*entry[V]{}}
}

// Get gives the value of a key, loaded if need be. Errors are not kept.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (V, error) {
	e := c.entry(ctx, key)
	select {
	case <-e.ready:
		return e.value, e.err
	case <-ctx.Done():
		var none V
		return none, context.Cause(ctx)
	}
}

// Forget makes the next Get load anew.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, key)
}

func (c *Cache[K, V]) entry(ctx context.Context, key K) *entry[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.o.Now()
	if e, found := c.kept[key]; found && (c.o.For == 0 || now.Sub(e.at) < c.o.For) {
		return e
	}
	if len(c.kept) >= c.o.Max {
		clear(c.kept)
	}
	e := &entry[V]{at: now, ready: make(chan struct{})}
	c.kept[key] = e
	go c.fill(context.WithoutCancel(ctx), key, e) // others may wait for it when this caller has gone
	return e
}

func (c *Cache[K, V]) fill(ctx context.Context, key K, e *entry[V]) {
	defer close(e.ready)
	if e.value, e.err = c.o.Load(ctx, key); e.err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept[key] == e {
		delete(c.kept, key)
	}
}
