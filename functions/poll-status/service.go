package pollstatus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// Inquirer is the SII in the name of a person.
type Inquirer interface {
	EnvelopeState(ctx context.Context, company rut.RUT, track string) (sii.EnvelopeState, error)
	DocumentState(ctx context.Context, q sii.Question) (sii.DocumentState, error)
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

// Deps are what the function works with; all are required.
type Deps struct {
	State, Archive *store.Bucket
	Companies      Companies
	Identities     Identities
	// SII opens a session at the SII.
	SII    func(store.Environment, *cert.Identity) Inquirer
	Events event.Publisher
	Guard  Guard
	Logger *slog.Logger
	Now    func() time.Time
}

func (d Deps) check() error {
	if d.State == nil || d.Archive == nil || d.Companies == nil || d.Identities == nil || d.SII == nil ||
		d.Events == nil || d.Guard == nil || d.Logger == nil || d.Now == nil {
		return errors.New("poll-status: a dependency is missing")
	}
	return nil
}

// service is the use case.
type service struct {
	Deps
	cfg   Config
	desk  *dispatch.Desk
	chile *time.Location
	looks looks
}

func newService(cfg Config, d Deps) (*service, error) {
	if err := errors.Join(cfg.check(), d.check()); err != nil {
		return nil, err
	}
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("poll-status: %w", err)
	}
	desk := &dispatch.Desk{State: d.State, Archive: d.Archive, Events: d.Events, Logger: d.Logger, Now: d.Now}
	return &service{Deps: d, cfg: cfg, desk: desk, chile: chile}, nil
}

// looks lets one look at an envelope go on at a time in this process.
type looks struct{ running sync.Map }

func (l *looks) enter(id store.EnvelopeID) bool {
	_, running := l.running.LoadOrStore(id, true)
	return !running
}

func (l *looks) leave(id store.EnvelopeID) { l.running.Delete(id) }

// firstLooks is how often an envelope is looked at right after its upload, at doubling distance.
const firstLooks = 4

// follow looks at an envelope that was just uploaded. What it leaves undecided, the due entry keeps,
// which send wrote before it announced the upload.
func (s *service) follow(ctx context.Context, id store.EnvelopeID) error {
	for n := range firstLooks {
		if err := wait(ctx, s.cfg.PollFirst<<n); err != nil {
			return nil //nolint:nilerr // the due entry stands
		}
		decided, err := s.look(ctx, id)
		if decided || err != nil && !errors.Is(err, sii.ErrUnavailable) {
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

// lookDue looks at the envelope that a due entry names; the next entry stands before this one goes.
func (s *service) lookDue(ctx context.Context, entry due.Entry) error {
	id, err := dispatch.ParseDue(entry.Parts)
	if err != nil {
		return err
	}
	decided, lookErr := s.look(ctx, id)
	if !decided && !errors.Is(lookErr, store.ErrNotFound) {
		if err := s.lookAgain(ctx, id); err != nil {
			return errors.Join(lookErr, err)
		}
	}
	if err := due.Done(ctx, s.State, entry); err != nil {
		return errors.Join(lookErr, err)
	}
	if errors.Is(lookErr, sii.ErrUnavailable) {
		s.Logger.WarnContext(ctx, "SII not reachable", "rut_emisor", id.RUT.String(), "error", lookErr)
		return nil
	}
	return lookErr
}

// lookAgain writes the next due entry: the longer the envelope is at the SII, the later.
func (s *service) lookAgain(ctx context.Context, id store.EnvelopeID) error {
	p, err := dispatch.Load(ctx, s.State, id)
	if err != nil {
		return err
	}
	age := s.Now().Sub(p.ReceivedAt())
	if age >= alarmAfter {
		s.Logger.ErrorContext(ctx, "no verdict of the SII", "rut_emisor", id.RUT.String(), "envelope", id.Number,
			"track_id", p.Track(), "hours", int(age.Hours()))
	}
	return due.Add(ctx, s.State, s.Now().Add(pause(age)), dispatch.PollStatus, dispatch.DueParts(id)...)
}

// alarmAfter is when a verdict is missed.
const alarmAfter = 24 * time.Hour

// pauses are the distances between looks by the age of the upload (WEBSERVICES §4.3).
var pauses = []struct{ until, pause time.Duration }{
	{2 * time.Minute, time.Minute},
	{5 * time.Minute, 2 * time.Minute},
	{15 * time.Minute, 5 * time.Minute},
	{30 * time.Minute, 10 * time.Minute},
	{time.Hour, 15 * time.Minute},
	{alarmAfter, 30 * time.Minute},
}

func pause(age time.Duration) time.Duration {
	for _, p := range pauses {
		if age < p.until {
			return p.pause
		}
	}
	return time.Hour
}
