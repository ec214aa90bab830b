package folio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"timbre/shared/due"
	"timbre/shared/planted"
	"timbre/shared/store"
)

// Function is in whose name sweeps stand under due/.
const Function = "generate-sign"

// announced remembers for which series a due entry covers the claims to come.
type announced struct {
	mu    sync.Mutex
	until map[store.Series]time.Time
}

// announce makes sure that a sweep will look at the claims that this process is about to make.
func (l *Ledger) announce(ctx context.Context, s store.Series) error {
	now := l.now()
	l.sweeps.mu.Lock()
	defer l.sweeps.mu.Unlock()
	if now.Before(l.sweeps.until[s]) {
		return nil
	}
	err := due.Add(ctx, l.bucket, now.Add(l.options.AnnounceEvery+l.options.Grace), Function, string(s.Env), s.RUT.String(), s.Type.String())
	if err != nil {
		return fmt.Errorf("announce a sweep: %w", err)
	}
	if l.sweeps.until == nil {
		l.sweeps.until = map[store.Series]time.Time{}
	}
	l.sweeps.until[s] = now.Add(l.options.AnnounceEvery)
	return nil
}

// Sweep finishes what died on its way in a series: it binds claims that have no request, frees those
// whose request has another folio and calls finish for those that are bound but have no document yet.
// Left counts what is still to be done: younger claims (somebody may be at work), and failures, whose
// errors come joined. authorized are the folios that may be in use, for the mark below which all is done.
func (l *Ledger) Sweep(ctx context.Context, s store.Series, authorized []Range, finish func(context.Context, Bound) error) (int, error) {
	low, err := l.lowMark(ctx, s, authorized)
	if err != nil {
		return 0, err
	}
	claims, err := l.unfinished(ctx, s, low)
	if err != nil {
		return 0, err
	}
	var failed error
	left := 0
	for _, o := range claims.open {
		done, err := l.finishClaim(ctx, o, finish)
		if !done {
			left++
		}
		failed = errors.Join(failed, err)
	}
	if failed == nil {
		failed = l.advance(ctx, s, authorized, low, claims.mark(authorized, low))
	}
	return left, failed
}

// finishClaim goes on with a claim that has no document; done means that nothing is left to do.
func (l *Ledger) finishClaim(ctx context.Context, o store.Object, finish func(context.Context, Bound) error) (bool, error) {
	id, err := store.ParseDocument(o.Name)
	if err != nil {
		return false, err
	}
	if o.Meta[metaState] == string(Free) {
		_, err := l.bucket.Create(ctx, store.Freed(id), nil, nil)
		return err == nil, err
	}
	if at, err := time.Parse(time.RFC3339, o.Meta[metaAt]); err == nil && l.now().Before(at.Add(l.options.SweepAfter)) {
		return false, nil
	}
	h, err := l.read(ctx, id)
	switch {
	case err != nil:
		return false, err
	case h.State == Reserved:
		return true, l.endReservation(ctx, h) // an entry of its own is due when it ends
	case h.State != Held:
		return true, nil
	}
	if planted.Is("free-unbound") {
		if _, err := l.request(ctx, h.Company, h.Key); errors.Is(err, store.ErrNotFound) {
			return true, l.free(ctx, h)
		}
	}
	bound, err := l.bind(ctx, h)
	if errors.Is(err, ErrReservationExpired) || errors.Is(err, ErrReservedOther) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	err = finish(ctx, bound)
	return err == nil, err
}

// endReservation frees a reservation whose time is over.
func (l *Ledger) endReservation(ctx context.Context, h held) error {
	if h.Expires != nil && l.now().Before(*h.Expires) {
		return nil
	}
	return l.free(ctx, h)
}

// listing is what a sweep sees: the folios claimed, in runs, and the claims that have no document.
type listing struct {
	claimed []span
	open    []store.Object
}

// add notes a claimed folio; they come in order.
func (f *listing) add(folio int64) {
	if n := len(f.claimed); n > 0 && f.claimed[n-1].To == folio-1 {
		f.claimed[n-1].To = folio
		return
	}
	f.claimed = append(f.claimed, span{folio, folio})
}

// has tells whether a folio is claimed.
func (f *listing) has(folio int64) bool {
	n, _ := slices.BinarySearchFunc(f.claimed, folio, func(s span, folio int64) int { return cmp.Compare(s.To, folio) })
	return n < len(f.claimed) && f.claimed[n].From <= folio
}

// unfinished merges the listings of claims and documents, both in order of folios, page by page: there may be
// a million of each. A document that comes meanwhile is missed, which costs a look in vain.
func (l *Ledger) unfinished(ctx context.Context, s store.Series, low int64) (listing, error) {
	first := store.DocumentID{Series: s, Folio: low}
	documents := l.folios(ctx, store.Query{Prefix: store.DocumentPrefix(s), Start: store.Document(first).String()})
	defer documents.stop()
	var found listing
	for o, err := range l.bucket.List(ctx, store.Query{Prefix: store.ClaimPrefix(s), Start: store.Claim(first).String()}) {
		if err != nil {
			return listing{}, err
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return listing{}, err
		}
		found.add(id.Folio)
		if state := State(o.Meta[metaState]); state == Void || state == Foreign {
			continue
		}
		finished, err := documents.reach(id.Folio)
		if err != nil {
			return listing{}, err
		}
		if !finished {
			found.open = append(found.open, o)
		}
	}
	return found, nil
}

