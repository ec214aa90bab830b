package folio

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"timbre/shared/company"
	"timbre/shared/planted"
	"timbre/shared/store"
)

// What callers branch on.
var (
	// ErrNone says that no CAF of the type may be used.
	ErrNone = errors.New("folio: no CAF")
	// ErrExhausted says that every folio of the usable CAFs is taken.
	ErrExhausted = errors.New("folio: exhausted")
	// ErrUsed says that the folio that the caller chose is taken.
	ErrUsed = errors.New("folio: used")
	// ErrOutside says that the folio that the caller chose is in no usable CAF.
	ErrOutside = errors.New("folio: in no usable CAF")
	// ErrReserved says that a key has a folio, but no order so far; Wish.Reserved names it.
	ErrReserved = errors.New("folio: reserved")
	// ErrReservationExpired says that the folio reserved for the key went to others.
	ErrReservationExpired = errors.New("folio: reservation expired")
	// ErrReservedOther says that the key was used for something else than this reservation.
	ErrReservedOther = errors.New("folio: key used otherwise")
)

// State is what became of a folio.
type State string

// The states of a claim.
const (
	Held     State = "held"     // belongs to Claim.Key, or is about to be freed
	Reserved State = "reserved" // kept for Claim.Key until Claim.Expires
	Free     State = "free"     // was claimed in vain and may be taken
	Void     State = "void"     // declared unused for ever
	Foreign  State = "foreign"  // used by another system
)

// Order is what a document is made of, whoever finishes it.
type Order struct {
	// BodyHash is SHA-256 of the request; another body under the same key is refused.
	BodyHash string `json:"body_hash"`
	// CAF authorises the folio.
	CAF company.CAF `json:"caf"`
	// Content is the resolved order, of no concern here.
	Content json.RawMessage `json:"content"`
}

// Claim is the content of claims/F.
type Claim struct {
	State State            `json:"state"`
	Key   store.RequestKey `json:"key,omitempty"`
	// Nonce makes each write of a claim differ, so that a writer knows its own.
	Nonce string    `json:"nonce"`
	At    time.Time `json:"at"`
	Order *Order    `json:"order,omitempty"`
	// Expires is when a reservation may be freed.
	Expires *time.Time `json:"expires,omitempty"`
	// Reason is why the folio is void.
	Reason string `json:"reason,omitempty"`
}

// Request is the content of req/K.
type Request struct {
	store.DocumentID
	// Order is nil for a reservation: what the folio is for stands in its claim once it is known.
	Order *Order `json:"order,omitempty"`
	// Expires is when a reservation ends.
	Expires *time.Time `json:"expires,omitempty"`
}

// Range is a run of folios that one CAF authorises, both ends included.
type Range struct {
	From, To int64
	CAF      company.CAF
}

// Wish is a request for a folio.
type Wish struct {
	store.Series
	Key store.RequestKey
	// Folio is the caller's own choice, 0 for the lowest free one.
	Folio int64
	// Reserved is the folio that Find told with ErrReserved, nil if there is none.
	Reserved *store.DocumentID
	// Ranges are those that may be used, in order, not overlapping.
	Ranges   []Range
	BodyHash string
	Content  json.RawMessage

	expires *time.Time // set: the folio is only reserved
}

// Bound is a folio that belongs to a key for ever.
type Bound struct {
	store.DocumentID
	Key   store.RequestKey `json:"key"`
	Order Order            `json:"order"`
}

// Ledger claims and binds folios of all series.
type Ledger struct {
	bucket  *store.Bucket
	log     *slog.Logger
	now     func() time.Time
	options Options
	cursors cursors
	sweeps  announced
}

// Options are what a Ledger may be told; zero values take the defaults.
type Options struct {
	// SweepAfter is how old a claim must be before somebody else finishes it (1 min).
	SweepAfter time.Duration
	// AnnounceEvery is how long one due entry covers the claims of a process (5 min).
	AnnounceEvery time.Duration
	// Grace lies between the end of that time and the look at the entry. It must exceed the rounding
	// to minutes, the deadline of a request and what clocks differ, so that every claim which an entry
	// covers is made before (3 min).
	Grace time.Duration
}

// New makes a ledger on the state bucket.
func New(b *store.Bucket, log *slog.Logger, now func() time.Time, o Options) *Ledger {
	o.SweepAfter = cmp.Or(o.SweepAfter, time.Minute)
	o.AnnounceEvery = cmp.Or(o.AnnounceEvery, 5*time.Minute)
	o.Grace = cmp.Or(o.Grace, 3*time.Minute)
	return &Ledger{bucket: b, log: log, now: now, options: o}
}

