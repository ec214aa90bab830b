package onboard

import (
	"context"
	"time"

	"timbre/shared/company"
	"timbre/shared/store"
)

// measureFolios logs how long the folios of a type last, as a metric reads it (infra/monitoring.tf). A type
// whose use tells no pace has no such line.
func (s *service) measureFolios(ctx context.Context, of store.Company, t stockAnswer) {
	if t.DaysLeft == nil {
		return
	}
	s.log.InfoContext(ctx, "folios left", "rut_emisor", of.RUT.String(), "environment", of.Env, "tipo_dte", t.Type,
		"remaining", t.Remaining, "days_left", *t.DaysLeft)
}

// measureCertificate logs how long a company's certificate lasts; one that stands by lets it last as long as itself.
func (s *service) measureCertificate(ctx context.Context, c *company.Company) {
	var end time.Time
	b := c.In(c.Active)
	for _, held := range []*company.Certificate{b.Certificate, b.Standby} {
		if held != nil && held.NotAfter.After(end) {
			end = held.NotAfter
		}
	}
	if end.IsZero() {
		return
	}
	s.log.InfoContext(ctx, "certificate left", "rut_emisor", c.RUT.String(), "environment", c.Active,
		"days_left", daysUntil(end.In(s.chile).Format(time.DateOnly), s.today()))
}
