package send

import (
	"sync"
	"time"

	"timbre/shared/dispatch"
	"timbre/shared/store"
)

// lines lets one run of a chain go on at a time in this process.
type lines struct {
	mu      sync.Mutex
	running map[dispatch.Chain]bool      // true: look again at the end
	numbers map[dispatch.Chain]int64     // of a plan that exists
	minded  map[store.EnvelopeID]bool    // parked ones, apart from the chain's run
	watched map[dispatch.Chain]time.Time // when the age of what waits was looked at
}

func newLines() *lines {
	return &lines{
		running: map[dispatch.Chain]bool{}, numbers: map[dispatch.Chain]int64{},
		minded:  map[store.EnvelopeID]bool{},
		watched: map[dispatch.Chain]time.Time{},
	}
}

// enter takes the line, or makes the run that holds it look once more.
func (l *lines) enter(c dispatch.Chain) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, running := l.running[c]; running {
		l.running[c] = true
		return false
	}
	l.running[c] = false
	return true
}

// done gives the line up, unless somebody came meanwhile.
func (l *lines) done(c dispatch.Chain) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[c] {
		l.running[c] = false
		return false
	}
	delete(l.running, c)
	return true
}

// leave gives the line up.
func (l *lines) leave(c dispatch.Chain) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, c)
}

func (l *lines) last(c dispatch.Chain) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.numbers[c]
}

func (l *lines) saw(c dispatch.Chain, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.numbers[c] = max(l.numbers[c], n)
}

// mind takes a parked envelope; false if somebody minds it here already.
func (l *lines) mind(id store.EnvelopeID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.minded[id]
	l.minded[id] = true
	return !taken
}

func (l *lines) unmind(id store.EnvelopeID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.minded, id)
}

// watch tells whether the age of what waits in a chain is to be looked at now: once a minute.
func (l *lines) watch(c dispatch.Chain, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.watched[c]) < time.Minute {
		return false
	}
	l.watched[c] = now
	return true
}