// Find tells what is bound to a key: store.ErrNotFound if nothing is, ErrReserved with the folio if it
// waits for its order, ErrReservationExpired if it has waited too long.
func (l *Ledger) Find(ctx context.Context, c store.Company, key store.RequestKey) (Bound, error) {
	r, err := l.request(ctx, c, key)
	if err != nil {
		return Bound{}, err
	}
	if r.Order != nil {
		return Bound{DocumentID: r.DocumentID, Key: key, Order: *r.Order}, nil
	}
	h, err := l.read(ctx, r.DocumentID)
	switch {
	case err != nil:
		return Bound{}, err
	case h.Key == key && h.State == Held:
		return boundOf(h), nil
	case h.Key == key && h.State == Reserved:
		return Bound{DocumentID: r.DocumentID, Key: key}, ErrReserved
	}
	return Bound{}, ErrReservationExpired
}

func (l *Ledger) request(ctx context.Context, c store.Company, key store.RequestKey) (Request, error) {
	var r Request
	_, err := l.bucket.ReadJSON(ctx, store.Request(c, key), &r)
	return r, err
}

// Bind gives a key its folio. The answer holds what is stored: if the key was bound before, perhaps to
// another body, that is what comes back. After an error the folio, if one was claimed, belongs to the
// key: the same request, or the sweeper, goes on with it. ErrNone, ErrExhausted, ErrUsed and ErrOutside
// leave nothing behind.
func (l *Ledger) Bind(ctx context.Context, w Wish) (Bound, error) {
	if len(w.Ranges) == 0 {
		return Bound{}, ErrNone
	}
	h, err := l.claim(ctx, w)
	if err != nil {
		return Bound{}, err
	}
	return l.bind(ctx, h)
}

// bound is what stands under the key after a claim of it was made.
func boundOf(h held) Bound { return Bound{DocumentID: h.DocumentID, Key: h.Key, Order: *h.Order} }

// held is a claim as it stands in the bucket.
type held struct {
	store.DocumentID
	Claim
	generation int64
}

func (l *Ledger) claim(ctx context.Context, w Wish) (held, error) {
	switch {
	case w.Reserved != nil:
		return l.claimReserved(ctx, w)
	case w.Folio == 0:
		return l.claimLowest(ctx, w)
	}
	r, found := covering(w.Ranges, w.Folio)
	if !found {
		return held{}, fmt.Errorf("%w: %d", ErrOutside, w.Folio)
	}
	h, err := l.claimOwn(ctx, w, r)
	if errors.Is(err, errTaken) {
		return held{}, fmt.Errorf("%w: %d", ErrUsed, w.Folio)
	}
	return h, err
}

// claimOwn is claimAt for the caller's choice; it looks first, so that a refusal writes nothing.
func (l *Ledger) claimOwn(ctx context.Context, w Wish, r Range) (held, error) {
	id := store.DocumentID{Series: w.Series, Folio: w.Folio}
	standing, err := l.read(ctx, id)
	if err == nil && standing.State != Free && standing.Key != w.Key {
		return held{}, errTaken
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return held{}, err
	}
	return l.claimAt(ctx, w, w.Folio, r)
}

// errTaken says that a folio belongs to somebody else.
var errTaken = errors.New("folio: taken")

// claimAt takes a folio that nobody holds or that was freed, or finds it held by the same key.
func (l *Ledger) claimAt(ctx context.Context, w Wish, folio int64, r Range) (held, error) {
	if err := l.announce(ctx, w.Series); err != nil {
		return held{}, err
	}
	h := l.newClaim(w, folio, r)
	text, err := json.Marshal(h.Claim)
	if err != nil {
		return held{}, err
	}
	o, err := l.bucket.CreateOrRead(ctx, store.Claim(h.DocumentID), text, claimMeta(h.Claim))
	if h.generation = o.Generation; !errors.Is(err, store.ErrExists) {
		return h, err
	}
	standing, err := heldBy(h.DocumentID, o)
	switch {
	case err != nil:
		return held{}, err
	case standing.Key == w.Key && standing.State == h.State:
		return standing, nil
	case standing.State == Free, standing.Key == w.Key && standing.State == Reserved:
		return l.take(ctx, h, standing.generation)
	}
	return held{}, errTaken
}

