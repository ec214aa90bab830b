package outmail

import (
	"context"
	"sync"
	"time"
)

const (
	// atOnce bounds the mails to one server at a time in a process.
	atOnce = 2
	// restFor is how long a server that did not answer is left alone.
	restFor = 2 * time.Minute
	// maxLanes bounds what is remembered; beyond it all is forgotten.
	maxLanes = 10_000
)

// lanes keep servers apart, so that a slow or dead one takes nothing from the others.
type lanes struct {
	mu       sync.Mutex
	byServer map[string]*lane
}

// lane is the way to one server in the name of one user.
type lane struct {
	slots chan struct{}

	mu    sync.Mutex
	until time.Time
}

func (l *lanes) of(server string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.byServer[server]; ok {
		return found
	}
	if l.byServer == nil || len(l.byServer) >= maxLanes {
		l.byServer = map[string]*lane{}
	}
	made := &lane{slots: make(chan struct{}, atOnce)}
	l.byServer[server] = made
	return made
}

// enter waits for a slot; false if the server rests, or there is none in time.
func (l *lane) enter(ctx context.Context, now func() time.Time) bool {
	if l.rests(now()) {
		return false
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	if l.rests(now()) { // it failed while we waited
		<-l.slots
		return false
	}
	return true
}

func (l *lane) leave() { <-l.slots }

func (l *lane) rests(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.until)
}

func (l *lane) rest(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = until
}
