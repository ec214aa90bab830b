package folio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
