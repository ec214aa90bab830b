package mail

import (
	"bytes"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"timbre/emulators/mail/depot"
)

// Search implements imapserver.Session.
func (s *session) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, _ *imap.SearchOptions) (*imap.SearchData, error) {
	var data imap.SearchData
	var numbers imap.SeqSet
	var uids imap.UIDSet
	for _, m := range s.view.All() {
		fits, err := s.fits(m, criteria)
		if err != nil {
			return nil, err
		}
		n := m.Number
		if kind == imapserver.NumKindUID {
			n = m.UID
		}
		if !fits || n == 0 {
			continue
		}
		numbers.AddNum(m.Number)
		uids.AddNum(imap.UID(m.UID))
		if data.Min == 0 {
			data.Min = n
		}
		data.Max = n
		data.Count++
	}
	data.All = numbers
	if kind == imapserver.NumKindUID {
		data.All = uids
	}
	return &data, nil
}

// fits tells whether a mail meets all criteria.
func (s *session) fits(m depot.Seen, c *imap.SearchCriteria) (bool, error) {
	if !s.inSets(m, c) || !onDay(m.Arrived, c.Since, c.Before) || !hasFlags(m.Mail, c) || !hasSize(m.Mail, c) {
		return false, nil
	}
	for i := range c.Not {
		if fits, err := s.fits(m, &c.Not[i]); fits || err != nil {
			return false, err
		}
	}
	for i := range c.Or {
		first, err := s.fits(m, &c.Or[i][0])
		if err != nil {
			return false, err
		}
		second, err := s.fits(m, &c.Or[i][1])
		if err != nil || !first && !second {
			return false, err
		}
	}
	if len(c.Header)+len(c.Body)+len(c.Text) == 0 && c.SentSince.IsZero() && c.SentBefore.IsZero() {
		return true, nil
	}
	raw, err := s.view.Raw(m.UID)
	return err == nil && says(raw, c), err
}

func (s *session) inSets(m depot.Seen, c *imap.SearchCriteria) bool {
	return !slices.ContainsFunc(c.UID, func(set imap.UIDSet) bool { return !s.view.In(set, m) }) &&
		!slices.ContainsFunc(c.SeqNum, func(set imap.SeqSet) bool { return !s.view.In(set, m) })
}

// onDay compares days, as IMAP does; zero bounds are none.
func onDay(t, since, before time.Time) bool {
	day := t.UTC().Truncate(24 * time.Hour)
	return (since.IsZero() || !day.Before(since.UTC().Truncate(24*time.Hour))) &&
		(before.IsZero() || day.Before(before.UTC().Truncate(24*time.Hour)))
}

func hasFlags(m depot.Mail, c *imap.SearchCriteria) bool {
	return !slices.ContainsFunc(c.Flag, func(f imap.Flag) bool { return !m.Has(string(f)) }) &&
		!slices.ContainsFunc(c.NotFlag, func(f imap.Flag) bool { return m.Has(string(f)) })
}

func hasSize(m depot.Mail, c *imap.SearchCriteria) bool {
	return (c.Larger == 0 || m.Size > c.Larger) && (c.Smaller == 0 || m.Size < c.Smaller)
}

// says looks into the mail: header fields as written, text as bytes.
func says(raw []byte, c *imap.SearchCriteria) bool {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return false
	}
	for _, f := range c.Header {
		values := m.Header[mailKey(f.Key)]
		if !slices.ContainsFunc(values, func(v string) bool { return hasText([]byte(v), f.Value) }) {
			return false
		}
	}
	if sent, err := m.Header.Date(); !c.SentSince.IsZero() || !c.SentBefore.IsZero() {
		if err != nil || !onDay(sent, c.SentSince, c.SentBefore) {
			return false
		}
	}
	return !slices.ContainsFunc(slices.Concat(c.Body, c.Text), func(t string) bool { return !hasText(raw, t) })
}

func hasText(raw []byte, text string) bool {
	return bytes.Contains(bytes.ToLower(raw), []byte(strings.ToLower(text)))
}
