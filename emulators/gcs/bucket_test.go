package gcs_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"

	"timbre/emulators/gcs"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	opt := options()
	opt.Dir = t.TempDir()
	srv, err := gcs.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, srv.URL())
	made := c.Bucket("made-later")
	if _, err := made.Attrs(t.Context()); !errors.Is(err, storage.ErrBucketNotExist) {
		t.Errorf("attrs of no bucket: %v", err)
	}
	if _, err := put(t.Context(), made.Object("x"), "x"); status(err) != http.StatusNotFound {
		t.Errorf("put into no bucket: %v, want 404", err)
	}
	policy := &storage.BucketAttrs{RetentionPolicy: &storage.RetentionPolicy{RetentionPeriod: time.Hour}}
	if err := made.Create(t.Context(), "project", policy); err != nil {
		t.Fatal(err)
	}
	if err := made.Create(t.Context(), "project", nil); status(err) != http.StatusConflict {
		t.Errorf("second create: %v, want 409", err)
	}
	if err := c.Bucket("Bad_Name!").Create(t.Context(), "project", nil); status(err) != http.StatusBadRequest {
		t.Errorf("bad name: %v, want 400", err)
	}
	mustPut(t, made.Object("x"), "x")
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	checkBucketsRemain(t, opt.Dir)
}

func checkBucketsRemain(t *testing.T, dir string) {
	t.Helper()
	c := client(t, start(t, gcs.Options{Dir: dir}).URL())
	got := map[string]time.Duration{}
	for it := c.Buckets(t.Context(), "project"); ; {
		a, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[a.Name] = 0
		if a.RetentionPolicy != nil {
			got[a.Name] = a.RetentionPolicy.RetentionPeriod
		}
	}
	if diff := cmp.Diff(map[string]time.Duration{"made-later": time.Hour, state: 0, archive: 24 * time.Hour}, got); diff != "" {
		t.Error(diff)
	}
	if err := c.Bucket("made-later").Object("x").Delete(t.Context()); status(err) != http.StatusForbidden {
		t.Errorf("delete after restart: %v, want 403", err)
	}
}

func TestParseBuckets(t *testing.T) {
	t.Parallel()
	got, err := gcs.ParseBuckets("timbre-archive:retention=2190d, timbre-state,short:retention=90s,")
	want := []gcs.Bucket{
		{Name: "timbre-archive", Retention: 2190 * 24 * time.Hour}, {Name: "timbre-state"}, {Name: "short", Retention: 90 * time.Second},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, bad := range []string{"UPPER", "x", "a/b", "name:retention", "name:retention=", "name:retention=-1d", "name:retention=1y", "name:lock=1d"} {
		if got, err := gcs.ParseBuckets(bad); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

func TestOneServerPerDirectory(t *testing.T) {
	t.Parallel()
	opt := options()
	opt.Dir = t.TempDir()
	start(t, opt)
	if second, err := gcs.Start(opt); err == nil {
		t.Error("a second server took the directory", second.Close())
	}
}

func TestLeftoversAreIgnoredDamageIsNot(t *testing.T) {
	t.Parallel()
	opt := options()
	opt.Dir = t.TempDir()
	srv, err := gcs.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, client(t, srv.URL()).Bucket(state).Object("x"), "content")
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	file := onlyFile(t, filepath.Join(opt.Dir, state, "objects", "*", "*"))
	if err := os.WriteFile(file+".tmp-1", []byte("timbre-gcs 1 torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv, err = gcs.Start(opt)
	if err != nil {
		t.Fatalf("start with a leftover: %v", err)
	}
	if got, _, err := get(t.Context(), client(t, srv.URL()).Bucket(state).Object("x")); err != nil || got != "content" {
		t.Errorf("%q, %v", got, err)
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if got := onlyFile(t, filepath.Join(opt.Dir, state, "objects", "*", "*")); got != file {
		t.Errorf("leftover %s was kept", got)
	}
	if err := os.Truncate(file, 100); err != nil {
		t.Fatal(err)
	}
	if srv, err := gcs.Start(opt); err == nil {
		t.Error("a torn object was left out silently", srv.Close())
	}
}

func onlyFile(tb testing.TB, pattern string) string {
	tb.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		tb.Fatalf("files = %v, %v, want one", files, err)
	}
	return files[0]
}

func TestHealth(t *testing.T) {
	t.Parallel()
	r, err := http.Get(start(t, options()).URL() + "/health")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("%d, %v", r.StatusCode, err)
	}
}
