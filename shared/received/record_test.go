package received_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/exchange"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/store"
)

var (
	here = store.Company{Env: store.Certificacion, RUT: rut.MustParse("76192083-9")}
	noon = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
)

func id(folio int64) store.ReceivedID {
	return store.ReceivedID{Company: here, Issuer: rut.MustParse("96806980-2"), Type: 33, Folio: folio}
}

func variant(sha, file, total string, signature exchange.Result) received.Variant {
	return received.Variant{
		SHA256: sha, File: file, At: noon, Receiver: here.RUT, IssueDate: "2026-11-20", Total: total,
		Checks: exchange.Checks{{Code: exchange.CheckSignature, Result: signature}},
	}
}

// TestMainVariant tells which variant a document is shown by.
func TestMainVariant(t *testing.T) {
	t.Parallel()
	with := func(v received.Variant, s exchange.Standing) received.Variant {
		v.SII = &received.AtSII{Standing: s}
		return v
	}
	good, bad, unknown := variant("good", "f", "1", exchange.Pass), variant("bad", "f", "2", exchange.Fail), variant("unknown", "f", "3", exchange.Warn)
	cases := map[string]struct {
		variants []received.Variant
		want     string
	}{
		"the only one":                   {[]received.Variant{bad}, "bad"},
		"the signature, not the order":   {[]received.Variant{bad, good}, "good"},
		"the first of equals":            {[]received.Variant{good, variant("later", "f", "1", exchange.Pass)}, "good"},
		"the SII, not the signature":     {[]received.Variant{good, with(bad, exchange.AtTheSII)}, "bad"},
		"not what the SII has not":       {[]received.Variant{with(good, exchange.OtherAtSII), unknown}, "unknown"},
		"what it does not have yet":      {[]received.Variant{with(good, exchange.NotAtTheSII), bad}, "good"},
		"an owner who is not known":      {[]received.Variant{bad, unknown}, "unknown"},
		"signed, though by nobody known": {[]received.Variant{unknown, good}, "good"},
	}
	for name, c := range cases {
		r := received.Record{Variants: c.variants}
		if got := r.Main().SHA256; got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestAdd is what a register makes of arrivals, in whatever order.
func TestAdd(t *testing.T) {
	t.Parallel()
	ctx, state := t.Context(), store.NewBucket(store.NewMemory())
	steps := []struct {
		v                received.Variant
		fresh, mine, New bool
		variants, again  int
	}{
		{variant("a", "file1", "1", exchange.Pass), true, true, true, 1, 0},
		{variant("a", "file1", "1", exchange.Pass), false, true, true, 1, 0}, // a repeated create is its own success
		{variant("a", "file2", "1", exchange.Pass), false, false, false, 1, 1},
		{variant("a", "file2", "1", exchange.Pass), false, false, false, 1, 1},
		{variant("b", "file2", "2", exchange.Pass), true, true, false, 2, 1},
		{variant("a", "file1", "1", exchange.Pass), false, true, false, 2, 1},
	}
	for i, s := range steps {
		a, err := received.Add(ctx, state, id(1), s.v)
		if err != nil {
			t.Fatal(err)
		}
		if a.Mine != s.mine || i != 1 && (a.Fresh != s.fresh || a.New != s.New) || len(a.Variants) != s.variants || a.Variants[0].Again != s.again {
			t.Errorf("step %d: %+v", i+1, a)
		}
	}
	if _, err := received.Load(ctx, state, id(2)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another folio: %v", err)
	}
}

// TestCrowd keeps a flood of variants out of the record, and what came first in it.
func TestCrowd(t *testing.T) {
	t.Parallel()
	ctx, state := t.Context(), store.NewBucket(store.NewMemory())
	for i := range 60 {
		a, err := received.Add(ctx, state, id(1), variant(fmt.Sprint(i), fmt.Sprint("file", i), "1", exchange.Pass))
		if err != nil || !a.Fresh || a.Crowded != (i >= 50) {
			t.Fatalf("variant %d: crowded %t, fresh %t, %v", i, a.Crowded, a.Fresh, err)
		}
	}
	r, err := received.Load(ctx, state, id(1))
	if err != nil || len(r.Variants) != 50 || r.Main().SHA256 != "0" {
		t.Errorf("%d variants, %v", len(r.Variants), err)
	}
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	first := variant("a", "f", "1", exchange.Pass)
	again := first
	again.Again = 2
	cases := map[string]struct {
		variants []received.Variant
		want     exchange.Result
	}{
		"once":             {[]received.Variant{first}, exchange.Pass},
		"the same bytes":   {[]received.Variant{again}, exchange.Pass},
		"written anew":     {[]received.Variant{first, variant("b", "g", "1", exchange.Fail)}, exchange.Warn},
		"another amount":   {[]received.Variant{first, variant("b", "g", "2", exchange.Pass)}, exchange.Fail},
		"both, and a like": {[]received.Variant{first, variant("b", "g", "1", exchange.Pass), variant("c", "g", "2", exchange.Pass)}, exchange.Fail},
	}
	for name, c := range cases {
		r := received.Record{Variants: c.variants}
		checks := r.Checks(&r.Variants[0])
		if got := checks.Of(received.CheckRepeat); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
		if sii := checks.Of(exchange.CheckSII); sii != exchange.Warn {
			t.Errorf("%s: the SII was not asked, and the check is %s", name, sii)
		}
	}
}

// TestBefore finds where in the log a time begins.
func TestBefore(t *testing.T) {
	t.Parallel()
	ctx, state := t.Context(), store.NewBucket(store.NewMemory())
	register := received.New(state)
	const n = 50
	for i := range n {
		v := variant(fmt.Sprint(i), "f", "1", exchange.Pass)
		v.At = noon.Add(time.Duration(i) * 24 * time.Hour)
		a, err := received.Add(ctx, state, id(int64(i+1)), v)
		if err == nil {
			err = register.Log(ctx, here, &a.Record, &a.Record)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for day := -1; day <= n+1; day++ {
		got, err := register.Before(ctx, here, noon.Add(time.Duration(day)*24*time.Hour))
		if want := int64(min(max(day, 0), n)); err != nil || got != want {
			t.Errorf("day %d: %d, %v", day, got, err)
		}
	}
}

// TestListWhileWriting reads on and on while several registers append the same and other documents.
func TestListWhileWriting(t *testing.T) {
	t.Parallel()
	const n = 120
	ctx, state := t.Context(), store.NewBucket(store.NewMemory())
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			register := received.New(state)
			for i := range n {
				folio := int64((i+w*n/3)%n + 1)
				a, err := received.Add(ctx, state, id(folio), variant(fmt.Sprint(folio), "f", "1", exchange.Pass))
				if err == nil {
					err = register.Log(ctx, here, &a.Record)
				}
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	var folios []int64
	reader := received.New(state)
	for after := int64(0); len(folios) < n && !t.Failed(); {
		page, err := reader.List(ctx, here, after, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page {
			after = d.Number
			folios = append(folios, d.Folio)
		}
	}
	writers.Wait()
	seen := map[int64]bool{}
	for _, f := range folios {
		seen[f] = true
	}
	page, err := reader.List(ctx, here, n, 10)
	if len(folios) != n || len(seen) != n || len(page) != 0 || err != nil {
		t.Errorf("%d documents, %d different, %d more, %v", len(folios), len(seen), len(page), err)
	}
}

func TestQuarantineOnce(t *testing.T) {
	t.Parallel()
	ctx, register := t.Context(), received.New(store.NewBucket(store.NewMemory()))
	q := received.Quarantined{Mail: "m", Path: "2", At: noon, Code: "not-xml", Reason: "r"}
	later := q
	later.At = noon.Add(time.Hour)
	document := q
	document.Code, document.Document = received.OtherReceiver, &received.Brought{SHA256: "d"}
	for _, all := range [][]received.Quarantined{{q}, {later}, {q, document}, {}} {
		if err := register.Quarantine(ctx, here, all...); err != nil {
			t.Fatal(err)
		}
	}
	got, err := register.Quarantines(ctx, here, 0, 10)
	want := []received.InQuarantine{{Number: 1, Quarantined: q}, {Number: 2, Quarantined: document}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	ctx, state := t.Context(), store.NewBucket(store.NewMemory())
	sum := fmt.Sprintf("%064d", 7)
	for i, want := range []bool{true, true, false, false} {
		f := received.File{SHA256: sum, Kind: exchange.DTE, Mail: fmt.Sprint("mail", i/2), Path: "2", At: noon.Add(time.Duration(i))}
		if first, err := received.KeepFile(ctx, state, here, &f); first != want || err != nil {
			t.Errorf("time %d: first %t, %v", i+1, first, err)
		}
	}
	if f, err := received.LoadFile(ctx, state, here, sum); err != nil || f.Mail != "mail0" || !f.At.Equal(noon) {
		t.Errorf("%+v, %v", f, err)
	}
	for _, wrong := range []string{"", "..", sum[1:], sum + "0", "x" + sum[1:]} {
		if _, err := received.LoadFile(ctx, state, here, wrong); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	d := id(42)
	if got, err := store.ParseReceived(append(d.DueParts(), "more")); err != nil || got != d {
		t.Errorf("%v, %v", got, err)
	}
	if !store.ReceivedEvent(d).Valid() {
		t.Errorf("no event id: %s", store.ReceivedEvent(d))
	}
	for _, parts := range [][]string{nil, {"certificacion", "76192083-9", "96806980-2", "33"}, {"x", "76192083-9", "96806980-2", "33", "1"}, {"certificacion", "76192083-9", "1", "33", "1"}, {"certificacion", "76192083-9", "96806980-2", "33", "x"}} {
		if got, err := store.ParseReceived(parts); err == nil {
			t.Errorf("%q names %v", parts, got)
		}
	}
}
