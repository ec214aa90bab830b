package depot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"timbre/emulators/durable"
)

// Deliver adds a mail and returns its UID. When it has returned, the mail survives a crash.
func (f *Folder) Deliver(raw []byte, arrived time.Time, flags ...string) (uint32, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, ErrClosed
	}
	m := Mail{UID: f.numbers.Next, Arrived: arrived.UTC(), Size: int64(len(raw))}
	m.set(flags)
	f.numbers.Next++ // also if it fails: the file may be there all the same
	if len(m.Flags) > 0 {
		if err := writeJSON(f.flagsFile(m.UID), m.Flags); err != nil {
			return 0, err
		}
	}
	if err := durable.WriteFile(filepath.Join(f.dir, m.fileName()), raw); err != nil {
		return 0, err
	}
	f.mails = append(f.mails, m)
	f.tracker.QueueNumMessages(uint32(len(f.mails)))
	return m.UID, nil
}

// Raw is the mail as it came.
func (f *Folder) Raw(uid uint32) ([]byte, error) {
	m, err := f.mail(uid)
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(f.dir, m.fileName()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("message %d: %w", uid, ErrNoMail)
	}
	return raw, err
}

func (f *Folder) mail(uid uint32) (Mail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.index(uid); i >= 0 {
		return f.mails[i], nil
	}
	return Mail{}, fmt.Errorf("message %d: %w", uid, ErrNoMail)
}

func (f *Folder) index(uid uint32) int {
	return slices.IndexFunc(f.mails, func(m Mail) bool { return m.UID == uid })
}

// set replaces the flags.
func (m *Mail) set(flags []string) {
	m.Flags = nil
	for _, flag := range flags {
		if !strings.EqualFold(flag, `\Recent`) && !m.Has(flag) {
			m.Flags = append(m.Flags, flag)
		}
	}
	slices.Sort(m.Flags)
}

// Flag changes the flags of a mail to what change makes of them. View, if not nil, is the session that
// asked and so needs not be told.
func (f *Folder) Flag(uid uint32, view *View, change func(old []string) []string) (Mail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return Mail{}, ErrClosed
	}
	i := f.index(uid)
	if i < 0 {
		return Mail{}, fmt.Errorf("message %d: %w", uid, ErrNoMail)
	}
	m := f.mails[i]
	m.set(change(slices.Clone(m.Flags)))
	if slices.Equal(m.Flags, f.mails[i].Flags) {
		return m, nil
	}
	if err := writeJSON(f.flagsFile(uid), m.Flags); err != nil {
		return Mail{}, err
	}
	f.mails[i] = m
	f.tracker.QueueMessageFlags(uint32(i+1), imapUID(uid), imapFlags(m.Flags), view.session())
	return m, nil
}

// Remove deletes the mails that match and returns how many there were.
func (f *Folder) Remove(match func(Mail) bool) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, ErrClosed
	}
	if !slices.ContainsFunc(f.mails, match) {
		return 0, nil
	}
	if err := f.writeNumbers(); err != nil { // so that no UID comes again
		return 0, err
	}
	removed := 0
	for i := len(f.mails) - 1; i >= 0; i-- {
		m := f.mails[i]
		if !match(m) {
			continue
		}
		if err := durable.Remove(filepath.Join(f.dir, m.fileName())); err != nil {
			return removed, err
		}
		if err := os.Remove(f.flagsFile(m.UID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("remove flags: %w", err)
		}
		f.mails = slices.Delete(f.mails, i, i+1)
		f.tracker.QueueExpunge(uint32(i + 1))
		removed++
	}
	return removed, nil
}

// Renumber gives the folder a new UIDVALIDITY, as after a restore from a backup; UIDs start again at 1.
// Sessions that have the folder open must open it anew.
func (f *Folder) Renumber() (Status, error) {
	f.mu.Lock()
	err := f.renumberLocked()
	f.mu.Unlock()
	return f.Status(), err
}

func (f *Folder) renumberLocked() error {
	f.numbers = numbers{Validity: newValidity(f.numbers.Validity), Next: uint32(len(f.mails) + 1)}
	if err := f.writeNumbers(); err != nil {
		return err
	}
	for i := range f.mails { // upwards: new numbers are never above the old ones, so none is taken
		old := f.mails[i]
		if f.mails[i].UID = uint32(i + 1); f.mails[i].UID == old.UID {
			continue
		}
		if err := os.Rename(filepath.Join(f.dir, old.fileName()), filepath.Join(f.dir, f.mails[i].fileName())); err != nil {
			return fmt.Errorf("renumber: %w", err)
		}
		if err := os.Rename(f.flagsFile(old.UID), f.flagsFile(uint32(i+1))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("renumber: %w", err)
		}
	}
	return nil
}
