package sii_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"timbre/shared/sii"
	"timbre/shared/store"
)

// A host that fails again and again is left alone, then probed by one call; after that uploads keep their
// distance.
func TestCircuit(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	var down atomic.Bool
	f.answer[estUpPath] = func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			says(http.StatusServiceUnavailable, "<html/>")(w, r)
			return
		}
		inner(w, "getEstUp", "<ESTADO>SOK</ESTADO>", "")
	}
	now := noon
	o := options(f)
	o.OpenAfter, o.OpenFor, o.DrainEvery = 3, 10*time.Second, 40*time.Millisecond
	s := sii.New(memory(), func() time.Time { return now }, o).As(store.Certificacion, someone())
	ask := func() error {
		_, err := s.EnvelopeState(t.Context(), company, "1")
		return err
	}
	step := func(want error, calls int) {
		t.Helper()
		before := f.count(estUpPath)
		if err := ask(); !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
		if got := f.count(estUpPath) - before; got != calls {
			t.Fatalf("%d calls, want %d", got, calls)
		}
	}
	step(nil, 1)
	down.Store(true)
	step(sii.ErrUnavailable, 3) // the query's own tries
	step(sii.ErrResting, 0)
	if err := s.Ready(t.Context()); !errors.Is(err, sii.ErrResting) {
		t.Errorf("ready while the host rests: %v", err)
	}
	now = now.Add(11 * time.Second)
	step(sii.ErrResting, 1) // one probe, which fails
	step(sii.ErrResting, 0)
	now = now.Add(11 * time.Second)
	step(sii.ErrResting, 0) // it rests twice as long
	now = now.Add(10 * time.Second)
	down.Store(false)
	step(nil, 1)

	began := time.Now()
	for range 3 {
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 2*o.DrainEvery {
		t.Errorf("three uploads within %s after the outage", took)
	}
}

// A caller who goes away says nothing about the host.
func TestCircuitIgnoresCallers(t *testing.T) {
	t.Parallel()
	f := newFakeSII(t)
	f.answer[estUpPath] = func(w http.ResponseWriter, _ *http.Request) { inner(w, "getEstUp", "<ESTADO>SOK</ESTADO>", "") }
	o := options(f)
	o.OpenAfter = 1
	s := sii.New(memory(), func() time.Time { return noon }, o).As(store.Certificacion, someone())
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.EnvelopeState(gone, company, "1"); err == nil {
		t.Fatal("no error")
	}
	if _, err := s.EnvelopeState(t.Context(), company, "1"); err != nil {
		t.Error(err)
	}
}
