package onboard

import (
	"context"
	"errors"
	"fmt"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// alter changes a configuration by compare-and-set and archives what it became; change may run several
// times. A caller who hears nothing repeats the call, and the archive gets what it lacks.
func (s *service) alter(ctx context.Context, r rut.RUT, change func(*company.Company) error) (company.Company, error) {
	c, err := store.Update(ctx, s.state, store.CompanyConfig(r), func(c *company.Company) error {
		if err := change(c); err != nil {
			return err
		}
		c.Revision++
		return nil
	}, nil)
	if err != nil {
		return c, err
	}
	return c, s.keep(ctx, &c)
}

// create stores the configuration of a company that has none, numbered after those that the archive has
// of one that left; store.ErrExists if it has one.
func (s *service) create(ctx context.Context, c *company.Company) error {
	for o, err := range s.archive.List(ctx, store.Query{Prefix: store.KeptCompanyPrefix(c.RUT)}) {
		if err != nil {
			return err
		}
		if c.Revision, err = store.ParseNumber(o.Name); err != nil {
			return err
		}
	}
	c.Revision++
	if _, err := s.state.CreateJSON(ctx, store.CompanyConfig(c.RUT), c, nil); err != nil {
		return err
	}
	return s.keep(ctx, c)
}

// keep archives a configuration, from which a lost state is made again (docs/adr/0004). It names secrets and
// holds none.
func (s *service) keep(ctx context.Context, c *company.Company) error {
	_, err := s.archive.CreateJSON(ctx, store.KeptCompany(c.RUT, c.Revision), c, nil)
	if err != nil && !errors.Is(err, store.ErrExists) {
		return fmt.Errorf("archive the configuration of %s: %w", c.RUT, err)
	}
	return nil
}

// keepVoid archives that folios are void.
func (s *service) keepVoid(ctx context.Context, c store.Company, v *voidRequest) error {
	name := store.KeptVoid(store.Series{Company: c, Type: dte.Type(v.Type)}, v.From, v.To)
	_, err := s.archive.CreateJSON(ctx, name, company.Void{Reason: v.Reason}, nil)
	if err != nil && !errors.Is(err, store.ErrExists) {
		return fmt.Errorf("archive void folios: %w", err)
	}
	return nil
}
