package serve

import (
	"context"
	"errors"
	"sync"
)

var errUnfinished = errors.New("serve: requests were still running")

// flight counts the requests in flight.
type flight struct {
	mu       sync.Mutex
	count    int
	draining bool
	empty    chan struct{} // closed when draining and nothing runs
}

func newFlight() *flight { return &flight{empty: make(chan struct{})} }

// enter admits a request; false while draining.
func (f *flight) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.draining {
		return false
	}
	f.count++
	return true
}

func (f *flight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count--
	if f.draining && f.count == 0 {
		close(f.empty)
	}
}

// drain admits nothing more and waits until nothing runs.
func (f *flight) drain(ctx context.Context) error {
	f.mu.Lock()
	if !f.draining {
		f.draining = true
		if f.count == 0 {
			close(f.empty)
		}
	}
	f.mu.Unlock()
	select {
	case <-f.empty:
		return nil
	case <-ctx.Done():
		return errUnfinished
	}
}
