package folio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timbre/shared/folio"
	"timbre/shared/store"
)

// process is a connection to a bucket that dies, with its whole process, at random: before a call
// or after it. Every later call of the same process fails too.
type process struct {
	store.Driver
	odds float64
	die  context.CancelCauseFunc
	dead atomic.Bool

	crashes *atomic.Int64
}

var errDead = errors.New("process is dead")

func (p *process) call(run func() error) error {
	if p.mayDie() {
		return errDead
	}
	err := run()
	if p.mayDie() {
		return errDead
	}
	return err
}

func (p *process) mayDie() bool {
	if !p.dead.Load() && rand.Float64() < p.odds {
		p.crashes.Add(1)
		p.dead.Store(true)
		p.die(errDead)
	}
	return p.dead.Load()
}

func (p *process) Read(ctx context.Context, name string) (o store.Object, err error) { //nolint:revive // closures set both
	err = p.call(func() (err error) { o, err = p.Driver.Read(ctx, name); return err })
	return o, err
}

func (p *process) Create(ctx context.Context, o store.Object) (generation int64, err error) { //nolint:revive // closures set both
	err = p.call(func() (err error) { generation, err = p.Driver.Create(ctx, o); return err })
	return generation, err
}

func (p *process) Replace(ctx context.Context, o store.Object) (generation int64, err error) { //nolint:revive // closures set both
	err = p.call(func() (err error) { generation, err = p.Driver.Replace(ctx, o); return err })
	return generation, err
}

func (p *process) List(ctx context.Context, q store.Query) (page store.Page, err error) { //nolint:revive // closures set both
	err = p.call(func() (err error) { page, err = p.Driver.List(ctx, q); return err })
	return page, err
}

// TestCrashes lets many processes work on the same keys and die at any point, while a sweeper that
// dies as often cleans up. In the end every request that was claimed for has one document.
func TestCrashes(t *testing.T) {
	t.Parallel()
	keys, workers := 150, 16
	if os.Getenv("WITNESS") != "" {
		keys, workers = 3000, 40
	}
	memory := store.NewMemory()
	var crashes atomic.Int64
	var now atomic.Int64 // seconds; claims age as work goes on
	tick := func() time.Time { return start.Add(time.Duration(now.Load()) * time.Second) }
	spawn := func(odds float64) (context.Context, *store.Bucket, *folio.Ledger) {
		ctx, die := context.WithCancelCause(t.Context())
		b := store.NewBucket(&process{Driver: memory, odds: odds, die: die, crashes: &crashes})
		return ctx, b, folio.New(b, slog.New(slog.DiscardHandler), tick, folio.Options{SweepAfter: 5 * time.Second})
	}
	r := ranges(1, int64(4*keys))
	answered := sync.Map{}
	var group sync.WaitGroup
	work := make(chan int)
	for range workers {
		group.Go(func() {
			for k := range work {
				now.Add(1)
				ctx, b, l := spawn(0.04)
				bound, err := l.Bind(ctx, wish(fmt.Sprint(k), r))
				if err == nil && finish(b)(ctx, bound) == nil {
					if before, twice := answered.LoadOrStore(k, bound.Folio); twice && before != bound.Folio {
						t.Errorf("key %d was told folio %v and %d", k, before, bound.Folio)
					}
				}
			}
		})
	}
	stop := make(chan struct{})
	var sweeper sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				ctx, b, l := spawn(0.03)
				l.Sweep(ctx, series, r, finish(b)) //nolint:errcheck // it dies often; the last sweep below must not fail
			}
		}
	})
	for i := range 2 * keys { // each key twice, the repeats close by
		work <- (i/2 + rand.IntN(3)) % keys
	}
	close(work)
	group.Wait()
	close(stop)
	sweeper.Wait()

	now.Add(1000)
	ctx, b, l := spawn(0)
	if left, err := l.Sweep(ctx, series, r, finish(b)); err != nil || left != 0 {
		t.Fatalf("the last sweep left %d, %v", left, err)
	}
	bound := 0
	for k := range keys {
		found, err := l.Find(ctx, series.Company, store.KeyOf(fmt.Sprint(k)))
		told, wasTold := answered.Load(k)
		switch {
		case err == nil:
			bound++
		case wasTold:
			t.Errorf("key %d was told folio %v and is bound to none: %v", k, told, err)
		}
		if wasTold && told != found.Folio {
			t.Errorf("key %d was told folio %v and is bound to %d", k, told, found.Folio)
		}
	}
	holes := audit(t, b, bound, true)
	t.Logf("%d crashes, %d keys bound, %d free folios", crashes.Load(), bound, holes)
	if crashes.Load() < int64(keys/4) {
		t.Errorf("only %d crashes", crashes.Load())
	}
}

// TestDeathAfterEachCall dies once after, and once before, the n-th call for every n; the sweeper
// alone, or a repeat, must end it in the same state.
func TestDeathAfterEachCall(t *testing.T) {
	t.Parallel()
	for _, sweeps := range []bool{true, false} {
		for n := range 40 {
			memory := store.NewMemory()
			dying := &countdown{Driver: memory, left: n}
			b := store.NewBucket(dying)
			ctx, die := context.WithCancelCause(t.Context())
			dying.die = die
			l := newLedger(b)
			bound, err := l.Bind(ctx, wish("a", ranges(1, 9)))
			if err == nil {
				err = finish(b)(ctx, bound)
			}
			healthy := store.NewBucket(memory)
			later := folio.New(healthy, slog.New(slog.DiscardHandler), func() time.Time { return start.Add(time.Hour) }, folio.Options{})
			if !sweeps {
				if err := finish(healthy)(t.Context(), bind(t, later, wish("a", ranges(1, 9)))); err != nil {
					t.Fatal(err)
				}
			}
			allRanges := func(context.Context, store.Series) ([]folio.Range, error) { return ranges(1, 9), nil }
			if err := later.SweepDue(t.Context(), allRanges, finish(healthy)); err != nil {
				t.Fatalf("after death at call %d: %v", n, err)
			}
			claimed, listErr := healthy.Exists(t.Context(), store.Claim(id(1)))
			if listErr != nil {
				t.Fatal(listErr)
			}
			want := 0
			if claimed {
				want = 1
			}
			audit(t, healthy, want, true)
			if err == nil && dying.left > 0 {
				return
			}
		}
	}
}

// countdown dies at the n-th call: an even number before it, an odd one after it.
type countdown struct {
	store.Driver
	left int
	die  context.CancelCauseFunc
}

func (c *countdown) Create(ctx context.Context, o store.Object) (int64, error) {
	if c.left == 0 {
		c.die(errDead)
		return 0, errDead
	}
	c.left--
	generation, err := c.Driver.Create(ctx, o)
	if c.left == 0 {
		c.die(errDead)
		return 0, errDead
	}
	c.left--
	return generation, err
}
