package onboard

import (
	"context"
	"errors"

	"timbre/shared/company"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// putCompany changes a company or, where the caller may, creates it; it tells whether it did.
func (s *service) putCompany(ctx context.Context, r rut.RUT, request *companyRequest, mayCreate bool) (company.Company, bool, error) {
	if err := problem.Invalid(problem.InvalidRequest, request.validate(s.today(), s.plainWebhooks)); err != nil {
		return company.Company{}, false, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.checkSwitch(ctx, r, request); err != nil {
		return company.Company{}, false, err
	}
	c, err := s.alterCompany(ctx, r, request)
	if !errors.Is(err, store.ErrNotFound) {
		return c, false, err
	}
	if !mayCreate {
		return company.Company{}, false, problem.Wrap(problem.Forbidden, "", err)
	}
	c = company.Company{RUT: r, Active: store.Certificacion, NamespaceForm: "both"}
	if err := request.apply(&c); err != nil {
		return company.Company{}, false, err
	}
	err = s.create(ctx, &c)
	if errors.Is(err, store.ErrExists) { // created by another instance meanwhile
		c, err = s.alterCompany(ctx, r, request)
		return c, false, err
	}
	return c, true, err
}

// checkSwitch refuses to change the active environment while documents of the old one wait to be sent:
// they would look as if they had been.
func (s *service) checkSwitch(ctx context.Context, r rut.RUT, request *companyRequest) error {
	if request.Active == "" {
		return nil
	}
	c, err := s.load(ctx, r)
	if errors.Is(err, problem.New(problem.CompanyUnknown, "")) || err == nil && c.Active == store.Environment(request.Active) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.checkOutbox(ctx, store.Company{Env: c.Active, RUT: r})
}

func (s *service) alterCompany(ctx context.Context, r rut.RUT, request *companyRequest) (company.Company, error) {
	return s.alter(ctx, r, request.apply)
}

// apply puts the request's fields into a configuration; certificates and CAFs stay. A company that was
// being deleted stays after all.
func (r *companyRequest) apply(c *company.Company) error {
	c.Leaving = nil
	c.RznSoc, c.GiroEmis = r.RznSoc, r.GiroEmis
	c.DirOrigen, c.CmnaOrigen, c.CiudadOrigen = r.DirOrigen, r.CmnaOrigen, r.CiudadOrigen
	c.Acteco = c.Acteco[:0:0]
	for _, code := range r.Acteco {
		c.Acteco = append(c.Acteco, string(code))
	}
	c.WebhookURL = r.WebhookURL
	if r.NamespaceForm != "" {
		c.NamespaceForm = r.NamespaceForm
	}
	if r.BoletasREST != nil {
		c.BoletasREST = *r.BoletasREST
	}
	if r.StrictRemarks != nil {
		c.StrictRemarks = *r.StrictRemarks
	}
	if r.Intercambio != nil {
		c.Intercambio = r.Intercambio
	}
	r.applyBlock(c, store.Certificacion, r.Certificacion)
	r.applyBlock(c, store.Produccion, r.Produccion)
	if r.Active != "" {
		c.Active = store.Environment(r.Active)
	}
	return checkActive(c)
}

func (r *companyRequest) applyBlock(c *company.Company, e store.Environment, b *blockRequest) {
	if b == nil {
		return
	}
	if c.Blocks == nil {
		c.Blocks = map[store.Environment]*company.Block{}
	}
	if c.Blocks[e] == nil {
		c.Blocks[e] = &company.Block{}
	}
	c.Blocks[e].FchResol, c.Blocks[e].NroResol = b.FchResol, b.NroResol
}

// checkActive refuses a company whose active environment has no resolution: it could issue nothing.
func checkActive(c *company.Company) error {
	if c.In(c.Active).FchResol != "" {
		return nil
	}
	var f faults
	f.add(string(c.Active), "missing-field", "Falta la resolución (FchResol, NroResol) del ambiente activo.")
	return problem.Invalid(problem.InvalidRequest, f.found)
}
