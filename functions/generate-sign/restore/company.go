package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"timbre/shared/company"
	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/folio"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// reservation is a folio that was kept for a request.
type reservation struct {
	store.DocumentID
	expires time.Time
}

func (r *run) readReservations(ctx context.Context, b *books) error {
	for o, err := range r.Archive.List(ctx, store.Query{Prefix: store.Below(store.KeptReservationRoot, b.company)}) {
		if err != nil {
			return err
		}
		id, key, err := store.ParseKeptReservation(o.Name)
		if err != nil {
			return err
		}
		var kept folio.Request
		if _, err := r.Archive.ReadJSON(ctx, store.KeptReservation(id, key), &kept); err != nil {
			return err
		}
		if kept.Expires == nil {
			return fmt.Errorf("%s names no time", o.Name)
		}
		b.kept[key] = reservation{id, *kept.Expires}
	}
	return nil
}

// expiry is when the reservation of a request ended, nil if it had none.
func (b *books) expiry(key store.RequestKey) *time.Time {
	if kept, found := b.kept[key]; found {
		return &kept.expires
	}
	return nil
}

// writeReservations keeps the folios whose time is not over and that no order took.
func (r *run) writeReservations(ctx context.Context, b *books) error {
	taken := map[store.DocumentID]bool{}
	for _, p := range b.folios {
		taken[p.DocumentID] = true
	}
	c, err := r.newest(ctx, b.company.RUT)
	if err != nil {
		return err
	}
	for key, kept := range b.kept {
		if taken[kept.DocumentID] || !r.began.Before(kept.expires) {
			continue
		}
		authorised, found := covering(c, kept.DocumentID)
		if !found {
			r.report.conflict(fmt.Sprintf("%s in %s is reserved, and no CAF in the archived configuration covers it", kept.DocumentID, kept.Env))
			continue
		}
		r.report.count("reservations", 1)
		err := r.unlessDry(func() error { return r.reserve(ctx, kept, key, authorised) })
		if errors.Is(err, folio.ErrUsed) {
			r.report.conflict(fmt.Sprintf("%s in %s is reserved: %v", kept.DocumentID, kept.Env, err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) reserve(ctx context.Context, kept reservation, key store.RequestKey, authorised company.CAF) error {
	s := kept.Series
	end := kept.expires.Add(reservationGrace)
	if err := due.Add(ctx, r.State, end, folio.Function, string(s.Env), s.RUT.String(), s.Type.String()); err != nil {
		return err
	}
	return r.ledger.RestoreReservation(ctx, folio.Reservation{DocumentID: kept.DocumentID, Expires: kept.expires}, key, folio.Order{CAF: authorised})
}

// reservationGrace is how long after its end a reservation is freed.
const reservationGrace = 3 * time.Minute

func covering(c *company.Company, d store.DocumentID) (company.CAF, bool) {
	if c == nil {
		return company.CAF{}, false
	}
	for _, f := range c.In(d.Env).CAFsOf(d.Type) {
		if f.From <= d.Folio && d.Folio <= f.To {
			return f, true
		}
	}
	return company.CAF{}, false
}

// writeVoids declares the void folios void again.
func (r *run) writeVoids(ctx context.Context, b *books) error {
	for o, err := range r.Archive.List(ctx, store.Query{Prefix: store.Below(store.KeptVoidRoot, b.company)}) {
		if err != nil {
			return err
		}
		s, from, to, err := store.ParseKeptVoid(o.Name)
		if err != nil {
			return err
		}
		var kept company.Void
		if _, err := r.Archive.ReadJSON(ctx, store.KeptVoid(s, from, to), &kept); err != nil {
			return err
		}
		r.report.count("void folios", int(to-from+1))
		err = r.unlessDry(func() error { return r.ledger.Void(ctx, s, from, to, kept.Reason) })
		if errors.Is(err, folio.ErrUsed) {
			r.report.conflict(fmt.Sprintf("folios %d to %d of type %s of %s are void: %v", from, to, s.Type, s.RUT, err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newest is the configuration of a company after its last change; nil if the archive has none.
func (r *run) newest(ctx context.Context, who rut.RUT) (*company.Company, error) {
	last := int64(-1)
	for o, err := range r.Archive.List(ctx, store.Query{Prefix: store.KeptCompanyPrefix(who)}) {
		if err != nil {
			return nil, err
		}
		if last, err = store.ParseNumber(o.Name); err != nil {
			return nil, err
		}
	}
	if last < 0 {
		return nil, nil //nolint:nilnil // none is an answer here
	}
	c := &company.Company{}
	_, err := r.Archive.ReadJSON(ctx, store.KeptCompany(who, last), c)
	return c, err
}

// open lets companies work again, the last step: until then nothing is issued or sent for them.
func (r *run) open(ctx context.Context, tell map[rut.RUT][]told, closed map[rut.RUT]bool) error {
	kept, err := r.Archive.Prefixes(ctx, store.KeptCompanies)
	if err != nil {
		return err
	}
	opened := map[rut.RUT]bool{}
	for _, prefix := range kept {
		who, err := rut.Parse(strings.TrimSuffix(strings.TrimPrefix(prefix, store.KeptCompanies), "/"))
		if err != nil {
			return fmt.Errorf("%s: %w", prefix, err)
		}
		if opened[who], err = r.openOne(ctx, who, closed[who]); err != nil {
			return err
		}
	}
	for who, changes := range tell {
		if !opened[who] {
			r.report.lack(fmt.Sprintf("company %s: not opened; its folios are safe, it issues nothing until it is registered", who))
			continue
		}
		if err := r.announce(ctx, changes); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) openOne(ctx context.Context, who rut.RUT, closed bool) (bool, error) {
	c, err := r.newest(ctx, who)
	if err != nil {
		return false, err
	}
	switch {
	case c == nil || c.Leaving != nil:
		r.report.count("companies/left", 1)
		return false, nil
	case closed:
		r.report.count("companies/closed", 1)
		return false, nil
	}
	r.report.count("companies", 1)
	return true, r.unlessDry(func() error {
		_, err := r.State.CreateJSON(ctx, store.CompanyConfig(who), c, nil)
		if errors.Is(err, store.ErrExists) {
			return nil
		}
		return err
	})
}

// announce tells callers of what changed in the last days: they may not have heard of it.
func (r *run) announce(ctx context.Context, changes []told) error {
	r.report.count("told again", len(changes))
	if r.Dry {
		return nil
	}
	return each(ctx, changes, func(ctx context.Context, t told) error {
		record, err := document.Load(ctx, r.State, t.id)
		if err != nil || record.Told == 0 {
			return err
		}
		seq := record.Told + 1
		return due.Add(ctx, r.State, record.NoticeDue(seq), document.Notify, document.NoticeParts(t.id, seq)...)
	})
}
