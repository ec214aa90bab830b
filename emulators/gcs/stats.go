package gcs

import (
	"maps"
	"sync"
)

// What Stats counts for a bucket beside the calls of each verb.
const (
	statCreated         = "created"          // writes of a name that did not exist
	statOverwritten     = "overwritten"      // writes over an object
	statPatched         = "patched"          // changes of metadata
	statDeleted         = "deleted"          // objects gone
	statRetained        = "retention_denied" // refused by the retention policy
	statConditionFailed = "condition_failed" // answered 412 or 304
	statRateLimited     = "rate_limited"     // answered 429
	statFaults          = "faults"           // made to go wrong by a dial
	statObjects         = "objects"          // live now; not a counter
)

// Stats counts per bucket: calls by verb, and what came of them. Calls about no
// bucket stand under "".
type Stats map[string]map[string]int64

// Get returns one number of a bucket.
func (s Stats) Get(bucket, name string) int64 { return s[bucket][name] }

type counters struct {
	mu sync.Mutex
	by Stats
}

func (c *counters) add(bucket, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[bucket] == nil {
		c.by[bucket] = make(map[string]int64)
	}
	c.by[bucket][name]++
}

func (c *counters) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(Stats, len(c.by))
	for bucket, numbers := range c.by {
		out[bucket] = maps.Clone(numbers)
	}
	return out
}

func (c *counters) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.by)
}
