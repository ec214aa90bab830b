package generatesign

import (
	"context"
	"errors"
	"sync"
	"time"

	"timbre/shared/problem"
	"timbre/shared/store"
)

// turnPatience is how long a repeat waits for the request with the same key that is still running.
const turnPatience = 10 * time.Second

// turn is what only one request of a process works on at a time. Between processes the buckets decide.
type turn struct {
	store.Company
	key store.RequestKey
}

type turns struct {
	mu   sync.Mutex
	busy map[turn]chan struct{}
}

// enter waits for the turn; leave must be called after it.
func (t *turns) enter(ctx context.Context, key turn) (func(), error) {
	patience := time.NewTimer(turnPatience)
	defer patience.Stop()
	for {
		done, mine := t.take(key)
		if mine {
			return func() { t.leave(key) }, nil
		}
		select {
		case <-done:
		case <-patience.C:
			return nil, &problem.Error{Code: problem.RequestInProgress, RetryAfter: time.Second}
		case <-ctx.Done():
			return nil, unavailable(errors.Join(errors.New("wait for the same request"), context.Cause(ctx)))
		}
	}
}

func (t *turns) take(key turn) (<-chan struct{}, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if done, busy := t.busy[key]; busy {
		return done, false
	}
	if t.busy == nil {
		t.busy = map[turn]chan struct{}{}
	}
	t.busy[key] = make(chan struct{})
	return nil, true
}

func (t *turns) leave(key turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.busy[key])
	delete(t.busy, key)
}
