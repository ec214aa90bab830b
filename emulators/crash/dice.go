package crash

import (
	"math/rand/v2"
	"sync"
	"time"
)

// dice are a seeded source of chance for many.
type dice struct {
	mu  sync.Mutex
	rnd *rand.Rand
}

func newDice(seed uint64) *dice {
	return &dice{rnd: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // faults, not secrets
}

// below is a number from 0 to n-1.
func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rnd.IntN(n)
}

// chance is true with a probability.
func (d *dice) chance(p float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rnd.Float64() < p
}

// upTo is a time shorter than most.
func (d *dice) upTo(most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.rnd.Int64N(int64(most)))
}
