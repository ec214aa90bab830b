package gcs

import (
	"sync"
	"time"
)

// limiter remembers when each name was last written: Cloud Storage allows one
// object about one write a second.
type limiter struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const limiterRoom = 10_000

// allow reports whether a write to key may happen now, and if so notes it.
func (l *limiter) allow(key string, perSecond float64, now time.Time) bool {
	if perSecond <= 0 {
		return true
	}
	pause := time.Duration(float64(time.Second) / perSecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.last[key]; ok && now.Sub(last) < pause {
		return false
	}
	l.forget(now.Add(-pause))
	l.last[key] = now
	return true
}

func (l *limiter) forget(before time.Time) {
	if len(l.last) < limiterRoom {
		return
	}
	for key, at := range l.last {
		if at.Before(before) {
			delete(l.last, key)
		}
	}
}
