package storetest

import (
	"context"
	"runtime"
	"sync"

	"timbre/shared/store"
)

// Life is what the parts of one process share, its buckets and what else the world sees of it: it dies at
// its n-th act, before or after that took effect. The goroutine that is in the act ends there, and so does
// each that comes after.
type Life struct {
	mu    sync.Mutex
	left  int
	after bool
	dead  bool
}

// NewLife is a process that does left acts; the one after them takes effect or not, and is its last.
func NewLife(left int, after bool) *Life { return &Life{left: left, after: after} }

// Step counts an act: whether it takes effect, and whether anybody lives to hear of it.
func (l *Life) Step() (done, alive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false, false
	}
	l.left--
	l.dead = l.left < 0
	return !l.dead || l.after, !l.dead
}

// Act does one thing that the world sees, or dies.
func (l *Life) Act(do func()) {
	done, alive := l.Step()
	if done {
		do()
	}
	if !alive {
		runtime.Goexit()
	}
}

// Dead tells whether the process died.
func (l *Life) Dead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// Kill ends whoever still runs in the process at its next act.
func (l *Life) Kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
}

// Run does something in the process to its end or the process's, and tells whether that died.
func (l *Life) Run(do func()) bool {
	ended := make(chan bool)
	go func() {
		defer close(ended)
		do()
	}()
	<-ended
	return l.Dead()
}

// Bucket is a driver as the process sees it.
func (l *Life) Bucket(d store.Driver) store.Driver { return mortal{d, l} }

type mortal struct {
	store.Driver
	*Life
}

func (m mortal) Read(ctx context.Context, name string) (store.Object, error) {
	m.breathe()
	return m.Driver.Read(ctx, name)
}

func (m mortal) List(ctx context.Context, q store.Query) (store.Page, error) {
	m.breathe()
	return m.Driver.List(ctx, q)
}

func (m mortal) Create(ctx context.Context, o store.Object) (int64, error) {
	return m.write(func() (int64, error) { return m.Driver.Create(ctx, o) })
}

func (m mortal) Replace(ctx context.Context, o store.Object) (int64, error) {
	return m.write(func() (int64, error) { return m.Driver.Replace(ctx, o) })
}

func (m mortal) Delete(ctx context.Context, name string, generation int64) error {
	_, err := m.write(func() (int64, error) { return 0, m.Driver.Delete(ctx, name, generation) })
	return err
}

func (m mortal) write(do func() (int64, error)) (int64, error) {
	var n int64
	var err error
	m.Act(func() { n, err = do() })
	return n, err
}

// breathe ends the goroutine of a dead process.
func (m mortal) breathe() {
	if m.Dead() {
		runtime.Goexit()
	}
}
