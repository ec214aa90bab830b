package gcs_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"

	"timbre/emulators/gcs"
)

// modelList is the plainest reading of the documentation: filter, group, sort.
func modelList(names map[string]bool, q storage.Query) []string {
	found := map[string]bool{}
	for name := range names {
		if !strings.HasPrefix(name, q.Prefix) || name < q.StartOffset || q.EndOffset != "" && name >= q.EndOffset {
			continue
		}
		shown := name
		if q.Delimiter != "" {
			if i := strings.Index(name[len(q.Prefix):], q.Delimiter); i >= 0 {
				shown = name[:len(q.Prefix)+i+len(q.Delimiter)] + " (prefix)"
			}
		}
		found[shown] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// pages lists with the official client; the client puts the items of a page
// before its prefixes, so order is checked apart.
func pages(t *testing.T, b *storage.BucketHandle, q storage.Query, size int) []string {
	t.Helper()
	var out []string
	pager := iterator.NewPager(b.Objects(t.Context(), &q), size, "")
	for last := ""; ; {
		var page []*storage.ObjectAttrs
		token, err := pager.NextPage(&page)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > size {
			t.Errorf("page of %d, at most %d asked", len(page), size)
		}
		var shown []string
		for _, a := range page {
			if a.Prefix != "" {
				shown = append(shown, a.Prefix+" (prefix)")
				continue
			}
			shown = append(shown, a.Name)
		}
		slices.Sort(shown)
		if len(shown) > 0 && shown[0] <= last {
			t.Errorf("page begins with %q after %q", shown[0], last)
		}
		out = append(out, shown...)
		if token == "" {
			return out
		}
		last = shown[len(shown)-1]
	}
}

func TestListAgreesWithModel(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	b := client(t, start(t, options()).URL()).Bucket(state)
	names := map[string]bool{}
	for range 300 {
		names[randomName(rnd)] = true
	}
	for name := range names {
		mustPut(t, b.Object(name), "")
	}
	for i := range 300 {
		if name := randomName(rnd); names[name] {
			if err := b.Object(name).Delete(t.Context()); err != nil {
				t.Fatal(err)
			}
			delete(names, name)
		}
		q := randomQuery(rnd)
		want := modelList(names, q)
		got := pages(t, b, q, 1+rnd.IntN(40))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("query %d %+v: %s", i, q, diff)
		}
	}
}

// randomName makes names that share beginnings.
func randomName(rnd *rand.Rand) string {
	alphabet := []string{"a", "b", "/", "ñ", "z", "0"}
	var b strings.Builder
	for range 1 + rnd.IntN(5) {
		b.WriteString(alphabet[rnd.IntN(len(alphabet))])
	}
	return b.String()
}

func randomQuery(rnd *rand.Rand) storage.Query {
	maybe := func(s string) string {
		if rnd.IntN(2) == 0 {
			return ""
		}
		return s
	}
	return storage.Query{
		Prefix: maybe(randomName(rnd)[:1]), StartOffset: maybe(randomName(rnd)), EndOffset: maybe(randomName(rnd)),
		Delimiter: maybe([]string{"/", "a", "//", "ñ"}[rnd.IntN(4)]),
	}
}

func TestListCarriesMetadata(t *testing.T) {
	t.Parallel()
	b := client(t, start(t, options()).URL()).Bucket(state)
	w := b.Object("doc/1.json").NewWriter(t.Context())
	w.ChunkSize, w.Metadata = 0, map[string]string{"state": "accepted"}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := b.Objects(t.Context(), &storage.Query{Prefix: "doc/"}).Next()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.Attrs(), got); diff != "" {
		t.Error(diff)
	}
}

func TestListEmptyAndInvalid(t *testing.T) {
	t.Parallel()
	b := client(t, start(t, options()).URL()).Bucket(state)
	if _, err := b.Objects(t.Context(), nil).Next(); !errors.Is(err, iterator.Done) {
		t.Errorf("empty bucket: %v, want Done", err)
	}
	it := b.Objects(t.Context(), nil)
	it.PageInfo().Token = "%%%"
	if _, err := it.Next(); status(err) != 400 {
		t.Errorf("bad token: %v, want 400", err)
	}
}

func TestIndexAgreesWithMap(t *testing.T) {
	t.Parallel()
	const keys = 20_000 // enough that chunks split
	rnd := rand.New(rand.NewPCG(3, 4))
	model := map[string]bool{}
	for range 1000 {
		model[fmt.Sprint(rnd.IntN(keys))] = true
	}
	x := gcs.NewIndex(slices.Collect(maps.Keys(model)))
	for range 40_000 {
		name := fmt.Sprint(rnd.IntN(keys))
		if rnd.IntN(4) > 0 {
			x.Put(name)
			model[name] = true
		} else {
			x.Drop(name)
			delete(model, name)
		}
		if other := fmt.Sprint(rnd.IntN(keys)); x.Has(other) != model[other] || x.Len() != len(model) {
			t.Fatalf("has %s = %v, length %d; model %v, %d", other, x.Has(other), x.Len(), model[other], len(model))
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(model)), x.Names()); diff != "" {
		t.Error(diff)
	}
	for name := range model {
		x.Drop(name)
	}
	if x.Len() != 0 || x.Names() != nil {
		t.Errorf("emptied index holds %d", x.Len())
	}
}

func TestIndexInOrder(t *testing.T) {
	t.Parallel()
	var names []string
	x := gcs.NewIndex(nil)
	for i := range 3000 {
		names = append(names, fmt.Sprintf("%010d", i))
		x.Put(names[i])
	}
	if diff := cmp.Diff(names, x.Names()); diff != "" {
		t.Error(diff)
	}
}
