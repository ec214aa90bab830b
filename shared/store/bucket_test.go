package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/store"
	"timbre/shared/store/storetest"
)

var series = store.Series{
	Company: store.Company{Env: store.Certificacion, RUT: rut.MustParse("76192083-9")},
	Type:    dte.Factura,
}

var document = store.DocumentID{Series: series, Folio: 101}

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Driver { return store.NewMemory() })
}

// liar does what it is told and then says that it failed, or fails before it does it.
type liar struct {
	*store.Memory
	fail func() (before, after error)
}

func (l *liar) Create(ctx context.Context, o store.Object) (int64, error) {
	return l.write(func() (int64, error) { return l.Memory.Create(ctx, o) })
}

func (l *liar) Replace(ctx context.Context, o store.Object) (int64, error) {
	return l.write(func() (int64, error) { return l.Memory.Replace(ctx, o) })
}

func (l *liar) write(write func() (int64, error)) (int64, error) {
	before, after := l.fail()
	if before != nil {
		return 0, before
	}
	generation, err := write()
	if err == nil && after != nil {
		return 0, after
	}
	return generation, err
}

// once fails the first call only.
func once(before, after error) func() (error, error) {
	done := false
	return func() (error, error) {
		if done {
			return nil, nil
		}
		done = true
		return before, after
	}
}

var errReset = errors.New("connection reset")

func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() (error, error){
		"lost before the write":                once(errReset, nil),
		"lost after the write":                 once(nil, errReset),
		"own success that reads like a loss":   once(nil, store.ErrExists),
		"own success that reads like a change": once(nil, store.ErrChanged),
		"own success that reads as retained":   once(nil, store.ErrRetained),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &liar{Memory: store.NewMemory(), fail: fail}
			b := store.NewBucket(d)
			generation, err := b.Create(t.Context(), store.Claim(document), []byte("mine"), nil)
			if err != nil || generation == 0 || d.Len() != 1 {
				t.Fatalf("create: generation %d, %v, %d objects", generation, err, d.Len())
			}
		})
	}
}

func TestReplaceSettlesAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, fail := range []func() (error, error){once(errReset, nil), once(nil, errReset), once(nil, store.ErrChanged)} {
		d := &liar{Memory: store.NewMemory(), fail: func() (error, error) { return nil, nil }}
		b := store.NewBucket(d)
		generation, err := b.Create(t.Context(), store.Claim(document), []byte("one"), nil)
		if err != nil {
			t.Fatal(err)
		}
		d.fail = fail
		if _, err := b.Replace(t.Context(), store.Claim(document), generation, []byte("two"), nil); err != nil {
			t.Error(err)
		}
		o, err := b.Read(t.Context(), store.Claim(document))
		if err != nil || string(o.Data) != "two" {
			t.Errorf("read %q, %v", o.Data, err)
		}
	}
}

func TestSomebodyElseWon(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	generation, err := b.Create(t.Context(), store.Claim(document), []byte("mine"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(t.Context(), store.Claim(document), []byte("yours"), nil); !errors.Is(err, store.ErrExists) {
		t.Errorf("create over another's object: %v", err)
	}
	if _, err := b.Create(t.Context(), store.Claim(document), []byte("mine"), nil); err != nil {
		t.Errorf("create the same again: %v", err)
	}
	if _, err := b.Replace(t.Context(), store.Claim(document), generation+7, []byte("yours"), nil); !errors.Is(err, store.ErrChanged) {
		t.Errorf("replace a stale generation: %v", err)
	}
}

func TestUpdateLosesNoWriter(t *testing.T) {
	t.Parallel()
	b := store.NewBucket(store.NewMemory())
	type counter struct{ N int }
	if _, err := b.CreateJSON(t.Context(), store.Claim(document), counter{}, nil); err != nil {
		t.Fatal(err)
	}
	const writers = 5
	errs := make(chan error)
	for range writers {
		go func() {
			_, err := store.Update(t.Context(), b, store.Claim(document), func(c *counter) error { c.N++; return nil }, nil)
			errs <- err
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	var got counter
	if _, err := b.ReadJSON(t.Context(), store.Claim(document), &got); err != nil || got.N != writers {
		t.Errorf("counted %d, %v", got.N, err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	envelope := store.EnvelopeID{Company: series.Company, Channel: store.DTE, Number: 7}
	at := time.Date(2026, 11, 24, 3, 59, 59, 0, time.UTC)
	for want, got := range map[string]store.Name{
		"claims/certificacion/76192083-9/33/0000000101.json":     store.Claim(document),
		"doc/certificacion/76192083-9/33/0000000101.json":        store.Document(document),
		"dte/certificacion/76192083-9/33/0000000101/1.xml":       store.SignedDTE(document, 1),
		"outbox/certificacion/76192083-9/dte/33-0000000101":      store.Outbox(store.DTE, document),
		"envelopes/certificacion/76192083-9/dte/0000000007.json": store.Plan(envelope),
		"envelopes/certificacion/76192083-9/dte/0000000007.xml":  store.SentEnvelope(envelope),
		"due/2026-11-24T03:59/send/certificacion/76192083-9/dte": store.Due(at, "send", "certificacion", "76192083-9", "dte"),
		"log/certificacion/76192083-9/events/000000000012.json":  store.Log(series.Company, "events", 12),
		"companies/76192083-9.json":                              store.CompanyConfig(series.RUT),
	} {
		if got.String() != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, name := range []store.Name{store.Claim(document), store.Document(document), store.SignedDTE(document, 1)} {
		if got, err := store.ParseDocument(name.String()); err != nil || got != document {
			t.Errorf("%s reads as %v, %v", name, got, err)
		}
	}
	if got, err := store.ParseOutbox(store.Outbox(store.DTE, document).String()); err != nil || got != document {
		t.Errorf("outbox entry reads as %v, %v", got, err)
	}
	if due := store.DueEnd(at); due <= store.Due(at, "x", "y").String() || due > store.Due(at.Add(time.Second), "x", "y").String() {
		t.Errorf("what is due ends at %s", due)
	}
}

func FuzzParseNames(f *testing.F) {
	f.Add(store.Claim(document).String())
	f.Add(store.Outbox(store.DTE, document).String())
	f.Fuzz(func(t *testing.T, name string) {
		if id, err := store.ParseDocument(name); err == nil && id.Folio < 0 {
			t.Errorf("%s reads as folio %d", name, id.Folio)
		}
		if id, err := store.ParseOutbox(name); err == nil {
			if again, err := store.ParseOutbox(store.Outbox(store.DTE, id).String()); err != nil || again != id {
				t.Error(fmt.Sprint(name, " reads as ", id, " then ", again))
			}
		}
	})
}
