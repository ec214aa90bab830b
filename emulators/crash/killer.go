package crash

import (
	"sync"
	"time"
)

// fate is what happens to who comes to an armed point: it dies, or its call is held up.
type fate struct {
	pass int // so many get through before
	hold time.Duration
}

// killer decides who dies where. A point is armed; the next process that comes there dies, or one of the
// next ones.
type killer struct {
	points   []Point
	dice     *dice
	holds    float64
	holdMost time.Duration

	mu    sync.Mutex
	over  bool
	armed map[Point]fate
	hits  map[Point]int // deaths
	held  int
}

func newKiller(points []Point, d *dice, o Options) *killer {
	return &killer{
		points: points, dice: d, holds: o.Holds, holdMost: o.HoldMost, armed: map[Point]fate{}, hits: map[Point]int{},
	}
}

// maxArmed bounds the points that wait for somebody.
const maxArmed = 12

// arm chooses one of the points that were hit least.
func (k *killer) arm() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.armed) >= maxArmed {
		for p := range k.armed { // one that nobody comes to makes room
			delete(k.armed, p)
			break
		}
	}
	least := k.leastHit()
	if len(least) == 0 {
		return
	}
	f := fate{pass: k.dice.below(3)}
	if k.dice.chance(k.holds) {
		f.hold = k.holdMost/4 + k.dice.upTo(k.holdMost*3/4)
	}
	k.armed[least[k.dice.below(len(least))]] = f
}

// leastHit are the points with the fewest deaths that are not armed.
func (k *killer) leastHit() []Point {
	var least []Point
	for _, p := range k.points {
		if _, armed := k.armed[p]; armed {
			continue
		}
		if len(least) > 0 && k.hits[p] < k.hits[least[0]] {
			least = nil
		}
		if len(least) == 0 || k.hits[p] == k.hits[least[0]] {
			least = append(least, p)
		}
	}
	return least
}

// meet tells what happens to the process that is here now: whether it dies, or how long it is held up.
func (k *killer) meet(p Point) (bool, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f, armed := k.armed[p]
	switch {
	case !armed || k.over:
		return false, 0
	case f.pass > 0:
		f.pass--
		k.armed[p] = f
		return false, 0
	}
	delete(k.armed, p)
	if f.hold > 0 {
		k.held++
		return false, f.hold
	}
	k.hits[p]++
	return true, 0
}

// stop lets everybody live from now on.
func (k *killer) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
}

// least is how often the point that was hit least was hit.
func (k *killer) least() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	fewest := -1
	for _, p := range k.points {
		if fewest < 0 || k.hits[p] < fewest {
			fewest = k.hits[p]
		}
	}
	return fewest
}

// holdUps counts the calls that were held up.
func (k *killer) holdUps() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held
}

// counts are the deaths at each point.
func (k *killer) counts() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := map[string]int{}
	for _, p := range k.points {
		all[p.String()] = k.hits[p]
	}
	return all
}
