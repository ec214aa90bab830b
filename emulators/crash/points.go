package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Point is a place where a process is killed: before a call leaves it, or after the call is done, so that
// the process never sees the answer. Names are "function before|after what", where what is the verb and the
// first part of the object's name ("create claims", "create archive dte"), or "upload" and "query" to the SII.
type Point struct {
	Function string
	After    bool
	What     string
}

func (p Point) String() string {
	phase := "before"
	if p.After {
		phase = "after"
	}
	return p.Function + " " + phase + " " + p.What
}

// writes are the calls of each function that a death may come before or after.
var writes = map[string][]string{
	"generate-sign": {
		"create due", "create claims", "create req", "create archive dte", "create outbox", "create doc",
		"create freed", "replace claims", "delete freed", "replace marks", "delete due",
	},
	"send": {
		"create envelopes", "replace doc", "create archive envelopes", "replace envelopes", "upload", "create due",
		"create archive evidence", "delete outbox", "delete due", "query",
	},
	"poll-status": {
		"query", "replace envelopes", "create archive evidence", "create due", "replace doc", "delete due",
	},
}

// Points are all named points, or those of them that are asked for.
func Points(only []string) ([]Point, error) {
	var all []Point
	for _, function := range slices.Sorted(maps.Keys(writes)) {
		for _, what := range writes[function] {
			all = append(all, Point{function, false, what}, Point{function, true, what})
		}
	}
	if len(only) == 0 {
		return all, nil
	}
	var chosen []Point
	for _, name := range only {
		n := slices.IndexFunc(all, func(p Point) bool { return p.String() == strings.TrimSpace(name) })
		if n < 0 {
			return nil, fmt.Errorf("crash: no point %q", name)
		}
		chosen = append(chosen, all[n])
	}
	return chosen, nil
}

// killer decides who dies where. A point is armed; the next process that comes there dies, or one of the
// next ones.
type killer struct {
	points []Point
	dice   *dice

	mu    sync.Mutex
	over  bool
	armed map[Point]int // how many pass before one dies
	hits  map[Point]int
}

func newKiller(points []Point, d *dice) *killer {
	return &killer{points: points, dice: d, armed: map[Point]int{}, hits: map[Point]int{}}
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
	if len(least) > 0 {
		k.armed[least[k.dice.below(len(least))]] = k.dice.below(3)
	}
}

// strikes tells whether the process that is here now dies.
func (k *killer) strikes(p Point) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	left, armed := k.armed[p]
	if !armed || k.over {
		return false
	}
	if left > 0 {
		k.armed[p]--
		return false
	}
	delete(k.armed, p)
	k.hits[p]++
	return true
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

// counts are the hits of each point.
func (k *killer) counts() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := map[string]int{}
	for _, p := range k.points {
		all[p.String()] = k.hits[p]
	}
	return all
}
