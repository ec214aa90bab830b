package folio

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"timbre/shared/store"
)

const (
	// freedEvery is how often a process lists the freed folios of a series that had none.
	freedEvery = time.Second
	// missesBeforeListing is how many folios in a row may turn out taken before a listing finds the next gap.
	missesBeforeListing = 3
)

// cursors remember, per series, where the lowest free folio may be. They are hints in memory.
type cursors struct {
	mu  sync.Mutex
	all map[store.Series]*cursor
}

func (c *cursors) of(s store.Series) *cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[store.Series]*cursor{}
	}
	if c.all[s] == nil {
		c.all[s] = &cursor{}
	}
	return c.all[s]
}

type cursor struct {
	mu     sync.Mutex
	loaded bool
	ranges []Range
	next   int64   // every folio of the ranges below it is taken, or stands in back
	back   []int64 // taken from the cursor, but not claimed

	freedAfter time.Time // when to list the freed folios again
}

// claimLowest takes a freed folio if there is one, else the lowest that nobody holds.
func (l *Ledger) claimLowest(ctx context.Context, w Wish) (held, error) {
	c := l.cursors.of(w.Series)
	h, err := l.claimFreed(ctx, w, c)
	if !errors.Is(err, errTaken) {
		return h, err
	}
	for miss := 1; ; miss++ {
		folio, r, err := l.next(ctx, w, c)
		if errors.Is(err, ErrExhausted) && w.expires == nil {
			return l.lastOnes(ctx, w)
		}
		if err != nil {
			return held{}, err
		}
		h, err := l.claimAt(ctx, w, folio, r)
		switch {
		case err == nil:
			return h, nil
		case !errors.Is(err, errTaken):
			c.giveBack(folio)
			return held{}, err
		case miss%missesBeforeListing == 0:
			c.reload()
		}
	}
}

// next hands out a folio that no other request of this process gets.
func (l *Ledger) next(ctx context.Context, w Wish, c *cursor) (int64, Range, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded || !sameRanges(c.ranges, w.Ranges) {
		if err := l.load(ctx, w, c); err != nil {
			return 0, Range{}, err
		}
	}
	if len(c.back) > 0 {
		folio := slices.Min(c.back)
		c.back = slices.DeleteFunc(c.back, func(f int64) bool { return f == folio })
		if r, found := covering(w.Ranges, folio); found {
			return folio, r, nil
		}
	}
	folio, r, found := atOrAbove(w.Ranges, c.next)
	if !found {
		return 0, Range{}, ErrExhausted
	}
	c.next = folio + 1
	return folio, r, nil
}

// load finds the first gap in the claims of the ranges; the caller holds the lock.
func (l *Ledger) load(ctx context.Context, w Wish, c *cursor) error {
	from := c.next
	if !sameRanges(c.ranges, w.Ranges) {
		low, err := l.lowMark(ctx, w.Series, w.Ranges)
		if err != nil {
			return err
		}
		from, c.back = low, nil
	}
	gap, _, found := atOrAbove(w.Ranges, from)
	if found {
		var err error
		if gap, err = l.firstGap(ctx, w, gap); err != nil {
			return err
		}
		from = gap
	}
	c.loaded, c.ranges, c.next = true, w.Ranges, from
	return nil
}

// firstGap is the lowest folio of the ranges, from on, that has no claim.
func (l *Ledger) firstGap(ctx context.Context, w Wish, from int64) (int64, error) {
	start := store.Claim(store.DocumentID{Series: w.Series, Folio: from})
	for o, err := range l.bucket.List(ctx, store.Query{Prefix: store.ClaimPrefix(w.Series), Start: start.String()}) {
		if err != nil {
			return 0, err
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return 0, err
		}
		switch {
		case id.Folio > from:
			return from, nil
		case id.Folio < from: // in no usable range
			continue
		}
		next, _, found := atOrAbove(w.Ranges, from+1)
		if from = next; !found {
			return id.Folio + 1, nil
		}
	}
	return from, nil
}

// claimFreed takes the lowest freed folio of the ranges; errTaken if there is none.
func (l *Ledger) claimFreed(ctx context.Context, w Wish, c *cursor) (held, error) {
	if !c.mayHaveFreed(l.now()) {
		return held{}, errTaken
	}
	for o, err := range l.bucket.List(ctx, store.Query{Prefix: store.FreedPrefix(w.Series)}) {
		if err != nil {
			return held{}, err
		}
		h, err := l.takeFreed(ctx, w, o)
		if !errors.Is(err, errTaken) {
			return h, err
		}
	}
	c.noFreed(l.now())
	return held{}, errTaken
}

// takeFreed takes the folio that a hint names, and removes a hint that has done its work.
func (l *Ledger) takeFreed(ctx context.Context, w Wish, hint store.Object) (held, error) {
	id, err := store.ParseDocument(hint.Name)
	if err != nil {
		return held{}, err
	}
	r, found := covering(w.Ranges, id.Folio)
	if !found {
		return held{}, errTaken
	}
	standing, err := l.read(ctx, id)
	if err != nil {
		return held{}, err
	}
	h, err := held{}, errTaken
	if standing.State == Free {
		h, err = l.take(ctx, l.newClaim(w, id.Folio, r), standing.generation)
	}
	if err == nil || l.finished(ctx, id) {
		l.forget(ctx, id, hint.Generation)
	}
	return h, err
}

// finished tells whether a document has the folio, so that no claim of it can be freed any more.
func (l *Ledger) finished(ctx context.Context, id store.DocumentID) bool {
	there, err := l.bucket.Exists(ctx, store.Document(id))
	return err == nil && there
}

// forget removes a hint; one that stays is harmless.
func (l *Ledger) forget(ctx context.Context, id store.DocumentID, generation int64) {
	if err := l.bucket.Delete(ctx, store.Freed(id), generation); err != nil {
		l.log.DebugContext(ctx, "hint of a freed folio stays", "folio", id.Folio, "tipo_dte", id.Type, "error", err)
	}
}

func (c *cursor) giveBack(folio int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back = append(c.back, folio)
}

func (c *cursor) reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = false
}

func (c *cursor) lookForFreed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.freedAfter = time.Time{}
}

func (c *cursor) noFreed(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.freedAfter = now.Add(freedEvery)
}

func (c *cursor) mayHaveFreed(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !now.Before(c.freedAfter)
}

// covering is the range that holds a folio.
func covering(ranges []Range, folio int64) (Range, bool) {
	for _, r := range ranges {
		if r.From <= folio && folio <= r.To {
			return r, true
		}
	}
	return Range{}, false
}

// atOrAbove is the lowest folio of the ranges that is not below one.
func atOrAbove(ranges []Range, folio int64) (int64, Range, bool) {
	for _, r := range ranges {
		if folio <= r.To {
			return max(folio, r.From), r, true
		}
	}
	return 0, Range{}, false
}

func sameRanges(a, b []Range) bool {
	return slices.EqualFunc(a, b, func(x, y Range) bool { return x.From == y.From && x.To == y.To })
}
