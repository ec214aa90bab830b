package downloadreceived

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"timbre/shared/due"
	"timbre/shared/mailbox/parts"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// incoming is what came in at once: a mail, or an XML that was posted.
type incoming struct {
	company store.Company
	raw     []byte
	digest  [sha256.Size]byte
	due     time.Time // of its entry
}

func (in *incoming) sum() string { return hex.EncodeToString(in.digest[:]) }

func (in *incoming) parts() []string {
	return []string{string(in.company.Env), in.company.RUT.String(), in.sum()}
}

// tally counts what an intake found.
type tally struct {
	mails       int
	documents   int // for the company, in the register
	fresh       int // of them those that were not known
	duplicates  int // of them those whose bytes another file had brought
	quarantined int
}

// intakeAfter is when the tick takes up a mail that was kept and that whoever kept it did not finish.
const intakeAfter = 2 * time.Minute

// keep makes a mail safe: its bytes are archived, and an entry has it taken in whatever happens.
func (s *service) keep(ctx context.Context, in *incoming) error {
	in.digest = sha256.Sum256(in.raw)
	if _, err := s.Archive.Create(ctx, store.Mail(in.company, in.digest), in.raw, nil); err != nil {
		return fmt.Errorf("archive a mail: %w", err)
	}
	in.due = s.Now().Add(intakeAfter)
	return s.plan(ctx, in.due, mailOf, in.parts()...)
}

// takeKept takes in a mail that was kept, and removes its entry.
func (s *service) takeKept(ctx context.Context, in *incoming, t *tally) error {
	if err := guarded(func() error { return s.take(ctx, in, t) }); err != nil {
		return err
	}
	entry, _, err := due.Find(ctx, s.State, in.due, Name, append([]string{mailOf, "0"}, in.parts()...)...)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.done(ctx, entry)
}

// mailDue takes in a mail that somebody kept and did not finish.
func (s *service) mailDue(ctx context.Context, w work) error {
	if len(w.parts) != 3 {
		return fmt.Errorf("download-received: %q names no mail", w.parts)
	}
	r, err := rut.Parse(w.parts[1])
	if err != nil {
		return err
	}
	c := store.Company{Env: store.Environment(w.parts[0]), RUT: r}
	digest, err := received.Digest(w.parts[2])
	if err != nil {
		return err
	}
	o, err := s.Archive.Read(ctx, store.Mail(c, digest))
	if err != nil {
		return err
	}
	return s.take(ctx, &incoming{company: c, raw: o.Data, digest: digest}, &tally{})
}

// take takes a mail apart and everything in, unless that was done. Doing it again does what is missing.
func (s *service) take(ctx context.Context, in *incoming, t *tally) error {
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	case <-ctx.Done():
		return fmt.Errorf("wait for another mail: %w", context.Cause(ctx))
	}
	t.mails++
	known, err := received.LoadMail(ctx, s.State, in.company, in.sum())
	if err == nil {
		t.documents += known.Documents
		t.duplicates += known.Documents
		return nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	taken, err := s.takeApart(ctx, in)
	if err != nil {
		return err
	}
	t.documents += taken.documents
	t.fresh += taken.fresh
	t.duplicates += taken.duplicates
	t.quarantined += len(taken.left)
	return received.KeepMail(ctx, s.State, in.company, &taken.mail)
}

// taking is a mail that is being taken in.
type taking struct {
	*service
	company store.Company
	at      time.Time
	mail    received.Mail
	left    []received.Quarantined
	tally
}

func (s *service) takeApart(ctx context.Context, in *incoming) (*taking, error) {
	t := &taking{service: s, company: in.company, at: s.Now().UTC()}
	t.mail = received.Mail{SHA256: in.sum(), At: t.at, Size: len(in.raw), Truncated: len(in.raw) >= maxMail, Files: []string{}}
	t.describe(header(in.raw))
	found, err := walk(in.raw, func(f parts.File) error { return t.file(ctx, f) })
	if err != nil {
		return nil, err
	}
	t.others(found)
	if err := t.register.Quarantine(ctx, t.company, t.left...); err != nil {
		return nil, err
	}
	t.mail.Documents, t.mail.Quarantined = t.documents, len(t.left)
	return t, nil
}

// header reads who wrote a mail before anything is taken out of it.
func header(raw []byte) parts.Mail {
	if isXML(raw) {
		return parts.Mail{}
	}
	return parts.Header(raw, parts.Limits{})
}

// walk gives out what may be XML; an XML that was posted is all there is.
func walk(raw []byte, each func(parts.File) error) (parts.Mail, error) {
	if isXML(raw) {
		return parts.Mail{}, each(parts.File{Path: postedPath, Content: raw})
	}
	return parts.Walk(raw, parts.Limits{}, each)
}

// postedPath is the Path of a file that is no part of a mail.
const postedPath = "1"

func (t *taking) describe(m parts.Mail) {
	t.mail.From, t.mail.ReplyTo, t.mail.Subject = m.From, m.ReplyTo, m.Subject
	t.mail.MessageID, t.mail.Automatic = m.MessageID, string(m.Automatic)
}

// reasons say in Spanish why a part was not looked into. A part that is no XML is nobody's fault.
var reasons = map[parts.Reason]string{
	parts.OverLimit: "la parte es más grande, profunda o numerosa de lo que se lee de un correo",
	parts.Encrypted: "el archivo comprimido tiene clave",
	parts.Broken:    "el archivo comprimido está dañado",
}

// others puts into quarantine what could not be looked into, and a mail of a person that brings no XML: it may
// be a supplier who sends pictures of invoices.
func (t *taking) others(m parts.Mail) {
	for _, o := range m.Others {
		if reason := reasons[o.Reason]; reason != "" {
			t.leave(received.Quarantined{Path: o.Path, Name: o.Name, Size: o.Size, Code: string(o.Reason), Reason: reason})
		}
	}
	if t.mail.Truncated {
		t.leave(received.Quarantined{
			Size: t.mail.Size, Code: received.Truncated, Reason: fmt.Sprintf("el correo tiene más de %d MB; el resto no se leyó", maxMail>>20),
		})
	}
	if len(t.mail.Files) == 0 && len(t.left) == 0 && m.Automatic == parts.NotAutomatic {
		t.leave(received.Quarantined{Size: t.mail.Size, Code: received.NoXML, Reason: "el correo no trae ningún XML"})
	}
}

// leave puts something into quarantine.
func (t *taking) leave(q received.Quarantined) received.Quarantined {
	q.Mail, q.At, q.From, q.Subject = t.mail.SHA256, t.at, t.mail.From, t.mail.Subject
	t.left = append(t.left, q)
	return q
}
