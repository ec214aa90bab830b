package generatesign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/store"
)

// prepared is an order that can be signed as soon as it has a folio.
type prepared struct {
	order   *dte.Order
	content content
	ranges  []folio.Range
}

// prepare resolves the order, opens what will sign it and signs it once with a stand-in folio, so that
// whatever could go wrong does so before a folio is taken.
func (s *service) prepare(ctx context.Context, c *company.Company, who store.Company, r *documentRequest) (*prepared, error) {
	p, err := s.resolve(c, r)
	if err != nil {
		return nil, err
	}
	block := c.In(who.Env)
	if block.FchResol == "" {
		return nil, problem.New(problem.ResolutionMissing, "")
	}
	identity, err := s.signer(ctx, block)
	if err != nil {
		return nil, err
	}
	if p.ranges, err = s.usable(block, p.order); err != nil {
		return nil, err
	}
	trial := p.ranges[0]
	if own := p.order.Folio(); own != 0 {
		for _, candidate := range p.ranges {
			if candidate.From <= own && own <= candidate.To {
				trial = candidate
			}
		}
	}
	if _, err := s.sign(ctx, p.order.WithFolio(trial.From), trial.CAF, identity, c.NamespaceForm); err != nil {
		return nil, fmt.Errorf("sign on trial: %w", err)
	}
	return p, nil
}

// resolve makes the order complete and exact; its faults come as one problem.
func (s *service) resolve(c *company.Company, r *documentRequest) (*prepared, error) {
	order, remarks, err := dte.Resolve(dte.Request{
		Document: r.Document, Issuer: issuerOf(c), ExpectedTotals: present(r.ExpectedTotals), TotalsPolicy: dte.Policy(r.TotalsPolicy),
		AllowRemarks: r.AllowRemarks, StrictRemarks: c.StrictRemarks, Today: s.now().In(s.chile),
	})
	var invalid *dte.Invalid
	if errors.As(err, &invalid) {
		return nil, invalidProblem(invalid)
	}
	if err != nil {
		return nil, err
	}
	p := &prepared{order: order, content: content{Reference: r.Reference, Warnings: warnings(remarks)}}
	p.content.Order, err = json.Marshal(order)
	return p, err
}

// present is nil for a member that is absent or null.
func present(text json.RawMessage) json.RawMessage {
	if string(text) == "null" {
		return nil
	}
	return text
}

func issuerOf(c *company.Company) dte.Issuer {
	return dte.Issuer{
		RUT: c.RUT, RznSoc: c.RznSoc, GiroEmis: c.GiroEmis, Acteco: c.Acteco,
		DirOrigen: c.DirOrigen, CmnaOrigen: c.CmnaOrigen, CiudadOrigen: c.CiudadOrigen,
	}
}

// signer opens the certificate and sees that it may sign now.
func (s *service) signer(ctx context.Context, block *company.Block) (*cert.Identity, error) {
	if block.Certificate == nil {
		return nil, problem.New(problem.CertificateMissing, "")
	}
	identity, err := s.vault.Identity(ctx, block.Certificate)
	if err != nil {
		return nil, unavailable(fmt.Errorf("open the certificate: %w", err))
	}
	if err := identity.Check(s.now()); err != nil {
		return nil, certificateProblem(err)
	}
	return identity, nil
}

// usable are the folios that CAFs authorise on the document's date and today.
func (s *service) usable(block *company.Block, order *dte.Order) ([]folio.Range, error) {
	today := s.now().In(s.chile).Format("2006-01-02")
	all := block.CAFsOf(order.Type())
	var ranges []folio.Range
	expired := 0
	for _, f := range all {
		switch {
		case f.ExpiredOn(today):
			expired++
		case f.Authorized <= order.IssueDate():
			ranges = append(ranges, rangeOf(f))
		}
	}
	switch {
	case len(ranges) > 0:
		return ranges, nil
	case len(all) == 0:
		return nil, problem.New(problem.CAFMissing, fmt.Sprintf("La empresa no tiene un CAF de tipo %s en este ambiente. Cárguelo.", order.Type()))
	case expired > 0:
		return nil, problem.New(problem.CAFExpired, "")
	}
	return nil, problem.New(problem.CAFMissing, "Ningún CAF estaba autorizado a la fecha de emisión del documento.")
}
