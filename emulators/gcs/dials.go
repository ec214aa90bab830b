package gcs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Dials make the emulator as slow, narrow or faulty as a test wants it. The zero
// value is fast and sound.
type Dials struct {
	Latency         Duration `json:"latency"`           // before each call
	WritesPerSecond float64  `json:"writes_per_second"` // to one object name, burst 1; 0: no limit. Cloud Storage: 1
	FailBefore      Fault    `json:"fail_before"`       // 503, nothing applied
	FailAfter       Fault    `json:"fail_after"`        // 503 though applied; writes only
	DropAfter       Fault    `json:"drop_after"`        // applied, then the connection breaks; writes only
}

// Fault says which calls go wrong: the next so many that match, and each
// matching one with a probability.
type Fault struct {
	Next        int     `json:"next"`
	Probability float64 `json:"probability"`
	Verb        string  `json:"verb,omitempty"`   // insert, patch, delete, get, read, list; empty: the writes
	Bucket      string  `json:"bucket,omitempty"` // empty: any
	Prefix      string  `json:"prefix,omitempty"` // of the object's name
}

// Duration is a time.Duration written as text ("30ms") in JSON.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

func (f *Fault) matches(c *call) bool {
	if f.Verb == "" && !c.writes() || f.Verb != "" && f.Verb != c.verb {
		return false
	}
	return (f.Bucket == "" || f.Bucket == c.bucket) && strings.HasPrefix(c.object, f.Prefix)
}

// strikes decides about one call and uses up Next.
func (f *Fault) strikes(c *call, rnd *rand.Rand) bool {
	if f.Next == 0 && f.Probability == 0 || !f.matches(c) {
		return false
	}
	if f.Next > 0 {
		f.Next--
		return true
	}
	return rnd.Float64() < f.Probability
}

func (d *Dials) validate() error {
	if d.Latency < 0 || d.WritesPerSecond < 0 {
		return fmt.Errorf("dials: latency and writes_per_second are not negative")
	}
	for _, f := range []Fault{d.FailBefore, d.FailAfter, d.DropAfter} {
		if f.Next < 0 || f.Probability < 0 || f.Probability > 1 {
			return fmt.Errorf("dials: next is not negative, probability lies between 0 and 1")
		}
	}
	return nil
}

// panel holds the dials while the server runs.
type panel struct {
	mu    sync.Mutex
	dials Dials
	rnd   *rand.Rand
}

func newPanel(d Dials, seed uint64) (*panel, error) {
	return &panel{dials: d, rnd: rand.New(rand.NewPCG(seed, 0))}, d.validate() //nolint:gosec // faults, not secrets
}

func (p *panel) get() Dials {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

func (p *panel) set(d Dials) error {
	if err := d.validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials = d
	return nil
}

// merge changes the dials that text names and leaves the others.
func (p *panel) merge(dec *json.Decoder) (Dials, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.dials
	if err := dec.Decode(&next); err != nil {
		return Dials{}, fmt.Errorf("dials: %w", err)
	}
	if err := next.validate(); err != nil {
		return Dials{}, err
	}
	p.dials = next
	return next, nil
}

func (p *panel) failsBefore(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials.FailBefore.strikes(c, p.rnd)
}

func (p *panel) failsAfter(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials.FailAfter.strikes(c, p.rnd)
}

func (p *panel) dropsAfter(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials.DropAfter.strikes(c, p.rnd)
}
