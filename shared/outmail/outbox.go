package outmail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"timbre/shared/company"
	"timbre/shared/due"
	"timbre/shared/mailbox"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// due entries of this package stand under its own name.
const function = "outmail"

// Reasons why a mail is not written or sent.
var (
	// ErrNoServer says that the company has named no mail server to send by.
	ErrNoServer = errors.New("outmail: the company has no SMTP server")
	ErrLetter   = errors.New("outmail: not a mail")
	// ErrNotDead says that a mail was sent, or is about to be: Again has nothing to do.
	ErrNotDead = errors.New("outmail: the mail is not dead")
)

// Companies reads configurations.
type Companies interface {
	Load(ctx context.Context, r rut.RUT) (*company.Company, error)
}

// Passwords opens those of mail servers.
type Passwords interface {
	Password(ctx context.Context, ref company.Secret) (company.Password, error)
}

// Sender delivers a mail.
type Sender interface {
	Send(ctx context.Context, server mailbox.Server, from string, to []string, raw []byte) error
}

// Deps are what an Outbox works with; all are required.
type Deps struct {
	State, Archive *store.Bucket
	Companies      Companies
	Passwords      Passwords
	Sender         Sender
	Logger         *slog.Logger
	Now            func() time.Time
}

// Outbox writes and sends mails.
type Outbox struct {
	Deps
	lanes lanes
}

// New opens the outbox.
func New(d Deps) (*Outbox, error) {
	if d.State == nil || d.Archive == nil || d.Companies == nil || d.Passwords == nil || d.Sender == nil || d.Logger == nil || d.Now == nil {
		return nil, errors.New("outmail: a dependency is missing")
	}
	return &Outbox{Deps: d}, nil
}

// Letter is a mail to be sent. From, MessageID and Date of the mail itself are the Outbox's to fill in.
type Letter struct {
	ID    store.LetterID
	Kind  Kind
	About string
	Mail  mailbox.Letter
}

// CanSend tells whether the company has named a server; an error wraps ErrNoServer if not.
func (o *Outbox) CanSend(ctx context.Context, r rut.RUT) error {
	c, err := o.Companies.Load(ctx, r)
	if err == nil && !sends(c) {
		err = fmt.Errorf("%w: %s", ErrNoServer, r)
	}
	return err
}

func sends(c *company.Company) bool {
	return c.Intercambio != nil && c.Intercambio.SMTP != nil && c.Intercambio.Email != ""
}

