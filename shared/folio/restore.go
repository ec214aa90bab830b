package folio

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"timbre/shared/store"
)

// Restore makes the claim and the request of a folio that is bound, as they were before the state was
// lost; what stands already stays. expires is set if the folio was reserved first. ErrUsed if somebody
// else holds the folio, or the key another one.
func (l *Ledger) Restore(ctx context.Context, b Bound, at time.Time, expires *time.Time) error {
	c := Claim{State: Held, Key: b.Key, Nonce: rand.Text(), At: at.UTC(), Order: &b.Order}
	if err := l.restoreClaim(ctx, b.DocumentID, c); err != nil {
		return err
	}
	return l.RestoreRequest(ctx, b, expires)
}

// RestoreRequest is Restore of a request whose folio another one has claimed: that of a replacement.
func (l *Ledger) RestoreRequest(ctx context.Context, b Bound, expires *time.Time) error {
	return l.restoreRequest(ctx, b.Key, Request{DocumentID: b.DocumentID, Order: &b.Order, Expires: expires})
}

// RestoreReservation makes a reservation as it was. caf is the authorisation that covers the folio.
func (l *Ledger) RestoreReservation(ctx context.Context, r Reservation, key store.RequestKey, order Order) error {
	c := Claim{State: Reserved, Key: key, Nonce: rand.Text(), At: l.now().UTC(), Expires: &r.Expires, Order: &order}
	if err := l.restoreClaim(ctx, r.DocumentID, c); err != nil {
		return err
	}
	return l.restoreRequest(ctx, key, Request{DocumentID: r.DocumentID, Expires: &r.Expires})
}

// RestoreForeign marks a folio as used by a document of which nothing else is known.
func (l *Ledger) RestoreForeign(ctx context.Context, d store.DocumentID) error {
	return l.restoreClaim(ctx, d, Claim{State: Foreign, Nonce: rand.Text(), At: l.now().UTC()})
}

func (l *Ledger) restoreClaim(ctx context.Context, d store.DocumentID, c Claim) error {
	_, err := l.bucket.CreateJSON(ctx, store.Claim(d), c, claimMeta(c))
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	standing, err := l.read(ctx, d)
	switch {
	case err != nil:
		return err
	case standing.Key != c.Key || standing.State == Free || standing.State == Void:
		return &UsedError{d.Folio}
	}
	return nil
}

func (l *Ledger) restoreRequest(ctx context.Context, key store.RequestKey, r Request) error {
	_, err := l.bucket.CreateJSON(ctx, store.Request(r.Company, key), r, nil)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	standing, err := l.request(ctx, r.Company, key)
	if err == nil && standing.DocumentID != r.DocumentID {
		err = fmt.Errorf("%w: the request has folio %d, not %d", ErrUsed, standing.Folio, r.Folio)
	}
	return err
}

// Announce has the sweeper look at a series.
func (l *Ledger) Announce(ctx context.Context, s store.Series) error { return l.announce(ctx, s) }
