// Package storetest is what every store.Driver must do; memory and Cloud Storage pass the same.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/store"
)

// Run tests a driver; open gives an empty bucket.
func Run(t *testing.T, open func(t *testing.T) store.Driver) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, store.Driver)
	}{
		{"create and read", createAndRead},
		{"replace only what was read", replace},
		{"delete only what was read", remove},
		{"list in order", list},
		{"list in pages", pages},
		{"list folders", folders},
		{"one creator wins", oneCreator},
		{"one replacer wins", oneReplacer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open(t))
		})
	}
}

func object(name, data string) store.Object {
	return store.Object{Name: name, Data: []byte(data), Meta: map[string]string{"status": "signed"}}
}

func create(t *testing.T, d store.Driver, name, data string) int64 {
	t.Helper()
	generation, err := d.Create(t.Context(), object(name, data))
	if err != nil || generation == 0 {
		t.Fatalf("create %s: %d, %v", name, generation, err)
	}
	return generation
}

func expect(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func createAndRead(t *testing.T, d store.Driver) {
	_, err := d.Read(t.Context(), "claims/x/1.json")
	expect(t, "read nothing", err, store.ErrNotFound)
	generation := create(t, d, "claims/x/1.json", "uno")
	_, err = d.Create(t.Context(), object("claims/x/1.json", "dos"))
	expect(t, "create again", err, store.ErrExists)
	got, err := d.Read(t.Context(), "claims/x/1.json")
	if err != nil {
		t.Fatal(err)
	}
	want := object("claims/x/1.json", "uno")
	want.Generation = generation
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := d.Create(t.Context(), store.Object{Name: "empty"}); err != nil {
		t.Errorf("create an empty object: %v", err)
	}
}

func replace(t *testing.T, d store.Driver) {
	first := create(t, d, "a", "uno")
	o := object("a", "dos")
	o.Generation = first
	second, err := d.Replace(t.Context(), o)
	if err != nil || second <= first {
		t.Fatalf("replace: %d after %d, %v", second, first, err)
	}
	_, err = d.Replace(t.Context(), o)
	expect(t, "replace a stale generation", err, store.ErrChanged)
	o.Name = "none"
	if _, err = d.Replace(t.Context(), o); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrChanged) {
		t.Errorf("replace nothing: %v", err)
	}
	got, err := d.Read(t.Context(), "a")
	if err != nil || string(got.Data) != "dos" || got.Generation != second {
		t.Errorf("read %q of generation %d, %v", got.Data, got.Generation, err)
	}
}

func remove(t *testing.T, d store.Driver) {
	generation := create(t, d, "a", "uno")
	if err := d.Delete(t.Context(), "a", generation+1); !errors.Is(err, store.ErrChanged) {
		t.Errorf("delete another generation: %v", err)
	}
	if err := d.Delete(t.Context(), "a", generation); err != nil {
		t.Fatal(err)
	}
	expect(t, "delete again", d.Delete(t.Context(), "a", generation), store.ErrNotFound)
}

func list(t *testing.T, d store.Driver) {
	for _, name := range []string{"b/2", "a", "b/10", "b", "b/1", "c/1"} {
		create(t, d, name, name)
	}
	check := func(q store.Query, want ...string) {
		t.Helper()
		page, err := d.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, names(page)); diff != "" {
			t.Errorf("%+v: %s", q, diff)
		}
	}
	check(store.Query{Prefix: "b/"}, "b/1", "b/10", "b/2")
	check(store.Query{Prefix: "b/", Start: "b/10"}, "b/10", "b/2")
	check(store.Query{Prefix: "b/", End: "b/2"}, "b/1", "b/10")
	check(store.Query{Prefix: "x/"})
	page, err := d.List(t.Context(), store.Query{Prefix: "a"})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Meta["status"] != "signed" || page.Objects[0].Generation == 0 {
		t.Errorf("a listing carries metadata and generation, got %+v, %v", page, err)
	}
}

func pages(t *testing.T, d store.Driver) {
	var want, got []string
	for i := range 25 {
		name := fmt.Sprintf("p/%03d", i)
		create(t, d, name, "x")
		want = append(want, name)
	}
	for q := (store.Query{Prefix: "p/", Limit: 4}); ; {
		page, err := d.List(t.Context(), q)
		if err != nil || len(page.Objects) > 4 {
			t.Fatalf("page of %d, %v", len(page.Objects), err)
		}
		got = append(got, names(page)...)
		if q.Token = page.Next; q.Token == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func folders(t *testing.T, d store.Driver) {
	for _, name := range []string{"f/a/1", "f/a/2", "f/b", "f/c/d/e", "g/x"} {
		create(t, d, name, "x")
	}
	page, err := d.List(t.Context(), store.Query{Prefix: "f/", Delimiter: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"f/b"}, names(page)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"f/a/", "f/c/"}, page.Prefixes); diff != "" {
		t.Error(diff)
	}
}

func oneCreator(t *testing.T, d store.Driver) {
	winners := race(func(ctx context.Context, i int) error {
		_, err := d.Create(ctx, object("claim", fmt.Sprint(i)))
		return err
	})
	if winners != 1 {
		t.Errorf("%d creators won", winners)
	}
}

func oneReplacer(t *testing.T, d store.Driver) {
	generation := create(t, d, "claim", "start")
	winners := race(func(ctx context.Context, i int) error {
		o := object("claim", fmt.Sprint(i))
		o.Generation = generation
		_, err := d.Replace(ctx, o)
		return err
	})
	if winners != 1 {
		t.Errorf("%d replacers won", winners)
	}
}

// race lets 50 writers try at once and counts who won.
func race(write func(ctx context.Context, i int) error) int64 {
	var winners atomic.Int64
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			if write(context.Background(), i) == nil {
				winners.Add(1)
			}
		})
	}
	group.Wait()
	return winners.Load()
}

func names(p store.Page) []string {
	var all []string
	for _, o := range p.Objects {
		all = append(all, o.Name)
	}
	if !slices.IsSorted(all) {
		return append(all, "not sorted")
	}
	return all
}