// take turns a free claim of the generation into h.
func (l *Ledger) take(ctx context.Context, h held, generation int64) (held, error) {
	if err := l.announce(ctx, h.Series); err != nil {
		return held{}, err
	}
	var err error
	h.generation, err = l.bucket.ReplaceJSON(ctx, store.Claim(h.DocumentID), generation, h.Claim, claimMeta(h.Claim))
	if errors.Is(err, store.ErrChanged) {
		return held{}, errTaken
	}
	return h, err
}

func (l *Ledger) newClaim(w Wish, folio int64, r Range) held {
	h := held{
		DocumentID: store.DocumentID{Series: w.Series, Folio: folio},
		Claim: Claim{
			State: Held, Key: w.Key, Nonce: rand.Text(), At: l.now().UTC(), Expires: w.expires,
			Order: &Order{BodyHash: w.BodyHash, CAF: r.CAF, Content: w.Content},
		},
	}
	if w.expires != nil {
		h.State = Reserved
	}
	return h
}

func (l *Ledger) read(ctx context.Context, id store.DocumentID) (held, error) {
	o, err := l.bucket.Read(ctx, store.Claim(id))
	if err != nil {
		return held{DocumentID: id}, err
	}
	return heldBy(id, o)
}

// heldBy reads a claim.
func heldBy(id store.DocumentID, o store.Object) (held, error) {
	h := held{DocumentID: id, generation: o.Generation}
	if err := json.Unmarshal(o.Data, &h.Claim); err != nil {
		return h, fmt.Errorf("folio: read the claim of %s: %w", id, err)
	}
	if (h.State == Held || h.State == Reserved) && h.Order == nil {
		return h, fmt.Errorf("folio: claim of %s holds no order", id)
	}
	return h, nil
}

// bind creates req/K for a claim. If the key has another folio, that one counts and the claim is freed:
// besides the sweeper, which calls this too, nobody frees a claim that is held.
func (l *Ledger) bind(ctx context.Context, h held) (Bound, error) {
	_, err := l.bucket.CreateJSON(ctx, store.Request(h.Company, h.Key), Request{DocumentID: h.DocumentID, Order: h.Order}, nil)
	if err == nil || planted.Is("second-folio") {
		return boundOf(h), nil
	}
	if !errors.Is(err, store.ErrExists) {
		return Bound{}, err
	}
	bound, err := l.Find(ctx, h.Company, h.Key)
	if errors.Is(err, ErrReserved) { // the reservation came between; its folio gets this order
		bound, err = l.move(ctx, h, bound.DocumentID)
	}
	elsewhere := errors.Is(err, ErrReservationExpired) || errors.Is(err, ErrReservedOther) // and not to be had
	if err != nil && !elsewhere || bound.DocumentID == h.DocumentID {
		return bound, err
	}
	l.giveUp(ctx, h)
	return bound, err
}

// BindTo gives a key a folio that is another request's, which the caller has seen to: a replacement. The
// answer holds what is stored, perhaps another folio.
func (l *Ledger) BindTo(ctx context.Context, b Bound) (Bound, error) {
	_, err := l.bucket.CreateJSON(ctx, store.Request(b.Company, b.Key), Request{DocumentID: b.DocumentID, Order: &b.Order}, nil)
	if errors.Is(err, store.ErrExists) {
		return l.Find(ctx, b.Company, b.Key)
	}
	return b, err
}

// giveUp frees a claim whose key has another folio.
func (l *Ledger) giveUp(ctx context.Context, h held) {
	if err := l.free(ctx, h); err != nil {
		l.log.WarnContext(ctx, "claim not freed, the sweeper will", "folio", h.Folio, "tipo_dte", h.Type, "error", err)
	}
}

// free gives a claim of the generation seen back, the hint first: a hint without a free claim is
// harmless. Somebody who came between has freed it, and perhaps taken it.
func (l *Ledger) free(ctx context.Context, h held) error {
	if _, err := l.bucket.Create(ctx, store.Freed(h.DocumentID), nil, nil); err != nil {
		return err
	}
	c := Claim{State: Free, Nonce: rand.Text(), At: l.now().UTC()}
	_, err := l.bucket.ReplaceJSON(ctx, store.Claim(h.DocumentID), h.generation, c, claimMeta(c))
	if errors.Is(err, store.ErrChanged) {
		return nil
	}
	l.cursors.of(h.Series).lookForFreed()
	return err
}

// claimMeta lets listings tell what a claim is without reading it.
func claimMeta(c Claim) map[string]string {
	meta := map[string]string{metaState: string(c.State), metaAt: c.At.Format(time.RFC3339)}
	if c.Key != "" {
		meta[metaKey] = string(c.Key)
	}
	return meta
}

const (
	metaState = "state"
	metaAt    = "at"
	metaKey   = "key"
)
