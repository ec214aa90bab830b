package pollstatus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"timbre/shared/alert"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/event"
	"timbre/shared/journal"
	"timbre/shared/mailbox"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// Inquirer is the SII in the name of a person.
type Inquirer interface {
	dispatch.Inquirer
	EnvelopeState(ctx context.Context, company rut.RUT, track string) (sii.EnvelopeState, error)
	MailAgain(ctx context.Context, company rut.RUT, track string) error
}

// Mailboxes reads mails.
type Mailboxes interface {
	Read(ctx context.Context, a mailbox.Account, from mailbox.Cursor, each func(context.Context, mailbox.Message) error) (mailbox.Progress, error)
}

// Passwords opens those of mailboxes.
type Passwords interface {
	Password(ctx context.Context, ref company.Secret) (company.Password, error)
}

// Companies reads configurations.
type Companies interface {
	Load(ctx context.Context, r rut.RUT) (*company.Company, error)
	List(ctx context.Context) ([]rut.RUT, error)
}

// Identities opens certificates.
type Identities interface {
	Identity(ctx context.Context, c *company.Certificate) (*cert.Identity, error)
}

// Deps are what the function works with; all but Boletas and Mail are required.
type Deps struct {
	State, Archive *store.Bucket
	Companies      Companies
	Identities     Identities
	// SII opens a session at the SII, Boletas one at the service of the boletas; nil: SII serves both.
	SII     func(store.Environment, *cert.Identity) Inquirer
	Boletas func(store.Environment, *cert.Identity) Inquirer
	// Mail reads the mailboxes, whose passwords Passwords opens; nil: no result mail is looked for.
	Mail      Mailboxes
	Passwords Passwords
	Events    event.Publisher
	Guard     Guard
	Logger    *slog.Logger
	Now       func() time.Time
}

func (d Deps) check() error {
	if d.State == nil || d.Archive == nil || d.Companies == nil || d.Identities == nil || d.SII == nil ||
		d.Events == nil || d.Guard == nil || d.Logger == nil || d.Now == nil || d.Mail != nil && d.Passwords == nil {
		return errors.New("poll-status: a dependency is missing")
	}
	return nil
}

// service is the use case.
type service struct {
	Deps
	cfg     Config
	desk    *dispatch.Desk
	alerts  *alert.Raiser
	journal *journal.Journal
	chile   *time.Location
	looks   looks
	boxes   boxes
}

func newService(cfg Config, d Deps) (*service, error) {
	if err := errors.Join(cfg.check(), d.check()); err != nil {
		return nil, err
	}
	if d.Boletas == nil {
		d.Boletas = d.SII
	}
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("poll-status: %w", err)
	}
	desk := &dispatch.Desk{State: d.State, Archive: d.Archive, Events: d.Events, Logger: d.Logger, Now: d.Now}
	return &service{
		Deps: d, cfg: cfg, desk: desk, chile: chile, journal: journal.New(d.State, event.Log),
		alerts: &alert.Raiser{State: d.State, Events: d.Events, Now: d.Now, Chile: chile, Logger: d.Logger},
	}, nil
}

// looks lets one look at an envelope go on at a time in this process.
type looks struct{ running sync.Map }

func (l *looks) enter(id store.EnvelopeID) bool {
	_, running := l.running.LoadOrStore(id, true)
	return !running
}

func (l *looks) leave(id store.EnvelopeID) { l.running.Delete(id) }

// firstLooks are the distances of the looks right after an upload, in multiples of POLL_FIRST: nobody waits longer
// than three of them for a verdict that the SII has.
var firstLooks = []time.Duration{1, 2, 3, 3, 3, 3}

// follow looks at an envelope that was just uploaded. What it leaves undecided, the due entry keeps,
// which send wrote before it announced the upload.
func (s *service) follow(ctx context.Context, id store.EnvelopeID) error {
	for _, n := range firstLooks {
		if err := wait(ctx, n*s.cfg.PollFirst); err != nil {
			return nil //nolint:nilerr // the due entry stands
		}
		decided, err := s.look(ctx, id)
		if errors.Is(err, errEarly) {
			return nil
		}
		if err = s.overlook(ctx, id, err); decided || err != nil {
			return err
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
