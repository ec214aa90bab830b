package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FlushDelay is the longest that an appended record nobody waits for stays in
// memory.
const FlushDelay = 50 * time.Millisecond

// ErrClosed tells that the journal takes nothing any more.
var ErrClosed = errors.New("journal: closed")

// Snapshot gives the state whole. It must call take exactly once, with the
// records that rebuild the state or what forbids it, and append nothing to the
// journal until take has returned: so no record is lost between the state and
// what follows it.
type Snapshot func(take func([]Record, error))

// Options say how the journal behaves; all are needed.
type Options struct {
	Apply    func(Record) error // replays a record when opening
	Snapshot Snapshot
	MinSize  int64 // the file is not replaced while smaller
}

// Commit is the future of appended records.
type Commit struct {
	journal *Journal
	done    chan struct{}
	err     error
}

// Wait asks for the write, and answers when the records are on the disk.
func (c *Commit) Wait(ctx context.Context) error {
	c.journal.kick()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Journal is an open journal file. It is safe for concurrent use.
type Journal struct {
	path     string
	snapshot Snapshot
	minSize  int64
	kicks    chan struct{} // room for one: more would say the same
	stop     chan struct{}
	stopped  chan struct{}

	// Only the writing goroutine touches these.
	file *os.File
	size int64
	base int64 // size just after the last replacement

	mu     sync.Mutex
	buffer []byte
	next   *Commit
	err    error // the journal takes nothing after it
	closed bool
}

// Open replays the journal at path, cuts off a torn end, and goes on from there.
func Open(path string, o Options) (*Journal, error) {
	file, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	size, err := recoverFile(file, o.Apply)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open journal: %w", err), file.Close())
	}
	j := &Journal{
		path:     path,
		snapshot: o.Snapshot,
		minSize:  o.MinSize,
		kicks:    make(chan struct{}, 1),
		stop:     make(chan struct{}),
		stopped:  make(chan struct{}),
		file:     file,
		size:     size,
	}
	j.next = j.newCommit()
	go j.run()
	return j, nil
}

func recoverFile(file *os.File, apply func(Record) error) (int64, error) {
	size, err := Read(file, apply)
	if err != nil {
		return 0, err
	}
	if err := file.Truncate(size); err != nil {
		return 0, err
	}
	return size, errors.Join(file.Sync(), syncDir(file.Name()))
}

func (j *Journal) newCommit() *Commit {
	return &Commit{journal: j, done: make(chan struct{})}
}

// Append takes records into the journal in this order. They are safe when the
// Commit says so.
func (j *Journal) Append(records ...Record) *Commit {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.refused(j.err)
	}
	if len(j.buffer) == 0 {
		time.AfterFunc(FlushDelay, j.kick)
	}
	buffer, err := appendRecords(j.buffer, records)
	if err != nil {
		return j.refused(err)
	}
	j.buffer = buffer
	return j.next
}

func appendRecords(dst []byte, records []Record) ([]byte, error) {
	for _, record := range records {
		var err error
		if dst, err = AppendRecord(dst, record); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func (j *Journal) refused(err error) *Commit {
	c := j.newCommit()
	c.err = err
	close(c.done)
	return c
}

// Err answers what broke the journal, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Close writes what is left. The journal takes nothing more.
func (j *Journal) Close() error {
	if !j.refuse() {
		return nil
	}
	<-j.stopped
	return errors.Join(j.broken(), j.file.Close())
}

// refuse makes the journal take nothing more; it is true for the first caller.
func (j *Journal) refuse() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	j.closed = true
	if j.err == nil {
		j.err = ErrClosed
	}
	close(j.stop)
	return true
}

func (j *Journal) kick() {
	select {
	case j.kicks <- struct{}{}:
	default:
	}
}
