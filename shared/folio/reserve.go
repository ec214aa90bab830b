package folio

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/shared/due"
	"timbre/shared/store"
)

// Reservation is a folio kept for a key that has no order yet.
type Reservation struct {
	store.DocumentID
	Expires time.Time
}

// Reserve keeps the lowest free folio for a key until a time; Bind with the same key uses it. Repeating
// it answers the same folio; ErrReservationExpired once it went to others, ErrReservedOther if the key
// was used for another type or for a document.
func (l *Ledger) Reserve(ctx context.Context, w Wish, until time.Time) (Reservation, error) {
	if len(w.Ranges) == 0 {
		return Reservation{}, ErrNone
	}
	standing, err := l.reservation(ctx, w)
	if !errors.Is(err, store.ErrNotFound) {
		return standing, err
	}
	until = until.UTC()
	if err := due.Add(ctx, l.bucket, until.Add(l.options.Grace), Function, string(w.Env), w.RUT.String(), w.Type.String()); err != nil {
		return Reservation{}, fmt.Errorf("announce the end of a reservation: %w", err)
	}
	w.expires = &until
	h, err := l.claimLowest(ctx, w)
	if err != nil {
		return Reservation{}, err
	}
	r := Request{DocumentID: h.DocumentID, Expires: h.Expires}
	_, err = l.bucket.CreateJSON(ctx, store.Request(w.Company, w.Key), r, nil)
	if !errors.Is(err, store.ErrExists) {
		return Reservation{DocumentID: h.DocumentID, Expires: *h.Expires}, err
	}
	standing, err = l.reservation(ctx, w)
	if standing.DocumentID != h.DocumentID {
		l.giveUp(ctx, h)
	}
	return standing, err
}

// reservation is what stands for the key.
func (l *Ledger) reservation(ctx context.Context, w Wish) (Reservation, error) {
	r, err := l.request(ctx, w.Company, w.Key)
	switch {
	case err != nil:
		return Reservation{}, err
	case r.Expires == nil || r.Series != w.Series:
		return Reservation{}, ErrReservedOther
	}
	_, err = l.Find(ctx, w.Company, w.Key)
	if err != nil && !errors.Is(err, ErrReserved) {
		return Reservation{}, err
	}
	return Reservation{DocumentID: r.DocumentID, Expires: *r.Expires}, nil
}

// claimReserved turns the reservation of the key into a claim with the order.
func (l *Ledger) claimReserved(ctx context.Context, w Wish) (held, error) {
	id := *w.Reserved
	if id.Series != w.Series || w.Folio != 0 && w.Folio != id.Folio {
		return held{}, fmt.Errorf("%w: folio %d of type %s is reserved for it", ErrReservedOther, id.Folio, id.Type)
	}
	r, found := covering(w.Ranges, id.Folio)
	if !found {
		return held{}, fmt.Errorf("%w: %d", ErrOutside, id.Folio)
	}
	return l.fill(ctx, l.newClaim(w, id.Folio, r))
}

// fill puts a claim with its order in the place of the key's reservation.
func (l *Ledger) fill(ctx context.Context, h held) (held, error) {
	for {
		standing, err := l.read(ctx, h.DocumentID)
		switch {
		case err != nil:
			return held{}, err
		case standing.Key == h.Key && standing.State == Held:
			return standing, nil
		case standing.Key != h.Key || standing.State != Reserved:
			return held{}, ErrReservationExpired
		}
		taken, err := l.take(ctx, h, standing.generation)
		if !errors.Is(err, errTaken) {
			return taken, err
		}
	}
}

// move gives the order of a claim to the folio that is reserved for its key.
func (l *Ledger) move(ctx context.Context, from held, to store.DocumentID) (Bound, error) {
	if from.Series != to.Series {
		return Bound{}, ErrReservedOther
	}
	reserved, err := l.read(ctx, to)
	if err != nil {
		return Bound{}, err
	}
	if reserved.Order == nil {
		return Bound{}, ErrReservationExpired
	}
	moved := from
	moved.DocumentID = to
	order := *from.Order
	order.CAF = reserved.Order.CAF
	moved.Order = &order
	filled, err := l.fill(ctx, moved)
	if err != nil {
		return Bound{}, err
	}
	return boundOf(filled), nil
}
