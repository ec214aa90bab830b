package downloadreceived

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"timbre/shared/company"
	"timbre/shared/mailbox"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// maxMail bounds what is read of a mail; the mailbox.Reader cuts there too.
const maxMail = 20 << 20

// How long a mailbox may be read: when somebody waits for it, and by a tick, which holds the next ones up. What is
// not come to is read by the next.
const (
	askedTime  = 5 * time.Minute
	tickedTime = 45 * time.Second
)

// cursor is how far a mailbox was read.
type cursor struct {
	// Account tells the mailbox: in another one the numbers mean nothing.
	Account string         `json:"account"`
	Read    mailbox.Cursor `json:"read"`
	// Since is the age of the oldest mail that is read. It stays, so that a server which numbers its mails anew
	// does not bring up what is older than the first intake.
	Since time.Time `json:"since"`
}

// account is where the company's mails are; false if it has told none.
func (s *service) account(ctx context.Context, c *company.Company) (mailbox.Account, bool, error) {
	if c.Intercambio == nil || c.Intercambio.IMAP == nil || c.IMAPPassword == nil {
		return mailbox.Account{}, false, nil
	}
	password, err := s.Passwords.Password(ctx, *c.IMAPPassword)
	if err != nil {
		return mailbox.Account{}, false, err
	}
	m := c.Intercambio.IMAP
	return mailbox.Account{Server: mailbox.Server{
		Host: m.Host, Port: m.Port, Security: mailbox.Security(m.Security), User: m.User, Password: mailbox.Secret(password),
	}, Folder: m.Folder}, true, nil
}

// intakeDue reads the mailbox of a company whose turn it is. One that cannot be read is its owner's to mend: it
// is tried again in the next turn.
func (s *service) intakeDue(ctx context.Context, w work) error {
	r, err := rut.Parse(w.parts[0])
	if err != nil {
		return err
	}
	c, err := s.Companies.Load(ctx, r)
	if errors.Is(err, company.ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	at := store.Company{Env: c.Active, RUT: r}
	t, more, err := s.intake(ctx, at, c, tickedTime)
	if err != nil {
		s.Logger.WarnContext(ctx, "mailbox not read", "rut", r.String(), "mails", t.mails, "error", err)
	}
	if more {
		return s.plan(ctx, s.Now().Add(time.Minute), intakeOf, r.String())
	}
	return s.plan(ctx, nextIntake(r, s.Now(), s.cfg.IntakeEvery), intakeOf, r.String())
}

// intake takes in the mails that came since the mailbox was read last. It tells whether there are more.
func (s *service) intake(ctx context.Context, at store.Company, c *company.Company, atMost time.Duration) (tally, bool, error) {
	var t tally
	account, has, err := s.account(ctx, c)
	if err != nil || !has {
		return t, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	for {
		more, err := s.readSome(ctx, at, account, &t)
		if errors.Is(err, context.DeadlineExceeded) && t.mails > 0 {
			return t, true, nil
		}
		if err != nil || !more {
			return t, more, err
		}
	}
}

// readSome reads some mails after the cursor and moves it behind those that are safe.
func (s *service) readSome(ctx context.Context, at store.Company, account mailbox.Account, t *tally) (bool, error) {
	where := fmt.Sprintf("%s/%s/%s", account.Host, account.User, account.Folder)
	name, cur := store.ReceivedCursor(at.RUT), cursor{}
	generation, err := s.State.ReadJSON(ctx, name, &cur)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	if cur.Account != where {
		cur = cursor{Account: where, Since: s.Now().Add(-s.cfg.IntakePast).UTC()}
	}
	account.Since = cur.Since
	before := cur.Read
	progress, readErr := s.Mail.Read(ctx, account, cur.Read, func(ctx context.Context, m mailbox.Message) error {
		return s.takeMessage(ctx, at, m, t)
	})
	if cur.Read = progress.Cursor; cur.Read == before {
		return false, readErr
	}
	return progress.More, errors.Join(readErr, s.keepCursor(context.WithoutCancel(ctx), name, generation, cur))
}

// keepCursor moves the cursor. Where another process read the same meanwhile, its cursor stands: whichever is
// further back, the mails between come once more, and are known.
func (s *service) keepCursor(ctx context.Context, name store.Name, generation int64, c cursor) error {
	var err error
	if generation == 0 {
		_, err = s.State.CreateJSON(ctx, name, c, nil)
	} else {
		_, err = s.State.ReplaceJSON(ctx, name, generation, c, nil)
	}
	if errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// takeMessage keeps one mail of the mailbox and takes it in. Once it is kept and its entry stands it is safe;
// what fails after that is the entry's.
func (s *service) takeMessage(ctx context.Context, at store.Company, m mailbox.Message, t *tally) error {
	var raw bytes.Buffer
	raw.Grow(int(min(max(m.Size, 0), maxMail)) + bytes.MinRead)
	if _, err := io.Copy(&raw, io.LimitReader(m.Body, maxMail)); err != nil {
		return fmt.Errorf("read a mail: %w", err)
	}
	in := incoming{company: at, raw: raw.Bytes()}
	if err := s.keep(ctx, &in); err != nil {
		return err
	}
	if err := s.takeKept(ctx, &in, t); err != nil {
		s.Logger.WarnContext(ctx, "mail kept, not taken in yet", "rut", at.RUT.String(), "sha256", in.sum(), "error", err)
	}
	return nil
}
