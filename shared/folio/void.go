package folio

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"timbre/shared/store"
)

// Void declares the folios from..to of a series unused for ever; nothing is said to the SII. ErrUsed if
// one of them is held or reserved: then none is voided. Voiding a void folio changes nothing.
func (l *Ledger) Void(ctx context.Context, s store.Series, from, to int64, reason string) error {
	if used, err := l.firstUsed(ctx, s, from, to); err != nil || used != 0 {
		return errors.Join(err, usedError(used))
	}
	var done []held
	for folio := from; folio <= to; folio++ {
		h, err := l.void(ctx, store.DocumentID{Series: s, Folio: folio}, reason)
		if err != nil {
			return errors.Join(err, l.unvoid(ctx, done))
		}
		if h.generation != 0 {
			done = append(done, h)
		}
	}
	return nil
}

// UsedError is ErrUsed with the folio.
type UsedError struct{ Folio int64 }

func (e *UsedError) Error() string { return fmt.Sprintf("%v: %d", ErrUsed, e.Folio) }

// Unwrap gives ErrUsed.
func (e *UsedError) Unwrap() error { return ErrUsed }

func usedError(folio int64) error {
	if folio == 0 {
		return nil
	}
	return &UsedError{folio}
}

// firstUsed is the lowest folio of the range that somebody holds, 0 if none does.
func (l *Ledger) firstUsed(ctx context.Context, s store.Series, from, to int64) (int64, error) {
	query := store.Query{
		Prefix: store.ClaimPrefix(s),
		Start:  store.Claim(store.DocumentID{Series: s, Folio: from}).String(),
		End:    store.Claim(store.DocumentID{Series: s, Folio: to + 1}).String(),
	}
	for o, err := range l.bucket.List(ctx, query) {
		if err != nil {
			return 0, err
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return 0, err
		}
		if state := State(o.Meta[metaState]); state != Free && state != Void {
			return id.Folio, nil
		}
	}
	return 0, nil
}

// void claims one folio for nobody. A generation of 0 says that it was void before.
func (l *Ledger) void(ctx context.Context, id store.DocumentID, reason string) (held, error) {
	h := held{DocumentID: id, Claim: Claim{State: Void, Nonce: rand.Text(), At: l.now().UTC(), Reason: reason}}
	var err error
	h.generation, err = l.bucket.CreateJSON(ctx, store.Claim(id), h.Claim, claimMeta(h.Claim))
	if !errors.Is(err, store.ErrExists) {
		return h, err
	}
	standing, err := l.read(ctx, id)
	switch {
	case err != nil:
		return held{}, err
	case standing.State == Void:
		return held{}, nil
	case standing.State != Free:
		return held{}, usedError(id.Folio)
	}
	h, err = l.take(ctx, h, standing.generation)
	if errors.Is(err, errTaken) {
		err = usedError(id.Folio)
	}
	return h, err
}

// unvoid frees what a Void that failed has done so far.
func (l *Ledger) unvoid(ctx context.Context, done []held) error {
	var failed error
	for _, h := range done {
		failed = errors.Join(failed, l.free(ctx, h))
	}
	return failed
}
