package folio_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"timbre/shared/due"
	"timbre/shared/folio"
	"timbre/shared/store"
)

// busy is a bucket of a company that has issued many documents, whose claims and documents are made up as they
// are listed. What is written since then stands in Driver. It counts the calls.
type busy struct {
	store.Driver
	finished int64
	calls    atomic.Int64
}

func (b *busy) Read(ctx context.Context, name string) (store.Object, error) {
	b.calls.Add(1)
	return b.Driver.Read(ctx, name)
}

func (b *busy) Create(ctx context.Context, o store.Object) (int64, error) {
	b.calls.Add(1)
	return b.Driver.Create(ctx, o)
}

func (b *busy) Replace(ctx context.Context, o store.Object) (int64, error) {
	b.calls.Add(1)
	return b.Driver.Replace(ctx, o)
}

func (b *busy) Delete(ctx context.Context, name string, generation int64) error {
	b.calls.Add(1)
	return b.Driver.Delete(ctx, name, generation)
}

// pageSize is that of Cloud Storage.
const pageSize = 1000

// List lists what was made up, then what was written: the folios of the latter are higher.
func (b *busy) List(ctx context.Context, q store.Query) (store.Page, error) {
	b.calls.Add(1)
	name := map[string]func(store.DocumentID) store.Name{
		store.ClaimPrefix(series): store.Claim, store.DocumentPrefix(series): store.Document,
	}[q.Prefix]
	from := b.first(max(q.Start, q.Token))
	if name == nil || from > b.finished {
		return b.Driver.List(ctx, q)
	}
	var page store.Page
	held := map[string]string{"state": string(folio.Held), "at": start.Add(-24 * time.Hour).Format(time.RFC3339)}
	for n := from; n <= b.finished && len(page.Objects) < pageSize; n++ {
		page.Objects = append(page.Objects, store.Object{Name: name(id(n)).String(), Meta: held, Generation: 1})
	}
	page.Next = name(id(from+int64(len(page.Objects)))).String() + " page"
	return page, ctx.Err()
}

// first is the folio that a listing goes on with: a token says so, a start too.
func (b *busy) first(at string) int64 {
	_, text, found := strings.Cut(at, fmt.Sprintf("/%d/", series.Type))
	if !found {
		return 1
	}
	var n int64
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil {
		return 1
	}
	return max(n, 1)
}

func (b *busy) count(do func()) int64 {
	before := b.calls.Load()
	do()
	return b.calls.Load() - before
}

// TestSweepCost counts the storage calls of sweeps of a company with a million finished claims: one that is
// idle, and one with five that died on their way, three before they were bound and two after.
func TestSweepCost(t *testing.T) {
	t.Parallel()
	driver := &busy{Driver: store.NewMemory(), finished: 100_000}
	if os.Getenv("WITNESS") != "" {
		driver.finished = 1_000_000
	}
	b := store.NewBucket(driver)
	r := ranges(1, driver.finished+1000)
	ledger := func(hours time.Duration, b *store.Bucket) *folio.Ledger {
		return folio.New(b, slog.New(slog.DiscardHandler), func() time.Time { return start.Add(hours * time.Hour) }, folio.Options{})
	}
	sweep := func(hours time.Duration, finish func(context.Context, folio.Bound) error) int64 {
		return driver.count(func() {
			if left, err := ledger(hours, b).Sweep(t.Context(), series, r, finish); err != nil || left != 0 {
				t.Errorf("a sweep left %d, %v", left, err)
			}
		})
	}
	none := func(_ context.Context, bound folio.Bound) error {
		t.Errorf("%s is finished again", bound.DocumentID)
		return nil
	}
	whole := sweep(0, none)
	idle := sweep(1, none)
	for n := range 5 {
		var dying store.Driver = driver
		if n < 3 {
			dying = unbound{driver}
		}
		bound, err := ledger(2, store.NewBucket(dying)).Bind(t.Context(), wish(fmt.Sprint(n), r))
		if (err == nil) != (n >= 3) || err == nil && bound.Folio != driver.finished+int64(n)+1 {
			t.Fatalf("bind %d: %v, %v", n, bound.DocumentID, err)
		}
	}
	// What finishing costs is not the sweep's; see functions/generate-sign.
	apart := store.NewBucket(driver.Driver)
	five := sweep(3, finish(apart))
	for n := range int64(5) {
		if there, err := apart.Exists(t.Context(), store.Document(id(driver.finished+1+n))); err != nil || !there {
			t.Errorf("folio %d is not finished, %v", driver.finished+1+n, err)
		}
	}
	tick := func(hours time.Duration) int64 {
		return driver.count(func() {
			authorized := func(context.Context, store.Series) ([]folio.Range, error) { return r, nil }
			if err := ledger(hours, b).SweepDue(t.Context(), authorized, none); err != nil {
				t.Error(err)
			}
		})
	}
	tick(4) // removes the entry and moves the mark on
	if err := due.Add(t.Context(), apart, start, folio.Function, string(series.Env), series.RUT.String(), series.Type.String()); err != nil {
		t.Fatal(err)
	}
	entry, quiet := tick(5), tick(6)
	t.Logf("%d finished claims: the first sweep takes %d storage calls, an idle one %d, one with 5 unfinished %d; a tick with an entry %d, without %d",
		driver.finished, whole, idle, five, entry, quiet)
	if idle > 3 || five > 20 || entry > 4 || quiet > 1 {
		t.Error("want at most 3 and 20; 4 with the listing and the removal of the entry, 1 without")
	}
}

// unbound is the connection of a process that dies before it binds its claim.
type unbound struct{ store.Driver }

func (d unbound) Create(ctx context.Context, o store.Object) (int64, error) {
	if strings.HasPrefix(o.Name, "req/") {
		return 0, store.ErrRetained // definite, so that nothing waits
	}
	return d.Driver.Create(ctx, o)
}
