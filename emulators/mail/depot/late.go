package depot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"timbre/emulators/durable"
)

// lateMails are those that were accepted but arrive later. They lie on disk meanwhile; a crash at the
// moment of arrival may double one.
type lateMails struct {
	mu      sync.Mutex
	stopped bool
	count   int
	failed  error
	timers  map[string]*time.Timer
	running sync.WaitGroup
}

func newLateMails() *lateMails { return &lateMails{timers: map[string]*time.Timer{}} }

// DeliverLate accepts a mail for the INBOX of an account that arrives after a delay.
func (d *Depot) DeliverLate(a *Account, raw []byte, after time.Duration) error {
	d.late.mu.Lock()
	d.late.count++
	name := fmt.Sprintf("%d-%d.eml", time.Now().Add(after).UnixNano(), d.late.count)
	d.late.mu.Unlock()
	path := filepath.Join(a.dir, lateFolder, name)
	if err := durable.WriteFile(path, raw); err != nil {
		return err
	}
	d.schedule(a, path, after)
	return nil
}

// Late is how many mails still wait, and the error of the last that could not arrive.
func (d *Depot) Late() (int, error) {
	d.late.mu.Lock()
	defer d.late.mu.Unlock()
	return len(d.late.timers), d.late.failed
}

func (d *Depot) schedule(a *Account, path string, after time.Duration) {
	d.late.mu.Lock()
	defer d.late.mu.Unlock()
	if d.late.stopped {
		return
	}
	d.late.running.Add(1)
	d.late.timers[path] = time.AfterFunc(after, func() {
		defer d.late.running.Done()
		err := arrive(a, path)
		d.late.mu.Lock()
		defer d.late.mu.Unlock()
		delete(d.late.timers, path)
		if err != nil {
			d.late.failed = err
		}
	})
}

func arrive(a *Account, path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("late delivery: %w", err)
	}
	inbox, err := a.Folder(Inbox)
	if err != nil {
		return err
	}
	if _, err := inbox.Deliver(raw, time.Now()); err != nil {
		return err
	}
	return durable.Remove(path)
}

// resumeLate schedules what waited when the depot was closed.
func (d *Depot) resumeLate(a *Account) error {
	dir := filepath.Join(a.dir, lateFolder)
	names, err := durable.Clean(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		var due int64
		if _, err := fmt.Sscanf(name, "%d-", &due); err != nil || !strings.HasSuffix(name, ".eml") {
			return fmt.Errorf("late delivery: file %q", name)
		}
		d.schedule(a, filepath.Join(dir, name), time.Until(time.Unix(0, due)))
	}
	return nil
}

// stop waits for deliveries under way.
func (l *lateMails) stop() {
	l.mu.Lock()
	l.stopped = true
	for _, t := range l.timers {
		if t.Stop() {
			l.running.Done()
		}
	}
	l.mu.Unlock()
	l.running.Wait()
}
