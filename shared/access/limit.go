package access

import (
	"sync"
	"time"
)

// maxBuckets bounds the credentials that are counted at a time.
const maxBuckets = 10_000

// limiter lets each credential have so many requests a second, in this process.
type limiter struct {
	perSecond, burst int
	now              func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
}

// bucket is what a credential may still take; whole is when it will be full again.
type bucket struct{ whole time.Time }

func newLimiter(perSecond, burst int, now func() time.Time) *limiter {
	return &limiter{perSecond: perSecond, burst: burst, now: now, buckets: map[string]bucket{}}
}

// take answers how long the credential must wait before its request is let in; 0 lets it in.
func (l *limiter) take(id string) time.Duration {
	if l.perSecond == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	each := time.Second / time.Duration(l.perSecond)
	whole := l.buckets[id].whole
	if whole.Before(now) {
		whole = now
	}
	whole = whole.Add(each)
	if wait := whole.Sub(now) - each*time.Duration(l.burst); wait > 0 {
		return wait
	}
	l.forgetFull(now)
	l.buckets[id] = bucket{whole}
	return 0
}

// forgetFull drops buckets that are as good as new, once there are many.
func (l *limiter) forgetFull(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for id, b := range l.buckets {
		if !b.whole.After(now) {
			delete(l.buckets, id)
		}
	}
}
