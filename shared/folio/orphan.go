package folio

import (
	"context"
	"errors"

	"timbre/shared/store"
)

// Orphan binds the claim of a key that no request names, since its process died in between, as the sweeper will:
// store.ErrNotFound if there is none in the series. authorized are the folios that may be in use.
func (l *Ledger) Orphan(ctx context.Context, s store.Series, key store.RequestKey, authorized []Range) (Bound, error) {
	h, err := l.orphan(ctx, s, key, authorized)
	if err != nil {
		return Bound{}, err
	}
	return l.bind(ctx, h)
}

// lastOnes is the key's own claim where all folios are taken, else ErrExhausted: its process may have died with
// the very last folio, and the sweeper may finish it after the key was refused one.
func (l *Ledger) lastOnes(ctx context.Context, w Wish) (held, error) {
	h, err := l.orphan(ctx, w.Series, w.Key, w.Ranges)
	if errors.Is(err, store.ErrNotFound) {
		return held{}, ErrExhausted
	}
	return h, err
}

// orphan finds the claim of a key from the low mark for ranges on, below which all is finished.
func (l *Ledger) orphan(ctx context.Context, s store.Series, key store.RequestKey, ranges []Range) (held, error) {
	low, err := l.lowMark(ctx, s, ranges)
	if err != nil {
		return held{}, err
	}
	first := store.Claim(store.DocumentID{Series: s, Folio: low})
	for o, err := range l.bucket.List(ctx, store.Query{Prefix: store.ClaimPrefix(s), Start: first.String()}) {
		if err != nil {
			return held{}, err
		}
		if o.Meta[metaState] != string(Held) || o.Meta[metaKey] != string(key) {
			continue
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return held{}, err
		}
		h, err := l.read(ctx, id)
		if err != nil || h.Key == key && h.State == Held {
			return h, err
		}
	}
	return held{}, store.ErrNotFound
}
