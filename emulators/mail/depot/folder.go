package depot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2/imapserver"

	"timbre/emulators/durable"
)

// Mail is what a folder knows of a mail without opening it.
type Mail struct {
	UID     uint32
	Arrived time.Time
	Size    int64
	Flags   []string // in order, without repeats
}

// Has tells whether a flag is set. Flags have no case.
func (m Mail) Has(flag string) bool {
	return slices.ContainsFunc(m.Flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

func (m Mail) fileName() string { return fmt.Sprintf("%010d-%d.eml", m.UID, m.Arrived.UnixNano()) }

// Folder is a numbered list of mails.
type Folder struct {
	Name string

	dir     string
	mu      sync.Mutex
	numbers numbers
	mails   []Mail // by UID
	tracker *imapserver.MailboxTracker
	closed  bool // nothing changes any more
}

// numbers is folder.json.
type numbers struct {
	Validity uint32 `json:"uid_validity"`
	Next     uint32 `json:"uid_next"` // at least; a mail that is there may be higher
}

func createFolder(dir, name string) (*Folder, error) {
	f := &Folder{Name: name, dir: dir, numbers: numbers{newValidity(0), 1}, tracker: imapserver.NewMailboxTracker(0)}
	if err := durable.Mkdir(dir); err != nil {
		return nil, err
	}
	return f, f.writeNumbers()
}

// newValidity is the time in seconds, as RFC 9051 §2.3.1.1 proposes, and higher than before.
func newValidity(old uint32) uint32 { return max(uint32(time.Now().Unix()), old+1) }

func (f *Folder) writeNumbers() error {
	return writeJSON(filepath.Join(f.dir, "folder.json"), f.numbers)
}

func loadFolder(dir, name string) (*Folder, error) {
	f := &Folder{Name: name, dir: dir}
	if err := readJSON(filepath.Join(dir, "folder.json"), &f.numbers); err != nil {
		return nil, err
	}
	names, err := durable.Clean(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".eml") {
			continue
		}
		m, err := f.loadMail(name)
		if err != nil {
			return nil, err
		}
		f.mails = append(f.mails, m)
		f.numbers.Next = max(f.numbers.Next, m.UID+1)
	}
	slices.SortFunc(f.mails, func(a, b Mail) int { return cmp.Compare(a.UID, b.UID) })
	f.tracker = imapserver.NewMailboxTracker(uint32(len(f.mails)))
	return f, f.removeOrphans(names)
}

// removeOrphans removes flags without a mail, which the next mail of that UID would inherit.
func (f *Folder) removeOrphans(names []string) error {
	for _, name := range names {
		var uid uint32
		if _, err := fmt.Sscanf(name, "%d.flags", &uid); err != nil || f.index(uid) >= 0 {
			continue
		}
		if err := durable.Remove(filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) loadMail(name string) (Mail, error) {
	var m Mail
	var arrived int64
	if _, err := fmt.Sscanf(name, "%d-%d.eml", &m.UID, &arrived); err != nil {
		return Mail{}, fmt.Errorf("open folder %s: file %q: %w", f.dir, name, err)
	}
	m.Arrived = time.Unix(0, arrived).UTC()
	info, err := os.Stat(filepath.Join(f.dir, name))
	if err != nil {
		return Mail{}, fmt.Errorf("open folder: %w", err)
	}
	m.Size = info.Size()
	if err := readJSON(f.flagsFile(m.UID), &m.Flags); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Mail{}, err
	}
	return m, nil
}

func (f *Folder) flagsFile(uid uint32) string {
	return filepath.Join(f.dir, fmt.Sprintf("%010d.flags", uid))
}

// Status is a folder in numbers.
type Status struct {
	UIDValidity uint32 `json:"uid_validity"`
	UIDNext     uint32 `json:"uid_next"`
	Messages    int    `json:"messages"`
	Unseen      int    `json:"unseen"`
	Size        int64  `json:"size"`
}

// Status counts.
func (f *Folder) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := Status{UIDValidity: f.numbers.Validity, UIDNext: f.numbers.Next, Messages: len(f.mails)}
	for _, m := range f.mails {
		s.Size += m.Size
		if !m.Has(`\Seen`) {
			s.Unseen++
		}
	}
	return s
}

// Mails lists all, by UID.
func (f *Folder) Mails() []Mail {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.mails)
}

// close waits for the change under way and forbids others.
func (f *Folder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}