// walk goes over the folios of a listing as far as it is asked to; nothing is listed before.
type walk struct {
	next func() (store.Object, error, bool)
	stop func()
	at   int64
	over bool
}

func (l *Ledger) folios(ctx context.Context, q store.Query) *walk {
	next, stop := iter.Pull2(l.bucket.List(ctx, q))
	return &walk{next: next, stop: stop, at: -1}
}

// reach goes on to a folio and tells whether it is there.
func (w *walk) reach(folio int64) (bool, error) {
	for w.at < folio && !w.over {
		o, err, more := w.next()
		if err != nil {
			return false, err
		}
		if w.over = !more; w.over {
			break
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return false, err
		}
		w.at = id.Folio
	}
	return w.at == folio, nil
}

// mark is the lowest authorized folio from low on that is not claimed or not finished; no held claim that is
// not finished lies below it, authorized or not any more.
func (f *listing) mark(authorized []Range, low int64) int64 {
	open, held := map[int64]bool{}, int64(math.MaxInt64)
	for _, o := range f.open {
		id, err := store.ParseDocument(o.Name)
		if err != nil || planted.Is("mark-ahead") {
			continue
		}
		open[id.Folio] = true
		if o.Meta[metaState] == string(Held) {
			held = min(held, id.Folio)
		}
	}
	for {
		folio, _, found := atOrAbove(authorized, low)
		if !found {
			return min(low, held)
		}
		if !f.has(folio) || open[folio] {
			return min(folio, held)
		}
		low = folio + 1
	}
}

// lowMark says that below Low every folio of Ranges is taken and finished. Of a CAF that was loaded later
// it says nothing, though its folios be lower.
type lowMark struct {
	Low    int64  `json:"low"`
	Ranges []span `json:"ranges"`
}

type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// over is the mark for ranges: the lowest folio of one that it says nothing of.
func (m lowMark) over(ranges []Range) int64 {
	low := m.Low
	for _, r := range ranges {
		known := slices.ContainsFunc(m.Ranges, func(s span) bool { return s.From <= r.From && min(r.To, m.Low-1) <= s.To })
		if !known {
			low = min(low, r.From)
		}
	}
	return low
}

func (l *Ledger) lowMark(ctx context.Context, s store.Series, ranges []Range) (int64, error) {
	var m lowMark
	_, err := l.bucket.ReadJSON(ctx, store.LowMark(s), &m)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return m.over(ranges), err
}

// advance moves the mark. What a stale writer puts there is true of the ranges that he knows.
func (l *Ledger) advance(ctx context.Context, s store.Series, authorized []Range, from, to int64) error {
	if to <= from {
		return nil
	}
	next := lowMark{Low: to}
	for _, r := range authorized {
		next.Ranges = append(next.Ranges, span{r.From, r.To})
	}
	_, err := store.Update(ctx, l.bucket, store.LowMark(s), func(m *lowMark) error {
		if m.over(authorized) >= to {
			return store.ErrUnchanged
		}
		*m = next
		return nil
	}, nil)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	_, err = l.bucket.CreateJSON(ctx, store.LowMark(s), next, nil)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// SweepDue sweeps the series whose time has come and removes the entries with nothing left. ranges
// tells the authorized folios of a series.
func (l *Ledger) SweepDue(ctx context.Context, ranges func(context.Context, store.Series) ([]Range, error), finish func(context.Context, Bound) error) error {
	entries, err := due.List(ctx, l.bucket, l.now(), Function, sweepsPerTick)
	if err != nil {
		return err
	}
	var failed error
	bySeries := map[string][]due.Entry{} // one that cannot be finished must not crowd out the others
	for _, e := range entries {
		name := strings.Join(e.Parts, "/")
		bySeries[name] = append(bySeries[name], e)
	}
	for _, same := range bySeries {
		failed = errors.Join(failed, l.sweepEntries(ctx, same, ranges, finish))
	}
	return failed
}

// sweepsPerTick bounds the entries of one tick; the rest waits for the next.
const sweepsPerTick = 2000

// sweepEntries sweeps the series that entries name, once, and removes them if nothing is left.
func (l *Ledger) sweepEntries(ctx context.Context, same []due.Entry, ranges func(context.Context, store.Series) ([]Range, error), finish func(context.Context, Bound) error) error {
	parts := same[0].Parts
	if len(parts) != 3 {
		return fmt.Errorf("folio: due entry %v names no series", parts)
	}
	s, err := store.ParseSeries(parts[0], parts[1], parts[2])
	if err != nil {
		return err
	}
	authorized, err := ranges(ctx, s)
	if err != nil {
		return err
	}
	left, err := l.Sweep(ctx, s, authorized, finish)
	if err != nil || left > 0 {
		return err
	}
	for _, e := range same {
		err = errors.Join(err, due.Done(ctx, l.bucket, e))
	}
	return err
}
