package gcs_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/storage"

	"timbre/emulators/gcs"
)

// TestReadsAmongWrites reads few names again and again while others overwrite
// and delete them. A read finds one whole content under its own generation, or
// nothing: never half of one, never a file that is gone.
func TestReadsAmongWrites(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, opt gcs.Options) {
		t.Helper()
		b := client(t, start(t, opt).URL()).Bucket(state)
		var written sync.Map // content by generation
		var found, missing atomic.Int64
		var writing, reading sync.WaitGroup
		over := make(chan struct{})
		rounds := long(400, 60)
		name := func() *storage.ObjectHandle { return b.Object(fmt.Sprintf("o/%d", rand.N(3))) }
		for w := range 6 {
			writing.Go(func() {
				for n := range rounds {
					content := strings.Repeat(fmt.Sprintf("%d of %d;", n, w), 1+rand.N(2000))
					a, err := put(t.Context(), name(), content)
					if err != nil {
						t.Errorf("overwrite: %v", err)
						return
					}
					written.Store(a.Generation, content)
				}
			})
			writing.Go(func() {
				for range rounds {
					if err := name().Delete(t.Context()); err != nil && !errors.Is(err, storage.ErrObjectNotExist) {
						t.Errorf("delete: %v", err)
						return
					}
				}
			})
		}
		type seen struct {
			generation int64
			content    string
		}
		var mu sync.Mutex
		var reads []seen
		for range 6 {
			reading.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					content, r, err := get(t.Context(), name())
					if errors.Is(err, storage.ErrObjectNotExist) {
						missing.Add(1)
						continue
					}
					if err != nil {
						t.Errorf("read: %v", err)
						return
					}
					found.Add(1)
					mu.Lock()
					reads = append(reads, seen{r.Attrs.Generation, content})
					mu.Unlock()
				}
			})
		}
		writing.Wait()
		close(over)
		reading.Wait()
		for _, r := range reads {
			if want, _ := written.Load(r.generation); want != r.content {
				t.Errorf("generation %d was read as %.30q (%d bytes)", r.generation, r.content, len(r.content))
			}
		}
		t.Logf("%d reads found an object, %d none", found.Load(), missing.Load())
	})
}

// TestWriteThatFailsInPart: a file was replaced or removed, but not flushed for
// good. The caller is told that the outcome is unknown, and readers see what is
// there: they are not sent to bytes that are gone.
func TestWriteThatFailsInPart(t *testing.T) {
	t.Parallel()
	opt := options()
	opt.Dir = t.TempDir()
	srv := start(t, opt)
	o := client(t, srv.URL()).Bucket(state).Object("o")
	mustPut(t, o, "old")
	for _, test := range []struct {
		write func() error
		want  string
	}{
		{func() error { _, err := put(t.Context(), o, "new and longer"); return err }, "new and longer"},
		{func() error { return o.Delete(t.Context()) }, ""},
		{func() error { _, err := put(t.Context(), o, "again"); return err }, "again"},
	} {
		if err := srv.FailAfter(state); err != nil {
			t.Fatal(err)
		}
		if err := test.write(); status(err) != http.StatusInternalServerError {
			t.Errorf("the write is told as %v", err)
		}
		got, _, err := get(t.Context(), o)
		if got != test.want || test.want == "" && !errors.Is(err, storage.ErrObjectNotExist) || test.want != "" && err != nil {
			t.Errorf("read %q, %v; want %q", got, err, test.want)
		}
	}
}
