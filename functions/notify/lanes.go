package notify

import (
	"context"
	"sync"
	"time"
)

const (
	// atOnce bounds the posts to one URL at a time in a process.
	atOnce = 4
	// restFor is how long a receiver that did not answer is left alone.
	restFor = 30 * time.Second
	// maxLanes bounds what is remembered; beyond it all is forgotten.
	maxLanes = 10_000
)

// lanes keep receivers apart, so that a slow or dead one takes nothing from the others.
type lanes struct {
	mu    sync.Mutex
	byURL map[string]*lane
}

// lane is the way to one receiver.
type lane struct {
	slots chan struct{}

	mu    sync.Mutex
	until time.Time
	why   error
}

func (l *lanes) of(url string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.byURL[url]; ok {
		return found
	}
	if l.byURL == nil || len(l.byURL) >= maxLanes {
		l.byURL = map[string]*lane{}
	}
	made := &lane{slots: make(chan struct{}, atOnce)}
	l.byURL[url] = made
	return made
}

// enter waits for a slot; false if there is none in time.
func (l *lane) enter(ctx context.Context, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case l.slots <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (l *lane) leave() { <-l.slots }

// resting tells why the receiver is left alone at a time; nil if it is not.
func (l *lane) resting(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.until) {
		return l.why
	}
	return nil
}

func (l *lane) rest(now time.Time, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until, l.why = now.Add(restFor), why
}

func (l *lane) awake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Time{}
}

// turns let one task of a subject run at a time in this process.
type turns struct {
	mu   sync.Mutex
	busy map[string]*turn
}

type turn struct {
	sync.Mutex
	users int // who has it or waits for it
}

// enter waits for the turn; leave must be called after it. Who has it is bounded by the timeouts of his posts.
func (t *turns) enter(subject string) (leave func()) {
	t.mu.Lock()
	if t.busy == nil {
		t.busy = map[string]*turn{}
	}
	mine, found := t.busy[subject]
	if !found {
		mine = &turn{}
		t.busy[subject] = mine
	}
	mine.users++
	t.mu.Unlock()
	mine.Lock()
	return func() {
		mine.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.busy, subject)
		}
	}
}