// Put writes a mail, unless it was written before: the Record is then that of the mail as it was written first.
func (o *Outbox) Put(ctx context.Context, c store.Company, l Letter) (*Record, error) {
	known, err := o.Get(ctx, c, l.ID)
	if err == nil {
		return known, o.wake(ctx, c, known)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	r, raw, err := o.write(ctx, c, l)
	if err != nil {
		return nil, fmt.Errorf("write mail %s: %w", l.ID, err)
	}
	return r, o.keep(ctx, c, r, raw)
}

// write makes the bytes of a mail and its record.
func (o *Outbox) write(ctx context.Context, c store.Company, l Letter) (*Record, []byte, error) {
	if !l.ID.Valid() || l.Kind == "" {
		return nil, nil, ErrLetter
	}
	config, err := o.Companies.Load(ctx, c.RUT)
	if err != nil {
		return nil, nil, err
	}
	if !sends(config) {
		return nil, nil, fmt.Errorf("%w: %s", ErrNoServer, c.RUT)
	}
	m := l.Mail
	m.From, m.Date, m.MessageID = config.Intercambio.Email, o.Now(), messageID(c, l.ID, config.Intercambio.Email)
	raw, err := m.Bytes()
	if err != nil {
		return nil, nil, err
	}
	return &Record{
		ID: l.ID, Kind: l.Kind, About: l.About, From: m.From, To: m.To, Subject: m.Subject, MessageID: m.MessageID,
		CreatedAt: m.Date.UTC(), NextAt: m.Date.UTC(), State: Waiting,
	}, raw, nil
}

// messageID is given by what the mail is, so that nobody can make two of one.
func messageID(c store.Company, id store.LetterID, from string) string {
	sum := sha256.Sum256([]byte(string(c.Env) + "/" + c.RUT.String() + "/" + string(id)))
	return hex.EncodeToString(sum[:16]) + "@" + strings.ToLower(from[strings.LastIndexByte(from, '@')+1:])
}

// keep stores a mail that was written; where somebody was faster, his.
func (o *Outbox) keep(ctx context.Context, c store.Company, r *Record, raw []byte) error {
	if err := due.Announce(ctx, o.State, o.Now().Add(netAfter), function, parts(c, r.ID)...); err != nil {
		return err
	}
	_, err := o.Archive.Create(ctx, store.LetterBytes(c, r.ID), raw, nil)
	if errors.Is(err, store.ErrExists) {
		var stored store.Object
		stored, err = o.Archive.Read(ctx, store.LetterBytes(c, r.ID))
		raw = stored.Data
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	r.SHA256 = hex.EncodeToString(sum[:])
	_, err = o.State.CreateJSON(ctx, store.LetterState(c, r.ID), r, meta(r))
	if errors.Is(err, store.ErrExists) {
		_, err = o.State.ReadJSON(ctx, store.LetterState(c, r.ID), r)
	}
	if err != nil {
		return err
	}
	return o.wake(ctx, c, r)
}

// wake has a mail that waits looked at.
func (o *Outbox) wake(ctx context.Context, c store.Company, r *Record) error {
	if r.State != Waiting {
		return nil
	}
	at := o.Now()
	if r.NextAt.After(at) {
		at = r.NextAt
	}
	return due.Add(ctx, o.State, at, function, parts(c, r.ID)...)
}

func parts(c store.Company, id store.LetterID) []string {
	return []string{string(c.Env), c.RUT.String(), string(id)}
}

// Get reads the record of a mail; store.ErrNotFound if there is none.
func (o *Outbox) Get(ctx context.Context, c store.Company, id store.LetterID) (*Record, error) {
	if !id.Valid() {
		return nil, store.ErrNotFound
	}
	var r Record
	if _, err := o.State.ReadJSON(ctx, store.LetterState(c, id), &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// Bytes are a mail as it is sent.
func (o *Outbox) Bytes(ctx context.Context, c store.Company, id store.LetterID) ([]byte, error) {
	found, err := o.Archive.Read(ctx, store.LetterBytes(c, id))
	return found.Data, err
}

// List gives the records of a company after an id, in the order of ids, at most limit; state "" is any. last is the id
// that was looked at last, "" at the end.
func (o *Outbox) List(ctx context.Context, c store.Company, after store.LetterID, state State, limit int) ([]Record, store.LetterID, error) {
	var all []Record
	q := store.Query{Prefix: store.LetterPrefix(c), Limit: limit + 1}
	if after.Valid() {
		q.Start = store.LetterState(c, after).String() + "\x00"
	}
	looked := 0
	var last store.LetterID
	for found, err := range o.State.List(ctx, q) {
		if err != nil {
			return nil, "", err
		}
		if looked == limit {
			return all, last, nil
		}
		looked++
		last = store.LetterID(strings.TrimSuffix(strings.TrimPrefix(found.Name, q.Prefix), ".json"))
		if state != "" && found.Meta[metaState] != string(state) {
			continue
		}
		r, err := o.Get(ctx, c, last)
		if err != nil {
			return nil, "", err
		}
		all = append(all, *r)
	}
	return all, "", nil
}

// Again has a dead mail tried once more, for another three days.
func (o *Outbox) Again(ctx context.Context, c store.Company, id store.LetterID) (*Record, error) {
	if !id.Valid() {
		return nil, store.ErrNotFound
	}
	if err := due.Announce(ctx, o.State, o.Now().Add(netAfter), function, parts(c, id)...); err != nil {
		return nil, err
	}
	r, err := store.Update(ctx, o.State, store.LetterState(c, id), func(r *Record) error {
		if r.State != Dead {
			return ErrNotDead
		}
		now := o.Now().UTC()
		r.State, r.Attempts, r.NextAt, r.Renewed = Waiting, 0, now, &now
		return nil
	}, meta)
	if err != nil {
		return nil, err
	}
	return &r, o.wake(ctx, c, &r)
}
