package depot

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// View is a folder as one IMAP session sees it: what changed meanwhile reaches it at its next Poll.
type View struct {
	*Folder
	tracker *imapserver.SessionTracker
}

// Open begins a View, which must be closed.
func (f *Folder) Open() *View {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &View{Folder: f, tracker: f.tracker.NewSession()}
}

// Close ends the View.
func (v *View) Close() { v.tracker.Close() }

// Poll tells the session what changed.
func (v *View) Poll(w *imapserver.UpdateWriter, expunge bool) error {
	return v.tracker.Poll(w, expunge)
}

// Idle tells the session what changes, until stop.
func (v *View) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	return v.tracker.Idle(w, stop)
}

func (v *View) session() *imapserver.SessionTracker {
	if v == nil {
		return nil
	}
	return v.tracker
}

// Seen is a mail with its number in the session; 0 if the session does not know of it yet.
type Seen struct {
	Number uint32
	Mail
}

// Pick lists mails of a set. "*" is the last mail there is.
func (v *View) Pick(set imap.NumSet) []Seen {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []Seen
	for i, m := range v.mails {
		s := Seen{v.tracker.EncodeSeqNum(uint32(i + 1)), m}
		if v.contains(set, s) {
			out = append(out, s)
		}
	}
	return out
}

// All lists all mails.
func (v *View) All() []Seen { return v.Pick(imap.UIDSet{imap.UIDRange{Start: 1, Stop: 0}}) }

// In tells whether a mail is in a set.
func (v *View) In(set imap.NumSet, s Seen) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.mails) > 0 && v.contains(set, s)
}

func (v *View) contains(set imap.NumSet, s Seen) bool {
	last := len(v.mails)
	switch set := set.(type) {
	case imap.SeqSet:
		return s.Number != 0 && slices.ContainsFunc(set, func(r imap.SeqRange) bool {
			return within(r.Start, r.Stop, v.tracker.EncodeSeqNum(uint32(last)), s.Number)
		})
	case imap.UIDSet:
		return slices.ContainsFunc(set, func(r imap.UIDRange) bool {
			return within(uint32(r.Start), uint32(r.Stop), v.mails[last-1].UID, s.UID)
		})
	}
	return false
}

// within reads 0 as "*" and a range in either direction.
func within(from, to, last, n uint32) bool {
	if from == 0 {
		from = last
	}
	if to == 0 {
		to = last
	}
	return min(from, to) <= n && n <= max(from, to)
}

func imapUID(uid uint32) imap.UID { return imap.UID(uid) }

func imapFlags(flags []string) []imap.Flag {
	out := make([]imap.Flag, len(flags))
	for i, f := range flags {
		out[i] = imap.Flag(f)
	}
	return out
}

// IMAPFlags are the flags in the words of go-imap.
func (m Mail) IMAPFlags() []imap.Flag { return imapFlags(m.Flags) }
