package onboard

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"timbre/shared/access"
	"timbre/shared/alert"
	"timbre/shared/caf"
	"timbre/shared/company"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// service is the use cases; all that HTTP says has been read before.
type service struct {
	state   *store.Bucket
	archive *store.Bucket
	secrets company.Secrets
	vault   *company.Vault
	siiKeys caf.Keys
	keys    *access.Keys
	ledger  *folio.Ledger
	alerts  *alert.Raiser
	doctor  doctor
	log     *slog.Logger
	chile   *time.Location
	now     func() time.Time

	// plainWebhooks lets webhooks be http, on one machine.
	plainWebhooks bool
	// lookEvery is how often each company is looked at; scheduled is when the looks were noted last,
	// known to the one tick that runs.
	lookEvery time.Duration
	scheduled time.Time

	// changing lets one change of a configuration run at a time in this process, so that of two that
	// exclude each other (overlapping CAFs) the second is refused before it has stored its secret.
	changing sync.Mutex
}

// today is the present time in Chile, where the SII's days begin.
func (s *service) today() time.Time { return s.now().In(s.chile) }

// load reads a configuration as it stands.
func (s *service) load(ctx context.Context, r rut.RUT) (*company.Company, error) {
	var c company.Company
	if _, err := s.state.ReadJSON(ctx, store.CompanyConfig(r), &c); err != nil {
		return nil, unknownCompany(err)
	}
	return &c, nil
}

// loadIn is load with the environment that a request names, "" for the active one.
func (s *service) loadIn(ctx context.Context, r rut.RUT, environment string) (*company.Company, store.Environment, error) {
	c, err := s.load(ctx, r)
	if err != nil {
		return nil, "", err
	}
	e, err := c.Environment(environment)
	if err != nil {
		return nil, "", problem.Wrap(problem.InvalidParameter, "environment debe ser certificacion o produccion.", err)
	}
	return c, e, nil
}

// change alters the block of an environment by compare-and-set; alter may run several times.
func (s *service) change(ctx context.Context, r rut.RUT, e store.Environment, alter func(*company.Block) error) error {
	_, err := s.alter(ctx, r, func(c *company.Company) error {
		if c.Blocks == nil {
			c.Blocks = map[store.Environment]*company.Block{}
		}
		if c.Blocks[e] == nil {
			c.Blocks[e] = &company.Block{}
		}
		return alter(c.Blocks[e])
	})
	return unknownCompany(err)
}

func unknownCompany(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return problem.Wrap(problem.CompanyUnknown, "", err)
	}
	return err
}
