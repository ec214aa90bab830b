package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/journal"
	"timbre/shared/rut"
	"timbre/shared/store"
	"timbre/shared/store/storetest"
)

var here = store.Company{Env: store.Certificacion, RUT: rut.MustParse("76192083-9")}

const log = "events"

func made(name string) journal.Event {
	return journal.Event{ID: store.EventID(name), Body: json.RawMessage(fmt.Sprintf(`{"id":%q,"text":"Peñalolén <&>"}`, name))}
}

// ids reads a log in pages of size and gives the events' ids in order.
func ids(t *testing.T, j *journal.Journal, size int) []string {
	t.Helper()
	var all []string
	for after := int64(0); ; {
		page, err := j.Read(t.Context(), here, after, size)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		for _, e := range page {
			if e.Number != after+1 {
				t.Fatalf("entry %d follows %d", e.Number, after)
			}
			after = e.Number
			var body struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(e.Body, &body); err != nil {
				t.Fatal(err)
			}
			all = append(all, body.ID)
		}
	}
}

func TestAppendOnce(t *testing.T) {
	t.Parallel()
	bucket := store.NewBucket(store.NewMemory())
	first, second := journal.New(bucket, log), journal.New(bucket, log)
	steps := []struct {
		j      *journal.Journal
		events []string
		want   []int64
	}{
		{first, []string{"a", "b"}, []int64{1, 2}},
		{second, []string{"b", "c"}, []int64{2, 3}},
		{first, []string{"c", "d", "d", "a"}, []int64{3, 4, 4, 1}},
		{second, nil, nil},
		{second, []string{"e"}, []int64{5}},
	}
	for _, s := range steps {
		var events []journal.Event
		for _, name := range s.events {
			events = append(events, made(name))
		}
		entries, err := s.j.Append(t.Context(), here, events...)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for i, e := range entries {
			got = append(got, e.Number)
			var body struct{ ID string }
			if err := json.Unmarshal(e.Body, &body); err != nil || body.ID != s.events[i] {
				t.Errorf("entry %d holds %s", e.Number, e.Body)
			}
		}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("append %v (-want +got):\n%s", s.events, diff)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, ids(t, first, 2)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	numbers, err := first.Numbers(t.Context(), here, "c")
	if diff := cmp.Diff(map[store.EventID]int64{"c": 3}, numbers); diff != "" || err != nil {
		t.Errorf("numbers (-want +got):\n%s%v", diff, err)
	}
}

func TestNoEvent(t *testing.T) {
	t.Parallel()
	j := journal.New(store.NewBucket(store.NewMemory()), log)
	for _, e := range []journal.Event{{Body: []byte(`{}`)}, {ID: "a/b", Body: []byte(`{}`)}, {ID: "a", Body: []byte(`{`)}} {
		if _, err := j.Append(t.Context(), here, e); !errors.Is(err, journal.ErrEvent) {
			t.Errorf("append %q: %v", e.ID, err)
		}
	}
}

// TestBatches appends more than a head may hold.
func TestBatches(t *testing.T) {
	t.Parallel()
	j := journal.New(store.NewBucket(store.NewMemory()), log)
	var events []journal.Event
	var want []string
	for i := range 450 {
		events = append(events, made(fmt.Sprintf("n%d", i)))
		want = append(want, fmt.Sprintf("n%d", i))
	}
	if _, err := j.Append(t.Context(), here, events...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, ids(t, j, 100)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// TestReadWhileWriting lets three writers, each a process of its own with several callers, append, each
// event twice, while a reader follows.
func TestReadWhileWriting(t *testing.T) {
	t.Parallel()
	const writers, callers, each = 3, 4, 40
	memory := store.NewMemory()
	var writing sync.WaitGroup
	for w := range writers {
		j := journal.New(store.NewBucket(memory), log)
		for c := range callers {
			writing.Go(func() {
				for i := range each {
					// The caller before and the one after log the same event.
					e := made(fmt.Sprintf("%d", ((w*callers+c)*each/2+i)%(writers*callers*each/2)))
					if _, err := j.Append(t.Context(), here, e); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	ended := make(chan struct{})
	go func() { writing.Wait(); close(ended) }()

	reader := journal.New(store.NewBucket(memory), log)
	after := int64(0)
	seen := map[string]int64{}
	for last := false; ; {
		page, err := reader.Read(t.Context(), here, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if e.Number != after+1 {
				t.Fatalf("entry %d follows %d", e.Number, after)
			}
			after = e.Number
			if twice, found := seen[string(e.Body)]; found {
				t.Errorf("%s has the numbers %d and %d", e.Body, twice, e.Number)
			}
			seen[string(e.Body)] = e.Number
		}
		if len(page) == 0 && last {
			break
		}
		select {
		case <-ended:
			last = len(page) == 0
		default:
			runtime.Gosched()
		}
	}
	if want := writers * callers * each / 2; len(seen) != want {
		t.Errorf("%d events of %d are in the log", len(seen), want)
	}
}

// TestDeathAtEachWrite kills a process before and after each of its writes. Another one, which appends
// something else first or the same, leaves each event in the log once and no gap.
func TestDeathAtEachWrite(t *testing.T) {
	t.Parallel()
	deaths := 0
	for n := 0; ; n++ {
		alive := 0
		for _, after := range []bool{false, true} {
			for _, other := range []bool{false, true} {
				memory := store.NewMemory()
				if _, err := journal.New(store.NewBucket(memory), log).Append(t.Context(), here, made("old")); err != nil {
					t.Fatal(err)
				}
				life := storetest.NewLife(n, after)
				dying := journal.New(store.NewBucket(life.Bucket(memory)), log)
				died := life.Run(func() {
					if _, err := dying.Append(t.Context(), here, made("a"), made("b"), made("c")); err != nil {
						t.Error(err)
					}
				})
				if !died {
					alive++
				}
				want := goOn(t, memory, other)
				got := ids(t, journal.New(store.NewBucket(memory), log), 10)
				if len(got) != want {
					t.Errorf("death at write %d (after: %v, other: %v): log %v", n, after, other, got)
				}
			}
		}
		if alive == 4 {
			break
		}
		deaths += 4 - alive
	}
	if deaths < 7*4 {
		t.Errorf("only %d deaths", deaths)
	}
}

// goOn appends after a death and tells how many events there must be.
func goOn(t *testing.T, memory *store.Memory, other bool) int {
	t.Helper()
	j, want := journal.New(store.NewBucket(memory), log), 4
	if other {
		want++
		if _, err := j.Append(t.Context(), here, made("other")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Append(t.Context(), here, made("c"), made("a"), made("b")); err != nil {
		t.Fatal(err)
	}
	return want
}

// TestBegin shows that a log that begins anew above its old numbers is read on from any of them.
func TestBegin(t *testing.T) {
	t.Parallel()
	bucket := store.NewBucket(store.NewMemory())
	j := journal.New(bucket, log)
	for range 2 { // the second changes nothing
		if err := j.Begin(t.Context(), here, 5000); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		if _, err := journal.New(bucket, log).Append(t.Context(), here, made(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Begin(t.Context(), here, 9000); err != nil {
		t.Fatal(err)
	}
	for after, want := range map[int64][]int64{0: {5000, 5001}, 57: {5000, 5001}, 4999: {5000, 5001}, 5000: {5001, 5002}, 5001: {5002}, 5002: nil, 6000: nil} {
		page, err := j.Read(t.Context(), here, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, e := range page {
			got = append(got, e.Number)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %d: %s", after, diff)
		}
	}
}
