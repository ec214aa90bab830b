package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// session is one IMAP connection with its folder open for reading.
type session struct {
	*line
	imap     *imapclient.Client
	opts     Options
	since    time.Time
	validity uint32
	next     uint32 // UIDNEXT
}

var imapPorts = ports{tls: 993, starttls: 143}

func (r *Reader) open(ctx context.Context, a Account) (*session, error) {
	l, err := connect(ctx, r.dial, a.Server, imapPorts, r.opts.Timeout)
	if err != nil {
		return nil, err
	}
	s := &session{line: l, opts: r.opts, since: a.Since}
	for _, step := range []func(Account) error{s.greet, s.login, s.examine} {
		if err := step(a); err != nil {
			s.hangUp()
			return nil, err
		}
	}
	return s, nil
}

func (s *session) greet(a Account) error {
	if a.security() != STARTTLS {
		s.imap = imapclient.New(s.talk, nil)
		return s.step("greet", ErrUnreachable, s.imap.WaitGreeting)
	}
	return s.step("starttls", ErrTLS, func() error {
		client, err := imapclient.NewStartTLS(s.talk, &imapclient.Options{TLSConfig: a.tlsConfig()})
		s.imap = client
		return err
	})
}

func (s *session) login(a Account) error {
	return s.step("log in", ErrUnreachable, func() error {
		if s.imap.Caps().Has(imap.CapLoginDisabled) {
			return fmt.Errorf("%w: the server takes no password over this connection", ErrTLS)
		}
		return refusal(s.imap.Login(a.User, string(a.Password)).Wait(), ErrAuth)
	})
}

func (s *session) examine(a Account) error {
	return s.step("open folder", ErrUnreachable, func() error {
		data, err := s.imap.Select(a.folder(), &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			return refusal(err, ErrNoFolder)
		}
		s.validity, s.next = data.UIDValidity, max(uint32(data.UIDNext), 1)
		return nil
	})
}

// refusal gives the answer NO its meaning; a server that is out of order says so by a code (RFC 5530).
func refusal(err error, meaning *Fault) error {
	var said *imap.Error
	switch {
	case !errors.As(err, &said):
		return err
	case said.Code == imap.ResponseCodeUnavailable || said.Code == imap.ResponseCodeInUse || said.Code == imap.ResponseCodeLimit:
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case said.Type == imap.StatusResponseTypeNo:
		return fmt.Errorf("%w: %w", meaning, err)
	case said.Type == imap.StatusResponseTypeBye:
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return fmt.Errorf("%w: %w", ErrProtocol, err)
}

// close says goodbye and does not wait for an answer.
func (s *session) close() {
	_ = s.step("log out", ErrUnreachable, func() error { s.imap.Logout(); return nil }) // nothing depends on it
	s.hangUp()
}

// listed is a mail before it is read.
type listed struct {
	uid     uint32
	size    int64
	arrived time.Time
}

// walk delivers what comes after the cursor in p.
func (s *session) walk(ctx context.Context, p *Progress, each func(context.Context, Message) error) error {
	uids, err := s.after(p.Cursor.UID)
	if err != nil {
		return err
	}
	batch := uids[:min(len(uids), max(s.opts.Limit-p.Mails, 0))]
	p.More = len(batch) < len(uids)
	mails, err := s.list(batch)
	if err != nil {
		return err
	}
	for _, m := range mails {
		if err := s.deliver(ctx, m, each); err != nil {
			return err
		}
		p.Cursor.UID = m.uid
		p.Mails++
	}
	return nil
}

// after lists the UIDs above one, in order. "n:*" always holds the last mail, whatever its UID.
func (s *session) after(uid uint32) ([]uint32, error) {
	if uid == math.MaxUint32 {
		return nil, nil
	}
	var found []uint32
	err := s.step("search", ErrUnreachable, func() error {
		from := imap.UIDSet{imap.UIDRange{Start: imap.UID(uid + 1), Stop: 0}}
		data, err := s.imap.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{from}, Since: s.since}, nil).Wait()
		if err != nil {
			return refusal(err, ErrProtocol)
		}
		set, ok := data.All.(imap.UIDSet)
		found, err = above(set, uid)
		if !ok && data.All != nil {
			err = fmt.Errorf("%w: the search answers no UIDs", ErrProtocol)
		}
		return err
	})
	return found, err
}

