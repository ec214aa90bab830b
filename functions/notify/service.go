package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"timbre/shared/company"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/journal"
	"timbre/shared/recent"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// Companies reads configurations.
type Companies interface {
	Load(ctx context.Context, r rut.RUT) (*company.Company, error)
}

// Secrets reads a version of a secret.
type Secrets interface {
	Access(ctx context.Context, name, version string) ([]byte, error)
}

// Deps are what the function works with; all are required.
type Deps struct {
	State     *store.Bucket
	Companies Companies
	Secrets   Secrets
	// Dial connects to addresses that tenants name.
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Guard  Guard
	Logger *slog.Logger
	Now    func() time.Time
}

func (d Deps) check() error {
	if d.State == nil || d.Companies == nil || d.Secrets == nil || d.Dial == nil || d.Guard == nil || d.Logger == nil || d.Now == nil {
		return errors.New("notify: a dependency is missing")
	}
	return nil
}

// service is the use case.
type service struct {
	Deps
	cfg     Config
	journal *journal.Journal
	client  *http.Client
	secrets *recent.Cache[company.Secret, []byte]
	lanes   lanes
	turns   turns
	chile   *time.Location
}

func newService(cfg Config, d Deps) (*service, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	s := &service{Deps: d, cfg: cfg, chile: chile, journal: journal.New(d.State, event.Log), client: newClient(d.Dial)}
	s.secrets = recent.New(recent.Options[company.Secret, []byte]{
		Load: func(ctx context.Context, ref company.Secret) ([]byte, error) {
			return d.Secrets.Access(ctx, ref.Name, ref.Version)
		},
	})
	return s, nil
}

// haste is how a task is done.
type haste struct {
	// patience is how long a post may wait for others to the same receiver.
	patience time.Duration
	// putOff has a resting receiver's events tried again after the usual pause; else the entry is left.
	putOff bool
}

var (
	// pushed leaves to the tick what cannot be done at once.
	pushed = haste{patience: 2 * time.Second}
	ticked = haste{patience: 20 * time.Second, putOff: true}
)

// do does what a due entry asks for, and removes it when nothing is left or the next entry stands.
func (s *service) do(ctx context.Context, t task, h haste) error {
	leave := s.turns.enter(t.subject)
	defer leave()
	events, err := s.log(ctx, t)
	if err != nil {
		return fmt.Errorf("log %s: %w", t.id, err)
	}
	outcome, err := s.deliver(ctx, t, events, h)
	if err != nil {
		return fmt.Errorf("deliver %s: %w", t.id, err)
	}
	if err := s.settle(ctx, t, outcome); err != nil {
		return fmt.Errorf("settle %s: %w", t.id, err)
	}
	return nil
}

// settle makes the next entry, or the dead letter, and removes this one.
func (s *service) settle(ctx context.Context, t task, o outcome) error {
	switch {
	case o.later:
		return nil
	case o.failure != nil && t.attempt < len(pauses):
		at := s.Now().Add(pauses[t.attempt])
		if err := due.Add(ctx, s.State, at, Name, t.next()...); err != nil {
			return err
		}
	case o.failure != nil:
		if err := s.bury(ctx, t, o); err != nil {
			return err
		}
	}
	err := due.Done(ctx, s.State, t.entry)
	if errors.Is(err, store.ErrChanged) { // somebody announced the change anew: there is one more look
		return nil
	}
	return err
}

// bury keeps an event that the webhook did not take in three days, and those before it that it waited for.
func (s *service) bury(ctx context.Context, t task, o outcome) error {
	s.Logger.ErrorContext(ctx, "webhook given up", "rut_emisor", t.company.RUT.String(), "event_id", t.id, "error", o.failure)
	for _, e := range o.left {
		letter := event.DeadLetter{
			Number: e.Number, ID: string(e.id), Attempts: t.attempt + 1, At: s.Now().UTC(), Reason: o.failure.Error(),
		}
		_, err := s.State.CreateJSON(ctx, store.DeadLetter(t.company, e.Number), letter, nil)
		if err != nil && !errors.Is(err, store.ErrExists) { // buried by somebody else, or by ourselves before we died
			return err
		}
		if err := s.markDelivered(ctx, t.company, e.id); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) markDelivered(ctx context.Context, c store.Company, id store.EventID) error {
	_, err := s.State.Create(ctx, store.Delivered(c, id), nil, nil)
	return err
}
