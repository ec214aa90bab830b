package sii

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// The defaults of Options.
const (
	defaultOpenAfter  = 5
	defaultOpenFor    = 15 * time.Second
	defaultDrainEvery = time.Second
	// maxOpenFor bounds how long a host is left alone between two probes.
	maxOpenFor = 2 * time.Minute
	// maxDrain bounds how long uploads keep their distance after an outage.
	maxDrain = time.Hour
)

// circuits keep a host of the SII from being asked while it is down, and from being flooded when it is back.
// They are of this process alone: an instance more or less asks a host that is down once more.
type circuits struct {
	now        func() time.Time
	openAfter  int
	openFor    time.Duration
	drainEvery time.Duration

	mu    sync.Mutex
	hosts map[string]*circuit
}

func newCircuits(now func() time.Time, o Options) *circuits {
	c := &circuits{now: now, openAfter: o.OpenAfter, openFor: o.OpenFor, drainEvery: o.DrainEvery, hosts: map[string]*circuit{}}
	if c.openAfter <= 0 {
		c.openAfter = defaultOpenAfter
	}
	if c.openFor <= 0 {
		c.openFor = defaultOpenFor
	}
	if c.drainEvery <= 0 {
		c.drainEvery = defaultDrainEvery
	}
	return c
}

func (c *circuits) of(host string) *circuit {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts[host] == nil {
		c.hosts[host] = &circuit{circuits: c}
	}
	return c.hosts[host]
}

// circuit is that of one host: closed while failures < openAfter; else open until a time, after which one
// caller at a time probes.
type circuit struct {
	*circuits

	mu       sync.Mutex
	failures int
	since    time.Time // of the outage
	until    time.Time // when the next probe may go
	pause    time.Duration
	probing  bool

	drainUntil time.Time // uploads keep their distance until then
	next       time.Time // turn of an upload
}

func (c *circuit) open() bool { return c.failures >= c.openAfter }

// resting is why nobody may ask now; nil if somebody may.
func (c *circuit) resting() error {
	if c.open() && (c.probing || c.now().Before(c.until)) {
		return fmt.Errorf("%w: %w", ErrUnavailable, ErrResting)
	}
	return nil
}

// ready tells whether a call would be let through.
func (c *circuit) ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resting()
}

// enter lets a call through; with an open circuit it is the probe.
func (c *circuit) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.resting(); err != nil {
		return err
	}
	c.probing = c.open()
	return nil
}

// leave takes back a call that says nothing about the host.
func (c *circuit) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}

func (c *circuit) failed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
	if c.failures == 0 {
		c.since = c.now()
	}
	c.failures++
	if !c.open() || c.now().Before(c.until) { // open already: a call that was under way
		return
	}
	c.pause = min(max(c.openFor, 2*c.pause), maxOpenFor)
	c.until = c.now().Add(c.pause)
}

// worked closes the circuit; after an outage uploads keep their distance for as long as it took.
func (c *circuit) worked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open() {
		c.drainUntil = c.now().Add(min(c.now().Sub(c.since), maxDrain))
	}
	c.failures, c.probing, c.pause = 0, false, 0
}

// turn waits until an upload may go.
func (c *circuit) turn(ctx context.Context) error {
	timer := time.NewTimer(c.reserve())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: wait for a turn: %w", ErrUnavailable, context.Cause(ctx))
	case <-timer.C:
		return nil
	}
}

// reserve takes the next turn and tells how far off it is.
func (c *circuit) reserve() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !now.Before(c.drainUntil) {
		return 0
	}
	if c.next.Before(now) {
		c.next = now
	}
	wait := c.next.Sub(now)
	c.next = c.next.Add(c.drainEvery)
	return wait
}
