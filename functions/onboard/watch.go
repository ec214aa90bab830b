package onboard

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"time"

	"timbre/shared/alert"
	"timbre/shared/company"
	"timbre/shared/due"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// Function is this function's name in due entries.
const Function = "onboard"

// maxLooks bounds the companies of a tick.
const maxLooks = 50

// Days before an end at which callers are warned, the widest first. Of several that are passed at once
// only the narrowest is told.
var (
	certificateLevels = []int{60, 30, 15, 7, 1}
	cafLevels         = []int{30, 15, 7, 1}
	folioLevels       = []int{15, 7, 3, 1}
)

// tick looks at the companies whose turn it is.
func (s *service) tick(ctx context.Context, _ time.Time) error {
	if err := s.schedule(ctx); err != nil {
		return err
	}
	entries, err := due.List(ctx, s.state, s.now(), Function, maxLooks)
	if err != nil {
		return err
	}
	var failed error
	for _, e := range entries {
		failed = errors.Join(failed, s.lookDue(ctx, e))
	}
	return failed
}

// schedule notes the next look at each company. Every process does, twice a turn: entries of the same
// minute are one, and a company that was registered meanwhile gets its first.
func (s *service) schedule(ctx context.Context) error {
	now := s.now()
	if now.Before(s.scheduled.Add(s.lookEvery / 2)) {
		return nil
	}
	for o, err := range s.state.List(ctx, store.Query{Prefix: store.CompanyPrefix}) {
		if err != nil {
			return err
		}
		r, err := rut.Parse(strings.TrimSuffix(strings.TrimPrefix(o.Name, store.CompanyPrefix), ".json"))
		if err != nil {
			return fmt.Errorf("schedule looks: %s: %w", o.Name, err)
		}
		if err := due.Add(ctx, s.state, nextLook(r, now, s.lookEvery), Function, r.String()); err != nil {
			return err
		}
	}
	s.scheduled = now
	return nil
}

// nextLook spreads the companies over a turn; a company has the same place in each.
func nextLook(r rut.RUT, now time.Time, every time.Duration) time.Time {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(r.String())) // never fails (hash.Hash)
	place := time.Duration(hash.Sum32()) * time.Second % every
	return now.Add(-place).Truncate(every).Add(every + place)
}

func (s *service) lookDue(ctx context.Context, e due.Entry) error {
	r, err := rut.Parse(e.Parts[0])
	if err == nil {
		err = s.look(ctx, r)
	}
	if err != nil && !errors.Is(err, problem.New(problem.CompanyUnknown, "")) { // deleted meanwhile
		return fmt.Errorf("look at company %s: %w", e.Parts[0], err)
	}
	return due.Done(ctx, s.state, e)
}

// look lets stand-by certificates take over and warns of what ends in the company's active environment.
func (s *service) look(ctx context.Context, r rut.RUT) error {
	for _, e := range environments {
		promoted, err := s.promoteDue(ctx, r, e)
		if err != nil {
			return err
		}
		if promoted {
			s.log.WarnContext(ctx, "stand-by certificate took over", "rut_emisor", r, "environment", e)
		}
	}
	c, err := s.load(ctx, r)
	if err != nil {
		return err
	}
	if err := s.keep(ctx, c); err != nil {
		return err
	}
	s.measureCertificate(ctx, c)
	alerts := s.certificateAlerts(c)
	more, err := s.folioAlerts(ctx, c)
	if err != nil {
		return err
	}
	return s.raise(ctx, append(alerts, more...))
}

func (s *service) raise(ctx context.Context, alerts []alert.Alert) error {
	for _, a := range alerts {
		err := s.alerts.Raise(ctx, a)
		if errors.Is(err, alert.ErrSilent) {
			s.log.WarnContext(ctx, "alert without wake-up", slog.Any("error", err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// level is the narrowest of the levels that the days have come down to.
func level(levels []int, days int64) (int, bool) {
	passed, found := 0, false
	for _, l := range levels {
		if days <= int64(l) {
			passed, found = l, true
		}
	}
	return passed, found
}

func (s *service) certificateAlerts(c *company.Company) []alert.Alert {
	var all []alert.Alert
	b := c.In(c.Active)
	for _, held := range []*company.Certificate{b.Certificate, b.Standby} {
		if held == nil {
			continue
		}
		days := daysUntil(held.NotAfter.In(s.chile).Format(time.DateOnly), s.today())
		if l, passed := level(certificateLevels, days); passed {
			all = append(all, alert.CertificateExpiring{
				Company: store.Company{Env: c.Active, RUT: c.RUT},
				SHA256:  held.SHA256, Signer: held.Signer, NotAfter: held.NotAfter, Level: l,
			})
		}
	}
	return all
}

func (s *service) folioAlerts(ctx context.Context, c *company.Company) ([]alert.Alert, error) {
	stock, err := s.folios(ctx, c.RUT, string(c.Active))
	if err != nil {
		return nil, err
	}
	of := store.Company{Env: c.Active, RUT: c.RUT}
	var all []alert.Alert
	for _, t := range stock.Types {
		s.measureFolios(ctx, of, t)
		all = append(all, s.cafAlerts(of, t)...)
		if a, low := foliosLow(of, t); low {
			all = append(all, a)
		}
	}
	return all, nil
}
