package mail

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-message/textproto"

	"timbre/emulators/mail/depot"
)

// Expunge implements imapserver.Session.
func (s *session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if s.readOnly {
		return nil // CLOSE after EXAMINE removes nothing
	}
	_, err := s.view.Remove(func(m depot.Mail) bool {
		return m.Has(`\Deleted`) && (uids == nil || uids.Contains(imap.UID(m.UID)))
	})
	return err // the session hears of it by its next Poll
}

// Store implements imapserver.Session.
func (s *session) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, _ *imap.StoreOptions) error {
	if s.readOnly {
		return no("", "the folder is open for reading only")
	}
	for _, m := range s.view.Pick(set) {
		after, err := s.view.Flag(m.UID, s.view, func(old []string) []string { return changed(old, flags) })
		if errors.Is(err, depot.ErrNoMail) {
			continue
		}
		if err != nil {
			return err
		}
		if flags.Silent {
			continue
		}
		if err := writeFlags(w, m.Number, after); err != nil {
			return err
		}
	}
	return nil
}

func writeFlags(w *imapserver.FetchWriter, number uint32, m depot.Mail) error {
	out := w.CreateMessage(number)
	out.WriteUID(imap.UID(m.UID))
	out.WriteFlags(m.IMAPFlags())
	return out.Close()
}

func changed(old []string, by *imap.StoreFlags) []string {
	given := words(by.Flags)
	switch by.Op {
	case imap.StoreFlagsAdd:
		return append(old, given...)
	case imap.StoreFlagsDel:
		return slices.DeleteFunc(old, func(f string) bool {
			return slices.ContainsFunc(given, func(g string) bool { return strings.EqualFold(f, g) })
		})
	case imap.StoreFlagsSet:
	}
	return given
}

// Fetch implements imapserver.Session.
func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	for _, m := range s.view.Pick(set) {
		raw, err := s.view.Raw(m.UID)
		if errors.Is(err, depot.ErrNoMail) {
			continue // removed meanwhile; the session hears of it by its next Poll
		}
		if err != nil {
			return err
		}
		if err := s.see(&m, options); err != nil {
			return err
		}
		if err := s.write(w.CreateMessage(m.Number), m.Mail, raw, options); err != nil {
			return err
		}
	}
	return nil
}

// see sets \Seen where a mail is read without PEEK.
func (s *session) see(m *depot.Seen, options *imap.FetchOptions) error {
	read := slices.ContainsFunc(options.BodySection, func(b *imap.FetchItemBodySection) bool { return !b.Peek })
	if !read || s.readOnly || m.Has(`\Seen`) {
		return nil
	}
	after, err := s.view.Flag(m.UID, nil, func(old []string) []string { return append(old, `\Seen`) })
	if err != nil && !errors.Is(err, depot.ErrNoMail) {
		return err
	}
	m.Mail = after
	return nil
}

// write answers for one mail. It ends in Close whatever happens, which frees the connection for others.
func (s *session) write(w *imapserver.FetchResponseWriter, m depot.Mail, raw []byte, options *imap.FetchOptions) error {
	w.WriteUID(imap.UID(m.UID))
	if options.Flags {
		w.WriteFlags(m.IMAPFlags())
	}
	if options.InternalDate {
		w.WriteInternalDate(m.Arrived)
	}
	if options.RFC822Size {
		w.WriteRFC822Size(int64(len(raw)))
	}
	if options.Envelope {
		w.WriteEnvelope(envelope(raw))
	}
	if options.BodyStructure != nil {
		w.WriteBodyStructure(imapserver.ExtractBodyStructure(bytes.NewReader(raw)))
	}
	var err error
	for _, part := range options.BodySection {
		err = errors.Join(err, s.writeSection(w, part, section(raw, part)))
	}
	return errors.Join(err, w.Close())
}

func envelope(raw []byte) *imap.Envelope {
	h, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return &imap.Envelope{}
	}
	return imapserver.ExtractEnvelope(h)
}

// section is a part of a mail. The whole mail is given out as it came, broken or not.
func section(raw []byte, part *imap.FetchItemBodySection) []byte {
	if part.Specifier != imap.PartSpecifierNone || len(part.Part) > 0 {
		return imapserver.ExtractBodySection(bytes.NewReader(raw), part)
	}
	if part.Partial == nil {
		return raw
	}
	from := min(max(part.Partial.Offset, 0), int64(len(raw)))
	return raw[from:min(from+max(part.Partial.Size, 0), int64(len(raw)))]
}

// writeSection may be told to break off in the middle.
func (s *session) writeSection(w *imapserver.FetchResponseWriter, part *imap.FetchItemBodySection, content []byte) error {
	out := w.WriteBodySection(part, int64(len(content)))
	half := 0
	var err error
	if s.srv.faults.cut() {
		half = len(content) / 2
		_, err = out.Write(content[:half])
		err = errors.Join(err, s.conn.NetConn().Close(), fmt.Errorf("cut in the middle of a mail, as told"))
	}
	_, failed := out.Write(content[half:])
	return errors.Join(err, failed, out.Close())
}
