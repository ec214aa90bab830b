package mail

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"timbre/emulators/mail/depot"
)

// session is one IMAP connection.
type session struct {
	srv      *Server
	conn     *imapserver.Conn
	account  *depot.Account // nil before the login
	view     *depot.View    // nil while no folder is open
	readOnly bool
}

var _ imapserver.Session = (*session)(nil)

func (s *Server) newSession(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	return &session{srv: s, conn: c}, &imapserver.GreetingData{}, nil
}

func no(code imap.ResponseCode, text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

// answer gives the depot's errors the codes of RFC 5530.
func answer(err error) error {
	switch {
	case errors.Is(err, depot.ErrNoFolder):
		return no(imap.ResponseCodeNonExistent, "no such folder")
	case errors.Is(err, depot.ErrExists):
		return no(imap.ResponseCodeAlreadyExists, "there is such a folder already")
	case errors.Is(err, depot.ErrName):
		return no(imap.ResponseCodeCannot, "not a name for a folder")
	}
	return err
}

// Close implements imapserver.Session.
func (s *session) Close() error { return s.Unselect() }

// Login implements imapserver.Session.
func (s *session) Login(user, password string) error {
	a, ok := s.srv.depot.Login(user, password)
	if !ok {
		return imapserver.ErrAuthFailed
	}
	s.account = a
	return nil
}

// Select implements imapserver.Session.
func (s *session) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	f, err := s.account.Folder(name)
	if err != nil {
		return nil, answer(err)
	}
	if err := s.Unselect(); err != nil {
		return nil, err
	}
	s.view, s.readOnly = f.Open(), options != nil && options.ReadOnly
	status := f.Status()
	flags := []imap.Flag{imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagDraft}
	permanent := append(flags[:len(flags):len(flags)], imap.FlagWildcard)
	if s.readOnly {
		permanent = []imap.Flag{}
	}
	return &imap.SelectData{
		Flags: flags, PermanentFlags: permanent,
		NumMessages: uint32(status.Messages), UIDNext: imap.UID(status.UIDNext), UIDValidity: status.UIDValidity,
	}, nil
}

// Unselect implements imapserver.Session.
func (s *session) Unselect() error {
	if s.view != nil {
		s.view.Close()
		s.view = nil
	}
	return nil
}

// Create implements imapserver.Session.
func (s *session) Create(name string, _ *imap.CreateOptions) error {
	return answer(s.account.Create(name))
}

var errUnsupported = no(imap.ResponseCodeCannot, "this emulator does not do that")

// Delete implements imapserver.Session.
func (s *session) Delete(string) error { return errUnsupported }

// Rename implements imapserver.Session.
func (s *session) Rename(string, string, *imap.RenameOptions) error { return errUnsupported }

// Copy implements imapserver.Session.
func (s *session) Copy(imap.NumSet, string) (*imap.CopyData, error) { return nil, errUnsupported }

// Subscribe implements imapserver.Session: all folders are subscribed.
func (s *session) Subscribe(string) error { return nil }

// Unsubscribe implements imapserver.Session.
func (s *session) Unsubscribe(string) error { return errUnsupported }

// delimiter would part the names of folders; none has children.
const delimiter = '/'

// List implements imapserver.Session.
func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	if len(patterns) == 0 {
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: delimiter})
	}
	for _, f := range s.account.Folders() {
		if !matches(f.Name, ref, patterns) {
			continue
		}
		data := &imap.ListData{Mailbox: f.Name, Delim: delimiter, Attrs: []imap.MailboxAttr{imap.MailboxAttrHasNoChildren}}
		if options.ReturnStatus != nil {
			data.Status = status(f, options.ReturnStatus)
		}
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

func matches(name, ref string, patterns []string) bool {
	for _, p := range patterns {
		if imapserver.MatchList(name, delimiter, ref, p) {
			return true
		}
	}
	return false
}

// Status implements imapserver.Session.
func (s *session) Status(name string, options *imap.StatusOptions) (*imap.StatusData, error) {
	f, err := s.account.Folder(name)
	if err != nil {
		return nil, answer(err)
	}
	return status(f, options), nil
}

func status(f *depot.Folder, want *imap.StatusOptions) *imap.StatusData {
	st := f.Status()
	messages, unseen, recent := uint32(st.Messages), uint32(st.Unseen), uint32(0)
	out := &imap.StatusData{Mailbox: f.Name}
	if want.NumMessages {
		out.NumMessages = &messages
	}
	if want.UIDNext {
		out.UIDNext = imap.UID(st.UIDNext)
	}
	if want.UIDValidity {
		out.UIDValidity = st.UIDValidity
	}
	if want.NumUnseen {
		out.NumUnseen = &unseen
	}
	if want.NumRecent {
		out.NumRecent = &recent
	}
	if want.Size {
		out.Size = &st.Size
	}
	return out
}

// Append implements imapserver.Session.
func (s *session) Append(name string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	f, err := s.account.Folder(name)
	if err != nil {
		return nil, no(imap.ResponseCodeTryCreate, "no such folder")
	}
	if r.Size() > s.srv.opts.MaxBytes {
		return nil, no(imap.ResponseCodeTooBig, "the mail is too large")
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	arrived := options.Time
	if arrived.IsZero() {
		arrived = time.Now()
	}
	uid, err := f.Deliver(raw, arrived, words(options.Flags)...)
	if err != nil {
		return nil, err
	}
	return &imap.AppendData{UID: imap.UID(uid), UIDValidity: f.Status().UIDValidity}, nil
}

func words(flags []imap.Flag) []string {
	out := make([]string, len(flags))
	for i, f := range flags {
		out[i] = string(f)
	}
	return out
}

// Poll implements imapserver.Session.
func (s *session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	return s.view.Poll(w, allowExpunge)
}

// Idle implements imapserver.Session.
func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	if s.view == nil {
		<-stop
		return nil
	}
	return s.view.Idle(w, stop)
}
