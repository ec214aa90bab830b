package send

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"timbre/shared/alert"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// Uploader is the SII in the name of a person.
type Uploader interface {
	dispatch.Inquirer
	Ready(ctx context.Context) error
	Upload(ctx context.Context, company rut.RUT, name string, data []byte) (sii.UploadResult, error)
}

// Companies reads configurations.
type Companies interface {
	Load(ctx context.Context, r rut.RUT) (*company.Company, error)
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
	// SII opens a session at the SII, Boletas one at the service of the boletas; nil: SII serves both.
	SII     func(store.Environment, *cert.Identity) Uploader
	Boletas func(store.Environment, *cert.Identity) Uploader
	Events  event.Publisher
	Guard   Guard
	Logger  *slog.Logger
	Now     func() time.Time
}

func (d Deps) check() error {
	if d.State == nil || d.Archive == nil || d.Companies == nil || d.Identities == nil || d.SII == nil ||
		d.Events == nil || d.Guard == nil || d.Logger == nil || d.Now == nil {
		return errors.New("send: a dependency is missing")
	}
	return nil
}

// service is the use case.
type service struct {
	Deps
	cfg   Config
	desk  *dispatch.Desk
	chile *time.Location
	lines *lines

	alerts *alert.Raiser
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
		return nil, fmt.Errorf("send: %w", err)
	}
	desk := &dispatch.Desk{State: d.State, Archive: d.Archive, Events: d.Events, Logger: d.Logger, Now: d.Now}
	return &service{
		Deps: d, cfg: cfg, desk: desk, chile: chile, lines: newLines(),
		alerts: &alert.Raiser{State: d.State, Events: d.Events, Now: d.Now, Chile: chile, Logger: d.Logger},
	}, nil
}

// session opens the service that a plan's envelope goes to.
func (s *service) session(p *dispatch.Plan, id *cert.Identity) Uploader {
	if p.Service == dispatch.Boletas {
		return s.Boletas(p.Env, id)
	}
	return s.SII(p.Env, id)
}

// What ends a run for now; the tick comes back to it.
var (
	// errWait: the SII is not to be asked yet, or somebody else uploads.
	errWait = errors.New("send: not now")
	// errLate: the handler's time runs out.
	errLate = errors.New("send: no time left")
)

// wake runs a chain until nothing is left that can be done now. If it runs in this process already, that
// run looks once more at its end: meanwhile the outbox collects.
func (s *service) wake(ctx context.Context, c dispatch.Chain) error {
	if !s.lines.enter(c) {
		return nil
	}
	for {
		err := s.run(ctx, c)
		if errors.Is(err, errLate) {
			s.lines.leave(c)
			return s.goOnLater(ctx, c)
		}
		if err != nil && !errors.Is(err, errWait) {
			s.lines.leave(c)
			return fmt.Errorf("chain %s: %w", c.Parts(), err)
		}
		if s.lines.done(c) {
			return nil
		}
	}
}

// run moves the chain on, and sees that every document hears of its envelope.
func (s *service) run(ctx context.Context, c dispatch.Chain) error {
	told := &telling{envelopes: map[int64]bool{}}
	err := s.moveOn(ctx, c, told)
	if failed := told.Wait(); failed != nil {
		return failed
	}
	return err
}

// turn is for how long a run begins envelopes. Where documents never stop coming another message goes on, so that
// a process that is told to end need not wait for a pause.
const turn = 30 * time.Second

// moveOn goes from envelope to envelope.
func (s *service) moveOn(ctx context.Context, c dispatch.Chain, told *telling) error {
	for begin := time.Now(); ; {
		if time.Since(begin) > turn {
			return errLate
		}
		n, err := dispatch.Last(ctx, s.State, c, s.lines.last(c))
		if err != nil {
			return err
		}
		s.lines.saw(c, n)
		again, err := s.step(ctx, c, n, told)
		if err != nil || !again {
			return err
		}
	}
}

// step helps plan n, the last one, or makes the next; it tells whether there may be more to do.
func (s *service) step(ctx context.Context, c dispatch.Chain, n int64, told *telling) (bool, error) {
	var last dispatch.Plan
	if n > 0 {
		var err error
		if last, err = dispatch.Load(ctx, s.State, c.Envelope(n)); err != nil {
			return false, err
		}
	}
	switch {
	case last.State == dispatch.Open:
		return true, s.help(ctx, &last, told)
	case s.Now().Before(last.RestsUntil(s.cfg.RetryFirst)):
		return false, nil
	}
	p, err := s.pack(ctx, c, &last, told)
	if err != nil || p == nil {
		return false, err
	}
	err = dispatch.Create(ctx, s.State, p)
	if errors.Is(err, store.ErrExists) { // another instance made it
		return true, nil
	}
	return true, err
}

// goOnLater wakes this function again, for what the handler had no time for.
func (s *service) goOnLater(ctx context.Context, c dispatch.Chain) error {
	for o, err := range s.State.List(ctx, store.Query{Prefix: store.OutboxPrefix(c.Company, c.Channel), Limit: 1}) {
		if err != nil {
			return err
		}
		id, err := store.ParseOutbox(o.Name)
		if err != nil {
			return err
		}
		s.desk.Publish(ctx, event.DTESigned, event.Signed{DocumentID: id})
		break
	}
	return nil
}
