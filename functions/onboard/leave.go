package onboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// leaveAfter lies between the two steps of a deletion: other processes know the configuration for half a
// minute, and what a process that died had begun is finished within minutes.
const leaveAfter = 10 * time.Minute

// leave deletes a company in two steps, so that no document is left signed and unsent. The first takes its
// CAFs away, so that nothing new is issued; the second, later, its keys, secrets and configuration. The
// archive and the books of the folios stay: the law keeps them. The answer is nil when all is done.
func (s *service) leave(ctx context.Context, r rut.RUT) (*leaveAnswer, error) {
	c, err := s.load(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, e := range environments {
		of := store.Company{Env: e, RUT: r}
		if err := errors.Join(s.checkOutbox(ctx, of), s.checkVerdicts(ctx, of)); err != nil {
			return nil, err
		}
	}
	if c.Leaving == nil {
		if c, err = s.beginLeave(ctx, r); err != nil {
			return nil, err
		}
	}
	if after := c.Leaving.Add(leaveAfter); s.now().Before(after) {
		return &leaveAnswer{Company: r, Leaving: *c.Leaving, After: after}, nil
	}
	return nil, s.forget(ctx, r)
}

// environments are both of the SII's.
var environments = []store.Environment{store.Certificacion, store.Produccion}

// checkOutbox refuses while signed documents wait for their envelope.
func (s *service) checkOutbox(ctx context.Context, c store.Company) error {
	for _, channel := range []store.Channel{store.DTE, store.Boleta} {
		for _, err := range s.state.List(ctx, store.Query{Prefix: store.OutboxPrefix(c, channel), Limit: 1}) {
			if err != nil {
				return err
			}
			return problem.New(problem.OutboxNotEmpty, "")
		}
	}
	return nil
}

// checkVerdicts refuses while the SII has not decided about a document: it is asked with the certificate.
func (s *service) checkVerdicts(ctx context.Context, c store.Company) error {
	open := []event.Status{event.StatusSigned, event.StatusSending, event.StatusSent}
	for o, err := range s.state.List(ctx, store.Query{Prefix: store.DocumentsPrefix(c)}) {
		if err != nil {
			return err
		}
		if !slices.Contains(open, event.Status(o.Meta[metaStatus])) {
			continue
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return err
		}
		return problem.New(problem.OutboxNotEmpty, fmt.Sprintf("El documento %s aún no tiene veredicto del SII.", id))
	}
	return nil
}

func (s *service) beginLeave(ctx context.Context, r rut.RUT) (*company.Company, error) {
	c, err := s.alter(ctx, r, func(c *company.Company) error {
		now := s.now().UTC()
		c.Leaving = &now
		for _, b := range c.Blocks {
			b.CAFs = nil
		}
		return nil
	})
	return &c, unknownCompany(err)
}

// forget removes what is not kept by law, the configuration last: until then the call can be repeated.
func (s *service) forget(ctx context.Context, r rut.RUT) error {
	if err := s.keys.Leave(ctx, r); err != nil {
		return err
	}
	names := []string{company.IMAPSecret(r), company.SMTPSecret(r), company.WebhookSecret(r)}
	for _, e := range environments {
		names = append(names, company.CertificateSecret(e, r))
		for _, t := range dte.Types() {
			names = append(names, company.CAFSecret(e, r, t))
		}
	}
	for _, name := range names {
		if err := s.secrets.Delete(ctx, name); err != nil {
			return err
		}
	}
	o, err := s.state.Read(ctx, store.CompanyConfig(r))
	if err != nil {
		return unknownCompany(err)
	}
	return s.state.Delete(ctx, store.CompanyConfig(r), o.Generation)
}
