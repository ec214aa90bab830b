package pollstatus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"timbre/shared/company"
	"timbre/shared/mailbox"
	"timbre/shared/mailbox/parts"
	"timbre/shared/mailbox/result"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	// boxEvery is how often a mailbox is read at most, boxRest for how long one that failed is left alone.
	boxEvery = time.Minute
	boxRest  = 5 * time.Minute
	// boxTime bounds one reading.
	boxTime = 25 * time.Second
	// boxPast is how old a mail may be when the mailbox is read for the first time.
	boxPast = 30 * 24 * time.Hour
	// maxResultMail bounds a result mail: 2,000 documents, twice, as text and as XML.
	maxResultMail = 8 << 20
)

// boxes let one reading of a mailbox go on at a time in this process, and not too often.
type boxes struct {
	mu  sync.Mutex
	all map[rut.RUT]*box
}

type box struct {
	mu   sync.Mutex
	next time.Time
}

func (b *boxes) of(r rut.RUT) *box {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[rut.RUT]*box{}
	}
	if b.all[r] == nil {
		b.all[r] = &box{}
	}
	return b.all[r]
}

// reads tells whether a company has told us of a mailbox.
func reads(c *company.Company) bool {
	return c.Intercambio != nil && c.Intercambio.IMAP != nil && c.IMAPPassword != nil
}

// account is where the company's mails are; false if it has told none.
func (s *service) account(ctx context.Context, r rut.RUT) (mailbox.Account, bool, error) {
	c, err := s.Companies.Load(ctx, r)
	if errors.Is(err, company.ErrUnknown) || err == nil && !reads(c) {
		return mailbox.Account{}, false, nil
	}
	if err != nil {
		return mailbox.Account{}, false, err
	}
	password, err := s.Passwords.Password(ctx, *c.IMAPPassword)
	if err != nil {
		return mailbox.Account{}, false, err
	}
	m := c.Intercambio.IMAP
	return mailbox.Account{
		Server: mailbox.Server{
			Host: m.Host, Port: m.Port, Security: mailbox.Security(m.Security), User: m.User, Password: mailbox.Secret(password),
		},
		Folder: m.Folder, Since: s.Now().Add(-boxPast),
	}, true, nil
}

func (s *service) hasMailbox(ctx context.Context, r rut.RUT) bool {
	_, has, err := s.account(ctx, r)
	return has && err == nil
}

// readMailbox keeps the result mails that came since it was read last, and tells whether it looked, now or a
// moment ago. The environment is that of the envelope which is waited for.
func (s *service) readMailbox(ctx context.Context, c store.Company) (bool, error) {
	b := s.boxes.of(c.RUT)
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Now().Before(b.next) {
		return true, nil
	}
	account, has, err := s.account(ctx, c.RUT)
	if err != nil || !has {
		return false, err
	}
	b.next = s.Now().Add(boxEvery)
	ctx, cancel := context.WithTimeout(ctx, boxTime)
	defer cancel()
	if err := s.readNew(ctx, c, account); err != nil {
		b.next = s.Now().Add(boxRest)
		return true, err
	}
	return true, nil
}

// readNew reads the mails after the cursor and moves it behind those that are safe.
func (s *service) readNew(ctx context.Context, c store.Company, account mailbox.Account) error {
	var cursor mailbox.Cursor
	name := store.MailCursor(c.RUT)
	generation, err := s.State.ReadJSON(ctx, name, &cursor)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	progress, readErr := s.Mail.Read(ctx, account, cursor, func(ctx context.Context, m mailbox.Message) error {
		return s.keepMail(ctx, c, m)
	})
	if progress.Cursor == cursor {
		return readErr
	}
	if generation == 0 {
		_, err = s.State.CreateJSON(context.WithoutCancel(ctx), name, progress.Cursor, nil)
	} else {
		_, err = s.State.ReplaceJSON(context.WithoutCancel(ctx), name, generation, progress.Cursor, nil)
	}
	if errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrExists) { // another instance read the same
		err = nil
	}
	return errors.Join(readErr, err)
}

// keptMail is what stands beside a track id: where the mail is.
type keptMail struct {
	Environment store.Environment `json:"environment"`
}

// keepMail archives a mail of the SII about one of the company's uploads and notes its track id. Other mails,
// and those about other companies, are not ours.
func (s *service) keepMail(ctx context.Context, c store.Company, m mailbox.Message) error {
	raw, err := io.ReadAll(io.LimitReader(m.Body, maxResultMail+1))
	if err != nil {
		return fmt.Errorf("read a mail: %w", err)
	}
	if m.Truncated || len(raw) > maxResultMail {
		return nil
	}
	results, announced := readResults(raw)
	sum := sha256.Sum256(raw)
	if len(results) == 0 && announced {
		s.Logger.WarnContext(ctx, "result mail not understood", "rut_emisor", c.RUT.String(), "sha256", fmt.Sprintf("%x", sum))
		return s.archiveMail(ctx, c, sum, raw)
	}
	for _, r := range results {
		track, err := strconv.ParseInt(r.Track, 10, 64)
		if err != nil || !r.Issuer.IsZero() && r.Issuer != c.RUT {
			continue
		}
		if err := s.archiveMail(ctx, c, sum, raw); err != nil {
			return err
		}
		_, err = s.State.CreateJSON(ctx, store.ResultMail(c.RUT, track, sum), keptMail{c.Env}, nil)
		if err != nil && !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("note a result mail: %w", err)
		}
	}
	return nil
}

func (s *service) archiveMail(ctx context.Context, c store.Company, sum [sha256.Size]byte, raw []byte) error {
	_, err := s.Archive.Create(ctx, store.Mail(c, sum), raw, nil)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// readResults takes the results out of a mail; announced tells whether its subject promises one.
func readResults(raw []byte) ([]result.Result, bool) {
	var all []result.Result
	mail, err := parts.Walk(raw, parts.Limits{}, func(f parts.File) error {
		if r, err := result.Parse(f.Content); err == nil {
			all = append(all, r)
		}
		return nil
	})
	_, _, announced := result.ParseSubject(mail.Subject)
	return all, announced && err == nil
}
