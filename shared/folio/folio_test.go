package folio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/folio"
	"timbre/shared/rut"
	"timbre/shared/store"
)

var series = store.Series{
	Company: store.Company{Env: store.Certificacion, RUT: rut.MustParse("76192083-9")},
	Type:    dte.Factura,
}

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return start }

func id(n int64) store.DocumentID { return store.DocumentID{Series: series, Folio: n} }

func ranges(bounds ...int64) []folio.Range {
	var all []folio.Range
	for i := 0; i < len(bounds); i += 2 {
		caf := company.CAF{Type: dte.Factura, From: bounds[i], To: bounds[i+1]}
		all = append(all, folio.Range{From: bounds[i], To: bounds[i+1], CAF: caf})
	}
	return all
}

func wish(key string, r []folio.Range) folio.Wish {
	return folio.Wish{Series: series, Key: store.KeyOf(key), Ranges: r, BodyHash: "hash of " + key, Content: []byte(`{"order":"` + key + `"}`)}
}

func newLedger(b *store.Bucket) *folio.Ledger {
	return folio.New(b, slog.New(slog.DiscardHandler), clock, folio.Options{})
}

// finish is what generate-sign does at the end: the document exists from here on.
func finish(b *store.Bucket) func(context.Context, folio.Bound) error {
	return func(ctx context.Context, bound folio.Bound) error {
		_, err := b.Create(ctx, store.Document(bound.DocumentID), []byte(`"`+bound.Key+`"`), nil)
		return err
	}
}

func bind(t *testing.T, l *folio.Ledger, w folio.Wish) folio.Bound {
	t.Helper()
	bound, err := l.Bind(t.Context(), w)
	if err != nil {
		t.Fatalf("bind: %v", err)
	}
	return bound
}

func TestFoliosAreConsecutive(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	r := ranges(58, 60, 101, 102)
	var got []int64
	for i := range 5 {
		bound := bind(t, newLedger(b), wish(fmt.Sprint(i), r))
		got = append(got, bound.Folio)
		if want := fmt.Sprintf("hash of %d", i); bound.Order.BodyHash != want || bound.Order.CAF.From > bound.Folio {
			t.Errorf("folio %d carries %+v", bound.Folio, bound.Order)
		}
	}
	if diff := cmp.Diff([]int64{58, 59, 60, 101, 102}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := newLedger(b).Bind(t.Context(), wish("one more", r)); !errors.Is(err, folio.ErrExhausted) {
		t.Errorf("bind beyond the last: %v", err)
	}
	if _, err := newLedger(b).Bind(t.Context(), wish("none", nil)); !errors.Is(err, folio.ErrNone) {
		t.Errorf("bind without a CAF: %v", err)
	}
}

func TestSameKeySameFolio(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	l, r := newLedger(b), ranges(1, 100)
	first := bind(t, l, wish("a", r))
	bind(t, l, wish("b", r))
	again := bind(t, newLedger(b), wish("a", r))
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the second binding differs: %s", diff)
	}
	if got := bind(t, newLedger(b), wish("c", r)); got.Folio != 3 {
		t.Errorf("the folio claimed in vain is lost: next is %d", got.Folio)
	}
}

