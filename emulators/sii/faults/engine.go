package faults

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// mercy is how many calls in a row a profile may spoil.
const mercy = 4

// Engine draws faults.
type Engine struct {
	mu      sync.Mutex
	profile string
	seed    uint64
	rules   []*Rule // given rules first, then those of the profile
	given   int     // rules that were ever given
	calls   map[string]int
	row     map[string]int // spoilt in a row
	counts  map[string]int // by fault
}

// Status is what the control API tells.
type Status struct {
	Profile string         `json:"profile"`
	Seed    uint64         `json:"seed"`
	Rules   []Rule         `json:"rules"`
	Counts  map[string]int `json:"counts"` // hits by fault, since the start
}

// New makes an engine; the empty profile is calm.
func New(profile string, seed uint64) (*Engine, error) {
	e := &Engine{counts: map[string]int{}}
	_, err := e.SetProfile(profile, seed)
	return e, err
}

// SetProfile puts a profile in place of every rule and starts the draws anew. It
// returns by how much the SII's clock is wrong from now on.
func (e *Engine) SetProfile(name string, seed uint64) (time.Duration, error) {
	if name == "" {
		name = "calm"
	}
	p, known := Profiles[name]
	if !known {
		return 0, fmt.Errorf("%w: unknown profile %q, want one of %v", ErrRule, name, slices.Sorted(maps.Keys(Profiles)))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.profile, e.seed, e.rules = name, seed, nil
	e.calls, e.row = map[string]int{}, map[string]int{}
	for i, r := range p.Rules {
		r.profile, r.id = true, "p"+strconv.Itoa(i)
		e.rules = append(e.rules, &r)
	}
	return time.Duration((2*e.roll("skew") - 1) * float64(p.Skew)), nil
}

// Add puts a rule behind the other given ones and before the profile's.
func (e *Engine) Add(r Rule) error {
	if err := r.check(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.given++
	r.id = "g" + strconv.Itoa(e.given)
	at := slices.IndexFunc(e.rules, func(r *Rule) bool { return r.profile })
	if at < 0 {
		at = len(e.rules)
	}
	e.rules = slices.Insert(e.rules, at, &r)
	return nil
}

// Once checks and counts a fault that the caller makes happen now.
func (e *Engine) Once(r Rule) error {
	if err := r.check(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts[r.Fault]++
	return nil
}

// Status reports rules and counters.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Status{Profile: e.profile, Seed: e.seed, Rules: []Rule{}, Counts: maps.Clone(e.counts)}
	for _, r := range e.rules {
		s.Rules = append(s.Rules, *r)
	}
	return s
}

// Draw decides about one call, or about one envelope or mail that key names.
func (e *Engine) Draw(op, host, key string) (Rule, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	subject := op + "/" + key
	e.calls[subject]++
	n := strconv.Itoa(e.calls[subject])
	for _, r := range e.rules {
		if !r.meets(op, host) || e.roll(subject, n, r.id, r.Fault) >= r.Probability {
			continue
		}
		if r.profile && e.row[subject] >= mercy && !slices.Contains(harmless, r.Fault) {
			continue
		}
		e.hit(r, subject)
		return *r, true
	}
	delete(e.row, subject)
	return Rule{}, false
}

func (e *Engine) hit(r *Rule, subject string) {
	r.Hits++
	e.counts[r.Fault]++
	if slices.Contains(harmless, r.Fault) {
		delete(e.row, subject)
		return
	}
	e.row[subject]++
}

// roll draws from [0, 1) by the seed and what the draw is about.
func (e *Engine) roll(about ...string) float64 {
	h := fnv.New64a()
	var seed [8]byte
	binary.LittleEndian.PutUint64(seed[:], e.seed)
	h.Write(seed[:])
	for _, a := range about {
		h.Write([]byte(a))
		h.Write([]byte{0})
	}
	// FNV mixes its last bytes badly: finish as splitmix64 does.
	v := h.Sum64()
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	v ^= v >> 31
	return float64(v>>11) / (1 << 53)
}
