package onboard

import (
	"context"
	"time"

	"timbre/shared/company"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// takeOver is how long before a certificate's end its stand-by takes its place: more than a look and the
// age of configurations in other processes, so that nobody signs with an expired one.
const takeOver = 24 * time.Hour

// promote lets the stand-by certificate take the place of the present one, which stands by from now on
// while it is valid.
func (s *service) promote(ctx context.Context, r rut.RUT, environment string) (certificateAnswer, error) {
	_, e, err := s.loadIn(ctx, r, environment)
	if err != nil {
		return certificateAnswer{}, err
	}
	var answer certificateAnswer
	err = s.change(ctx, r, e, func(b *company.Block) error {
		if b.Standby == nil {
			return problem.New(problem.StandbyMissing, "")
		}
		if !s.now().Before(b.Standby.NotAfter) {
			return problem.New(problem.CertificateExpired, "El certificado de reserva venció.")
		}
		s.swap(b)
		answer = presentCertificate(e, b.Certificate)
		return nil
	})
	return answer, err
}

func (s *service) swap(b *company.Block) {
	before := b.Certificate
	b.Certificate, b.Standby = b.Standby, nil
	if before != nil && s.now().Before(before.NotAfter) {
		b.Standby = before
	}
}

// promoteDue promotes where the present certificate ends and the stand-by lasts longer; it tells whether it did.
func (s *service) promoteDue(ctx context.Context, r rut.RUT, e store.Environment) (bool, error) {
	promoted := false
	err := s.change(ctx, r, e, func(b *company.Block) error {
		promoted = s.mustPromote(b)
		if !promoted {
			return store.ErrUnchanged
		}
		s.swap(b)
		return nil
	})
	return promoted, err
}

func (s *service) mustPromote(b *company.Block) bool {
	first, second := b.Certificate, b.Standby
	return second != nil && (first == nil || s.now().Add(takeOver).After(first.NotAfter) && second.NotAfter.After(first.NotAfter))
}
