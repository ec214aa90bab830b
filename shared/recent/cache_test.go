package recent_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timbre/shared/recent"
)

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.at.Load(), 0) }

func TestCacheKeepsForAWhile(t *testing.T) {
	t.Parallel()
	var loads int
	var c clock
	cache := recent.New(recent.Options[string, int]{For: 30 * time.Second, Now: c.now, Load: func(context.Context, string) (int, error) {
		loads++
		return loads, nil
	}})
	steps := []struct {
		at     int64
		forget bool
		want   int
	}{{0, false, 1}, {29, false, 1}, {30, false, 2}, {31, true, 3}, {32, false, 3}}
	for _, s := range steps {
		c.at.Store(s.at)
		if s.forget {
			cache.Forget("a")
		}
		if got, err := cache.Get(t.Context(), "a"); got != s.want || err != nil {
			t.Errorf("at %d: %d, %v, want %d", s.at, got, err, s.want)
		}
	}
}

func TestCacheForgetsErrors(t *testing.T) {
	t.Parallel()
	fault := errors.New("fault")
	var loads int
	cache := recent.New(recent.Options[string, int]{Load: func(context.Context, string) (int, error) {
		if loads++; loads == 1 {
			return 0, fault
		}
		return 7, nil
	}})
	if _, err := cache.Get(t.Context(), "a"); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	if got, err := cache.Get(t.Context(), "a"); got != 7 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestCacheLoadsOnceForAll(t *testing.T) {
	t.Parallel()
	var loads atomic.Int32
	release := make(chan struct{})
	cache := recent.New(recent.Options[string, int]{Load: func(context.Context, string) (int, error) {
		<-release
		return int(loads.Add(1)), nil
	}})
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := cache.Get(gone, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone got %v", err)
	}
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			if got, err := cache.Get(t.Context(), "a"); got != 1 || err != nil {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
	close(release)
	callers.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("%d loads", n)
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	loads := map[int]int{}
	cache := recent.New(recent.Options[int, int]{Max: 3, Load: func(_ context.Context, k int) (int, error) {
		loads[k]++
		return k, nil
	}})
	for _, k := range []int{1, 2, 3, 3, 4, 1} {
		if got, err := cache.Get(t.Context(), k); got != k || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
	}
	if loads[3] != 1 || loads[1] != 2 {
		t.Errorf("loads %v: the fourth key must make room", loads)
	}
}
