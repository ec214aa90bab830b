package generatesign

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
	"timbre/shared/trace"
)

// companies tells a company's configuration.
type companies interface {
	Load(ctx context.Context, r rut.RUT) (*company.Company, error)
}

// vault opens the secrets that a configuration names.
type vault interface {
	Identity(ctx context.Context, c *company.Certificate) (*cert.Identity, error)
	CAF(ctx context.Context, c company.CAF) (*caf.CAF, error)
}

// service is the use case: an order in, a signed document out.
type service struct {
	state, archive *store.Bucket
	ledger         *folio.Ledger
	companies      companies
	vault          vault
	events         event.Publisher
	log            *slog.Logger
	now            func() time.Time
	chile          *time.Location
	reserveFor     time.Duration
	turns          turns
}

// issued is a document that exists.
type issued struct {
	store.DocumentID
	// answer is the body of the 201, the same bytes for every repeat.
	answer []byte
	replay bool
}

// content is what a claim and a request hold of an order, whoever signs it.
type content struct {
	Order     json.RawMessage `json:"order"`
	Reference string          `json:"reference"`
	Warnings  []warning       `json:"warnings"`
	// Trace is the traceparent of the request.
	Trace string `json:"trace,omitempty"`
}

// issue gives the request its document: the one that its key has already, or a new one.
func (s *service) issue(ctx context.Context, key string, hash string, r *documentRequest) (issued, error) {
	c, who, err := s.company(ctx, r.Company)
	if err != nil {
		return issued{}, err
	}
	requestKey := store.KeyOf(key)
	leave, err := s.turns.enter(ctx, turn{who, requestKey})
	if err != nil {
		return issued{}, err
	}
	defer leave()
	bound, err := s.ledger.Find(ctx, who, requestKey)
	replay := err == nil
	switch {
	case errors.Is(err, folio.ErrReserved):
		bound, err = s.bind(ctx, c, folio.Wish{Series: bound.Series, Key: requestKey, Reserved: &bound.DocumentID, BodyHash: hash}, r)
	case errors.Is(err, store.ErrNotFound) && r.Replaces != nil:
		bound, err = s.bindReplacement(ctx, c, folio.Bound{
			DocumentID: store.DocumentID{Series: store.Series{Company: who}}, Key: requestKey, Order: folio.Order{BodyHash: hash},
		}, r)
	case errors.Is(err, store.ErrNotFound):
		bound, err = s.bind(ctx, c, folio.Wish{Series: store.Series{Company: who}, Key: requestKey, BodyHash: hash}, r)
	case err != nil:
		err = folioProblem(err, nil)
	}
	if err != nil && !replay {
		bound, err = s.orphan(ctx, folio.Bound{DocumentID: store.DocumentID{Series: store.Series{Company: who}}, Key: requestKey}, r, err)
	}
	if err != nil {
		return issued{}, err
	}
	if bound.Order.BodyHash != hash {
		return issued{}, problem.New(problem.IdempotencyMismatch, "")
	}
	finish := s.finish
	if !replay && r.Replaces == nil { // nobody had the folio a moment ago: there is no document to look for
		finish = s.complete
	}
	answer, err := finish(ctx, bound)
	return issued{DocumentID: bound.DocumentID, answer: answer, replay: replay}, err
}

// bind validates the order and claims its folio. Up to the claim nothing is stored.
func (s *service) bind(ctx context.Context, c *company.Company, w folio.Wish, r *documentRequest) (folio.Bound, error) {
	if r.Replaces != nil { // a reservation is of a new folio
		return folio.Bound{}, problem.New(problem.NotReplaceable, "")
	}
	p, err := s.prepare(ctx, c, w.Company, r)
	if err != nil {
		return folio.Bound{}, err
	}
	p.content.Trace = trace.Parent(ctx)
	if w.Content, err = json.Marshal(p.content); err != nil {
		return folio.Bound{}, err
	}
	w.Type, w.Folio, w.Ranges = p.order.Type(), p.order.Folio(), p.ranges
	bound, err := s.ledger.Bind(ctx, w)
	if errors.Is(err, folio.ErrExhausted) { // the last ones may be held by a repeat of this very request
		if found, findErr := s.ledger.Find(ctx, w.Company, w.Key); findErr == nil {
			return found, nil
		}
	}
	return bound, folioProblem(err, p)
}

// company loads the configuration of the active environment.
func (s *service) company(ctx context.Context, text string) (*company.Company, store.Company, error) {
	r, err := rut.Parse(text)
	if err != nil {
		return nil, store.Company{}, problem.Wrap(problem.CompanyUnknown, "", err)
	}
	c, err := s.companies.Load(ctx, r)
	if errors.Is(err, company.ErrUnknown) {
		return nil, store.Company{}, problem.Wrap(problem.CompanyUnknown, "", err)
	}
	if err != nil {
		return nil, store.Company{}, unavailable(err)
	}
	return c, store.Company{Env: c.Active, RUT: r}, nil
}

// unavailable is a fault of what we work with, which a repeat of the same request survives.
func unavailable(err error) error {
	return &problem.Error{Code: problem.Unavailable, RetryAfter: time.Second, Cause: err}
}

// sweep finishes what died on its way.
func (s *service) sweep(ctx context.Context, _ time.Time) error {
	finish := func(ctx context.Context, b folio.Bound) error {
		_, err := s.finish(ctx, b)
		return err
	}
	return errors.Join(s.ledger.SweepDue(ctx, s.authorized, finish), s.sweepReplacements(ctx))
}

// authorized are the folios of a series that may be in use: those of CAFs that have not expired for days.
func (s *service) authorized(ctx context.Context, series store.Series) ([]folio.Range, error) {
	c, err := s.companies.Load(ctx, series.RUT)
	if errors.Is(err, company.ErrUnknown) { // deleted: its reservations end like any
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	daysAgo := s.now().In(s.chile).AddDate(0, 0, -3).Format(time.DateOnly)
	var ranges []folio.Range
	for _, f := range c.In(series.Env).CAFsOf(series.Type) {
		if !f.ExpiredOn(daysAgo) {
			ranges = append(ranges, rangeOf(f))
		}
	}
	return ranges, nil
}

func rangeOf(f company.CAF) folio.Range {
	return folio.Range{From: max(f.From, f.First), To: f.To, CAF: f}
}