// mostUIDs is how many mails one search may find.
const mostUIDs = 4 << 20

func above(set imap.UIDSet, uid uint32) ([]uint32, error) {
	var out []uint32
	for _, r := range set {
		if r.Start == 0 || r.Stop < r.Start || int64(r.Stop)-int64(r.Start) > mostUIDs || len(out) > mostUIDs {
			return nil, fmt.Errorf("%w: the search answers %v", ErrProtocol, r)
		}
		for u := int64(max(uint32(r.Start), uid+1)); u <= int64(r.Stop); u++ {
			out = append(out, uint32(u))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// list asks for size and time. A mail that was deleted meanwhile is not in the answer.
func (s *session) list(uids []uint32) ([]listed, error) {
	if len(uids) == 0 {
		return nil, nil
	}
	var set imap.UIDSet
	for _, u := range uids {
		set.AddNum(imap.UID(u))
	}
	var out []listed
	err := s.step("list", ErrUnreachable, func() error {
		all, err := s.imap.Fetch(set, &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true}).Collect()
		for _, m := range all {
			out = append(out, listed{uint32(m.UID), m.RFC822Size, m.InternalDate})
		}
		return refusal(err, ErrProtocol)
	})
	slices.SortFunc(out, func(a, b listed) int { return int(int64(a.uid) - int64(b.uid)) })
	return out, err
}

// deliver fetches one mail and gives it to the callback.
func (s *session) deliver(ctx context.Context, m listed, each func(context.Context, Message) error) error {
	s.left.Store(answerBytes + s.opts.MaxBytes)
	op := fmt.Sprintf("read mail %d", m.uid)
	part := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: s.opts.MaxBytes + 1}}
	var body *content
	var fetch *imapclient.FetchCommand
	err := s.step(op, ErrUnreachable, func() error {
		fetch = s.imap.Fetch(imap.UIDSetNum(imap.UID(m.uid)), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{part}})
		body = s.content(fetch)
		return nil
	})
	if err != nil {
		return err
	}
	if body == nil {
		return s.missing(op, m, fetch)
	}
	own := each(ctx, Message{
		Cursor: Cursor{s.validity, m.uid}, Size: m.size, Arrived: m.arrived, Truncated: body.truncated, Body: body,
	})
	if body.err != nil {
		return fail(op, ErrUnreachable, body.err)
	}
	if own != nil {
		s.hangUp()
		_ = fetch.Close() // lets the reading goroutine go, which waits until the mail is read
		return &callbackError{own}
	}
	return s.step(op, ErrUnreachable, func() error { return refusal(fetch.Close(), ErrProtocol) })
}

// content waits for the literal of the mail; nil if the answer ends without one.
func (s *session) content(fetch *imapclient.FetchCommand) *content {
	for m := fetch.Next(); m != nil; m = fetch.Next() {
		for item := m.Next(); item != nil; item = m.Next() {
			section, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || section.Literal == nil {
				continue
			}
			size := section.Literal.Size()
			return &content{
				line: s.line, r: io.LimitReader(section.Literal, s.opts.MaxBytes),
				left: min(size, s.opts.MaxBytes), truncated: size > s.opts.MaxBytes,
			}
		}
	}
	return nil
}

// missing tells a mail deleted meanwhile, which is no error, from one that the server does not give out.
func (s *session) missing(op string, m listed, fetch *imapclient.FetchCommand) error {
	if err := s.step(op, ErrUnreachable, func() error { return refusal(fetch.Close(), ErrProtocol) }); err != nil {
		return err
	}
	there, err := s.list([]uint32{m.uid})
	if err == nil && len(there) > 0 {
		err = fail(op, ErrProtocol, errors.New("the server lists the mail but does not give it out"))
	}
	return err
}

// content is the body of a mail as it comes from the connection.
type content struct {
	line      *line
	r         io.Reader
	left      int64
	truncated bool
	err       error // why the mail could not be read
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	var n int
	var end error
	err := c.line.step("read", ErrUnreachable, func() error {
		var err error
		n, err = c.r.Read(p)
		if errors.Is(err, io.EOF) {
			end, err = io.EOF, nil
		}
		return err
	})
	c.left -= int64(n)
	if err == nil && end != nil && c.left > 0 {
		err = fail("read", ErrUnreachable, io.ErrUnexpectedEOF)
	}
	if err != nil {
		c.err = err
		return n, err
	}
	return n, end
}