func TestCallersOwnFolio(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory()
	b := store.NewBucket(memory)
	l, r := newLedger(b), ranges(1, 100)
	own := wish("a", r)
	own.Folio = 3
	if got := bind(t, l, own); got.Folio != 3 {
		t.Errorf("got %d", got.Folio)
	}
	before := memory.Len()
	own.Key = store.KeyOf("b")
	if _, err := l.Bind(t.Context(), own); !errors.Is(err, folio.ErrUsed) {
		t.Errorf("a used folio: %v", err)
	}
	own.Folio = 101
	if _, err := l.Bind(t.Context(), own); !errors.Is(err, folio.ErrOutside) {
		t.Errorf("a folio of no CAF: %v", err)
	}
	if memory.Len() != before {
		t.Errorf("a refusal left %d objects behind", memory.Len()-before)
	}
	var got []int64
	for i := range 3 {
		got = append(got, bind(t, l, wish(fmt.Sprint(i), r)).Folio)
	}
	if diff := cmp.Diff([]int64{1, 2, 4}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNewCAFBelowTheCursor(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	l := newLedger(b)
	bind(t, l, wish("a", ranges(101, 200)))
	if got := bind(t, l, wish("b", ranges(1, 50, 101, 200))); got.Folio != 1 {
		t.Errorf("got %d, want the lowest", got.Folio)
	}
}

// TestNewCAFBelowTheMark: the CAFs come out of order, and the sweeper has marked the higher one as finished
// when the lower one is loaded. Its folios are given, and its claims swept.
func TestNewCAFBelowTheMark(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	upper, both := ranges(101, 200), ranges(1, 50, 101, 200)
	later := folio.New(b, slog.New(slog.DiscardHandler), func() time.Time { return start.Add(time.Hour) }, folio.Options{})
	sweep := func(r []folio.Range) {
		t.Helper()
		if left, err := later.Sweep(t.Context(), series, r, finish(b)); err != nil || left != 0 {
			t.Errorf("sweep left %d, %v", left, err)
		}
	}
	bind(t, newLedger(b), wish("a", upper))
	sweep(upper)
	if got := bind(t, newLedger(b), wish("b", both)); got.Folio != 1 {
		t.Errorf("got %d, want the lowest", got.Folio)
	}
	sweep(both)
	expectExists(t, b, store.Document(id(1)), true)
	sweep(upper) // by a process that does not know the new CAF yet
	if got := bind(t, newLedger(b), wish("c", both)); got.Folio != 2 {
		t.Errorf("got %d, want the lowest", got.Folio)
	}
}

// TestMarkPassesNoHeldClaim: the folios up to 5 are closed (first=6) while an order holds one of them.
func TestMarkPassesNoHeldClaim(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	bind(t, newLedger(b), wish("a", ranges(1, 100)))
	if left, err := newLedger(b).Sweep(t.Context(), series, ranges(6, 100), finish(b)); err != nil || left != 1 {
		t.Fatalf("sweep left %d, %v", left, err)
	}
	later := folio.New(b, slog.New(slog.DiscardHandler), func() time.Time { return start.Add(time.Hour) }, folio.Options{})
	if left, err := later.Sweep(t.Context(), series, ranges(6, 100), finish(b)); err != nil || left != 0 {
		t.Errorf("sweep left %d, %v", left, err)
	}
	expectExists(t, b, store.Document(id(1)), true)
}

func TestManyProcessesOneSeries(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	r := ranges(1, 1000)
	const processes, keys = 3, 100
	bounds := make([][keys]int64, processes)
	var group sync.WaitGroup
	for p := range processes {
		l := newLedger(b)
		for k := range keys {
			group.Go(func() {
				bound, err := l.Bind(t.Context(), wish(fmt.Sprint(k), r))
				if err != nil {
					t.Error(err)
				}
				bounds[p][k] = bound.Folio
			})
		}
	}
	group.Wait()
	if diff := cmp.Diff(bounds[0], bounds[1]) + cmp.Diff(bounds[0], bounds[2]); diff != "" {
		t.Errorf("processes disagree: %s", diff)
	}
	holes := audit(t, b, keys, false)
	l := newLedger(b)
	for i := range holes {
		if got := bind(t, l, wish(fmt.Sprint("later ", i), r)); got.Folio > int64(keys+holes) {
			t.Errorf("folio %d was given while holes were free", got.Folio)
		}
	}
}

func TestReservation(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	l, r := newLedger(b), ranges(1, 100)
	until := start.Add(24 * time.Hour)
	reserved, err := l.Reserve(t.Context(), wish("a", r), until)
	if err != nil || reserved.Folio != 1 || !reserved.Expires.Equal(until) {
		t.Fatalf("reserved %+v, %v", reserved, err)
	}
	if again, err := newLedger(b).Reserve(t.Context(), wish("a", r), until.Add(time.Hour)); err != nil || again != reserved {
		t.Errorf("a repeat reserves %+v, %v", again, err)
	}
	if got := bind(t, l, wish("b", r)); got.Folio != 2 {
		t.Errorf("the reserved folio was given to another: %d", got.Folio)
	}
	found, err := l.Find(t.Context(), series.Company, store.KeyOf("a"))
	if !errors.Is(err, folio.ErrReserved) || found.Folio != 1 {
		t.Fatalf("found %+v, %v", found, err)
	}
	w := wish("a", r)
	w.Reserved = &found.DocumentID
	bound := bind(t, l, w)
	if bound.Folio != 1 || bound.Order.BodyHash != "hash of a" || bound.Order.CAF.To != 100 {
		t.Errorf("bound %+v", bound)
	}
	if again, err := newLedger(b).Find(t.Context(), series.Company, store.KeyOf("a")); err != nil || cmp.Diff(bound, again) != "" {
		t.Errorf("found %+v, %v", again, err)
	}
	other := wish("a", r)
	other.Type = dte.FacturaExenta
	if _, err := l.Reserve(t.Context(), other, until); !errors.Is(err, folio.ErrReservedOther) {
		t.Errorf("the key of another type: %v", err)
	}
	if _, err := l.Reserve(t.Context(), wish("b", r), until); !errors.Is(err, folio.ErrReservedOther) {
		t.Errorf("the key of a document: %v", err)
	}
}

func TestReservationThatIsNotUsed(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	r := ranges(1, 100)
	if _, err := newLedger(b).Reserve(t.Context(), wish("a", r), start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	at := func(after time.Duration) *folio.Ledger {
		return folio.New(b, slog.New(slog.DiscardHandler), func() time.Time { return start.Add(after) }, folio.Options{})
	}
	for _, after := range []time.Duration{59 * time.Minute, 61 * time.Minute} {
		if left, err := at(after).Sweep(t.Context(), series, r, finish(b)); err != nil || left != 0 {
			t.Errorf("sweep left %d, %v", left, err)
		}
		_, err := at(after).Find(t.Context(), series.Company, store.KeyOf("a"))
		want := folio.ErrReserved
		if after > time.Hour {
			want = folio.ErrReservationExpired
		}
		if !errors.Is(err, want) {
			t.Errorf("after %v: %v, want %v", after, err, want)
		}
	}
	if got := bind(t, at(2*time.Hour), wish("b", r)); got.Folio != 1 {
		t.Errorf("the folio is not free again: %d", got.Folio)
	}
	if _, err := at(2*time.Hour).Reserve(t.Context(), wish("a", r), start.Add(5*time.Hour)); !errors.Is(err, folio.ErrReservationExpired) {
		t.Errorf("the key reserves anew: %v", err)
	}
}

// TestReservationDuringABinding lets a reservation of the same key come between claim and request: the
// order moves to the reserved folio, and the claim made in vain is free.
func TestReservationDuringABinding(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory()
	b, r := store.NewBucket(memory), ranges(1, 100)
	between := &interrupted{Driver: memory, at: "req/", then: func() {
		if _, err := newLedger(b).Reserve(t.Context(), wish("a", r), start.Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}}
	bound := bind(t, newLedger(store.NewBucket(between)), wish("a", r))
	if bound.Folio != 2 || bound.Order.BodyHash != "hash of a" {
		t.Errorf("bound %+v", bound)
	}
	if err := finish(b)(t.Context(), bound); err != nil {
		t.Fatal(err)
	}
	if got := bind(t, newLedger(b), wish("b", r)); got.Folio != 1 {
		t.Errorf("the claim made in vain is not free: %d", got.Folio)
	}
}

// TestReservationOfAnotherType comes between claim and request: the key is spent, and the claim is free.
func TestReservationOfAnotherType(t *testing.T) {
	t.Parallel()
	memory := store.NewMemory()
	b, r := store.NewBucket(memory), ranges(1, 100)
	between := &interrupted{Driver: memory, at: "req/", then: func() {
		other := wish("a", r)
		other.Type = dte.FacturaExenta
		if _, err := newLedger(b).Reserve(t.Context(), other, start.Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}}
	if _, err := newLedger(store.NewBucket(between)).Bind(t.Context(), wish("a", r)); !errors.Is(err, folio.ErrReservedOther) {
		t.Errorf("bound: %v", err)
	}
	if got := bind(t, newLedger(b), wish("b", r)); got.Folio != 1 {
		t.Errorf("the claim made in vain is not free: got %d", got.Folio)
	}
}

// TestLastFolioIsTheKeysOwn: the process died with the last folio claimed and not bound. The key is not told
// that there is none, since the sweeper would finish its order all the same.
func TestLastFolioIsTheKeysOwn(t *testing.T) {
	t.Parallel()
	b, r := store.NewBucket(store.NewMemory()), ranges(1, 2)
	bind(t, newLedger(b), wish("a", r))
	bind(t, newLedger(b), wish("b", r))
	name := store.Request(series.Company, store.KeyOf("b")) // as if it had never been written
	o, err := b.Read(t.Context(), name)
	if err := errors.Join(err, b.Delete(t.Context(), name, o.Generation)); err != nil {
		t.Fatal(err)
	}
	if _, err := newLedger(b).Bind(t.Context(), wish("c", r)); !errors.Is(err, folio.ErrExhausted) {
		t.Errorf("another key: %v", err)
	}
	if got := bind(t, newLedger(b), wish("b", r)); got.Folio != 2 {
		t.Errorf("got %d, want the key's own", got.Folio)
	}
}

// interrupted runs something before the first creation below a prefix.
type interrupted struct {
	store.Driver
	at   string
	then func()
	once sync.Once
}

func (i *interrupted) Create(ctx context.Context, o store.Object) (int64, error) {
	if strings.HasPrefix(o.Name, i.at) {
		i.once.Do(i.then)
	}
	return i.Driver.Create(ctx, o)
}

func TestVoid(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	l, r := newLedger(b), ranges(1, 60)
	bind(t, l, wish("a", r))
	if err := l.Void(t.Context(), series, 1, 5, "perdidos"); !errors.Is(err, folio.ErrUsed) {
		t.Errorf("a used folio is void: %v", err)
	}
	var group sync.WaitGroup
	folios := make(chan int64, 20)
	for i := range 20 {
		group.Go(func() {
			bound, err := newLedger(b).Bind(t.Context(), wish(fmt.Sprint("writer ", i), r))
			if err != nil {
				t.Error(err)
			}
			folios <- bound.Folio
		})
	}
	group.Go(func() {
		for range 2 { // again changes nothing
			if err := l.Void(t.Context(), series, 30, 40, "perdidos"); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	close(folios)
	for i := range 15 {
		bound := bind(t, newLedger(b), wish(fmt.Sprint("later ", i), r))
		if 30 <= bound.Folio && bound.Folio <= 40 {
			t.Errorf("void folio %d was given", bound.Folio)
		}
	}
	for given := range folios {
		if 30 <= given && given <= 40 {
			t.Errorf("folio %d was given and declared void", given)
		}
	}
}

// audit checks that claims are without gaps, that each held one belongs to the request that names it,
// that free ones are listed, and counts these; finished also wants a document for each held one.
func audit(t *testing.T, b *store.Bucket, keys int, finished bool) int {
	t.Helper()
	requests := map[store.RequestKey]int64{}
	free, next := 0, int64(1)
	for o, err := range b.List(context.Background(), store.Query{Prefix: store.ClaimPrefix(series)}) {
		if err != nil {
			t.Fatal(err)
		}
		claimed, err := store.ParseDocument(o.Name)
		if err != nil || claimed.Folio != next {
			t.Fatalf("claim %v, want folio %d: %v", claimed, next, err)
		}
		next++
		var c folio.Claim
		if _, err := b.ReadJSON(context.Background(), store.Claim(claimed), &c); err != nil {
			t.Fatal(err)
		}
		if c.State == folio.Free {
			free++
			expectExists(t, b, store.Freed(claimed), true)
			expectExists(t, b, store.Document(claimed), false)
			continue
		}
		var r folio.Request
		if _, err := b.ReadJSON(context.Background(), store.Request(series.Company, c.Key), &r); err != nil || r.DocumentID != claimed {
			t.Errorf("folio %d is held by a key bound to %d: %v", claimed.Folio, r.Folio, err)
		}
		if _, twice := requests[c.Key]; twice {
			t.Errorf("key %s holds two folios", c.Key)
		}
		requests[c.Key] = claimed.Folio
		if finished {
			expectExists(t, b, store.Document(claimed), true)
		}
	}
	if len(requests) != keys {
		t.Errorf("%d keys hold folios, want %d", len(requests), keys)
	}
	return free
}

func expectExists(t *testing.T, b *store.Bucket, name store.Name, want bool) {
	t.Helper()
	if got, err := b.Exists(context.Background(), name); err != nil || got != want {
		t.Errorf("%s exists: %v, want %v (%v)", name, got, want, err)
	}
}
