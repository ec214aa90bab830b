package gcs_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"

	"timbre/emulators/gcs"
)

// both runs a test in memory and on disk.
func both(t *testing.T, test func(t *testing.T, opt gcs.Options)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(t, options()) })
	t.Run("disk", func(t *testing.T) {
		t.Parallel()
		opt := options()
		opt.Dir = t.TempDir()
		test(t, opt)
	})
}

var names = []string{
	"a", "a/b", "a/b/c.json", "/lead", "trail/", "a//b", "a/../b", "./x", "..x", "con espacio", "a+b", "100%25",
	"q?x=1&y=2", "#frag", "ñandú/日本語.xml", "tab\tx", strings.Repeat("x", 1024), strings.Repeat("ñ/", 341), "o", "storage/v1/b/o",
}

func TestEveryNameIsItsOwnObject(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, opt gcs.Options) {
		t.Helper()
		srv := start(t, opt)
		jsonReads := client(t, srv.URL()).Bucket(state)
		plainReads := client(t, srv.URL(), storage.WithXMLReads()).Bucket(state)
		for _, name := range names {
			mustPut(t, jsonReads.Object(name), "content of "+name)
		}
		for _, name := range names {
			for form, b := range map[string]*storage.BucketHandle{"json": jsonReads, "plain": plainReads} {
				if got, _, err := get(t.Context(), b.Object(name)); err != nil || got != "content of "+name {
					t.Errorf("%s read of %q = %q, %v", form, name, got, err)
				}
			}
			a, err := jsonReads.Object(name).Attrs(t.Context())
			if err != nil || a.Name != name {
				t.Errorf("attrs of %q: %v, %v", name, a, err)
			}
		}
	})
}

func TestBadNames(t *testing.T) {
	t.Parallel()
	b := client(t, start(t, options()).URL()).Bucket(state)
	for _, name := range []string{".", "..", "a\nb", "a\rb", strings.Repeat("x", 1025)} {
		if _, err := put(t.Context(), b.Object(name), "x"); status(err) != http.StatusBadRequest {
			t.Errorf("put of %q: %v, want 400", name, err)
		}
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, opt gcs.Options) {
		t.Helper()
		srv := start(t, opt)
		o := client(t, srv.URL()).Bucket(archive).Object("dte/1.xml")
		custom := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
		w := o.NewWriter(t.Context())
		w.ChunkSize = 0
		w.ContentType, w.CacheControl, w.ContentDisposition, w.ContentLanguage = "text/xml", "no-store", "inline", "es"
		w.Metadata = map[string]string{"state": "accepted", "razon": "Señor"}
		w.CustomTime = custom
		if _, err := w.Write([]byte("<DTE/>")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		checkAttributes(t, o, w.Attrs(), custom)
	})
}

func checkAttributes(t *testing.T, o *storage.ObjectHandle, written *storage.ObjectAttrs, custom time.Time) {
	t.Helper()
	a, err := o.Attrs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, a); diff != "" {
		t.Errorf("attrs after write and later differ: %s", diff)
	}
	got := []any{a.ContentType, a.CacheControl, a.ContentDisposition, a.ContentLanguage, a.Size, a.Metageneration, a.Metadata, a.CustomTime}
	want := []any{"text/xml", "no-store", "inline", "es", int64(6), int64(1), map[string]string{"state": "accepted", "razon": "Señor"}, custom}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := a.Created.Add(24 * time.Hour); !a.RetentionExpirationTime.Equal(want) {
		t.Errorf("retained until %v, want %v", a.RetentionExpirationTime, want)
	}
	_, r, err := get(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	wantReader := storage.ReaderObjectAttrs{
		Size: 6, ContentType: "text/xml", CacheControl: "no-store", LastModified: a.Updated.Truncate(time.Second),
		Generation: a.Generation, Metageneration: 1, CRC32C: a.CRC32C,
	}
	if diff := cmp.Diff(wantReader, r.Attrs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"State": "accepted", "Razon": "Señor"}, r.Metadata()); diff != "" {
		t.Error(diff)
	}
}

func TestGenerationsGrowOverEverything(t *testing.T) {
	t.Parallel()
	opt := options()
	opt.Dir = t.TempDir()
	opt.Now = func() time.Time { return time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC) } // a clock that stands still
	var last int64
	for range 3 {
		srv, err := gcs.Start(opt)
		if err != nil {
			t.Fatal(err)
		}
		b := client(t, srv.URL()).Bucket(state)
		for _, name := range []string{"a", "b", "a"} {
			a := mustPut(t, b.Object(name), "x")
			if a.Generation <= last || a.Metageneration != 1 {
				t.Errorf("generation %d after %d, metageneration %d", a.Generation, last, a.Metageneration)
			}
			last = a.Generation
		}
		if err := b.Object("b").Delete(t.Context()); err != nil {
			t.Error(err)
		}
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPatchMergesMetadata(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, opt gcs.Options) {
		t.Helper()
		b := client(t, start(t, opt).URL()).Bucket(archive) // metadata may change under retention
		o := b.Object("x")
		before := mustPut(t, o, "content")
		steps := []struct {
			update storage.ObjectAttrsToUpdate
			want   map[string]string
		}{
			{storage.ObjectAttrsToUpdate{Metadata: map[string]string{"a": "1", "b": "2"}}, map[string]string{"a": "1", "b": "2"}},
			{storage.ObjectAttrsToUpdate{Metadata: map[string]string{"b": "3"}}, map[string]string{"a": "1", "b": "3"}},
			{storage.ObjectAttrsToUpdate{ContentType: "text/xml"}, map[string]string{"a": "1", "b": "3"}},
			{storage.ObjectAttrsToUpdate{Metadata: map[string]string{}}, nil},
		}
		for i, step := range steps {
			a, err := o.Update(t.Context(), step.update)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(step.want, a.Metadata); diff != "" {
				t.Errorf("step %d: %s", i, diff)
			}
			if a.Metageneration != int64(i+2) || a.Generation != before.Generation || !a.Created.Equal(before.Created) {
				t.Errorf("step %d: generation %d/%d created %v", i, a.Generation, a.Metageneration, a.Created)
			}
		}
		if content, r, err := get(t.Context(), o); err != nil || content != "content" || r.Attrs.ContentType != "text/xml" {
			t.Errorf("after patches: %q, %v", content, err)
		}
	})
}

func TestChecksums(t *testing.T) {
	t.Parallel()
	o := client(t, start(t, options()).URL()).Bucket(state).Object("x")
	tests := map[string]struct {
		prepare func(*storage.Writer)
		want    int
	}{
		"right crc32c": {func(w *storage.Writer) { w.SendCRC32C, w.CRC32C = true, 0x9a71bb4c }, http.StatusOK}, // of "hello"
		"wrong crc32c": {func(w *storage.Writer) { w.SendCRC32C, w.CRC32C = true, 1 }, http.StatusBadRequest},
		"wrong md5":    {func(w *storage.Writer) { w.MD5 = make([]byte, 16) }, http.StatusBadRequest},
	}
	for name, tt := range tests {
		w := o.NewWriter(t.Context())
		w.ChunkSize = 0
		tt.prepare(w)
		_, err := w.Write([]byte("hello"))
		if err := errors.Join(err, w.Close()); status(err) != tt.want {
			t.Errorf("%s: %v, want %d", name, err, tt.want)
		}
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, opt gcs.Options) {
		t.Helper()
		o := client(t, start(t, opt).URL()).Bucket(state).Object("x")
		mustPut(t, o, "0123456789")
		tests := []struct {
			offset, length int64
			want           string
		}{{0, -1, "0123456789"}, {3, 4, "3456"}, {7, -1, "789"}, {-3, -1, "789"}, {8, 100, "89"}, {0, 0, ""}}
		for _, tt := range tests {
			r, err := o.NewRangeReader(t.Context(), tt.offset, tt.length)
			if err != nil {
				t.Errorf("range %d+%d: %v", tt.offset, tt.length, err)
				continue
			}
			var b strings.Builder
			if _, err := r.WriteTo(&b); err != nil || b.String() != tt.want || r.Attrs.Size != 10 {
				t.Errorf("range %d+%d = %q of %d, %v, want %q", tt.offset, tt.length, b.String(), r.Attrs.Size, err, tt.want)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := o.NewRangeReader(t.Context(), 10, 5); status(err) != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("range behind the end: %v, want 416", err)
		}
	})
}

func TestBufferedWriterOfSmallObject(t *testing.T) {
	t.Parallel()
	srv := start(t, options())
	o := client(t, srv.URL()).Bucket(state).Object("x")
	w := o.NewWriter(t.Context()) // the default chunk size sends what fits in one request, with X-Goog-Hash
	_, err := w.Write(make([]byte, 300_000))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if a, err := o.Attrs(t.Context()); err != nil || a.Size != 300_000 {
		t.Errorf("%v, %v", a, err)
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, opt gcs.Options) {
		t.Helper()
		var clock clock
		opt.Now = clock.now
		srv := start(t, opt)
		o := client(t, srv.URL()).Bucket(archive).Object("dte/1.xml")
		mustPut(t, o, "first")
		denied := func(what string, err error) {
			if status(err) != http.StatusForbidden || reason(err) != "retentionPolicyNotMet" {
				t.Errorf("%s: %v, want 403 retentionPolicyNotMet", what, err)
			}
		}
		_, err := put(t.Context(), o, "second")
		denied("overwrite", err)
		denied("delete", o.Delete(t.Context()))
		if _, err := put(t.Context(), o.If(storage.Conditions{DoesNotExist: true}), "second"); status(err) != http.StatusPreconditionFailed {
			t.Errorf("create-only: %v, want 412", err)
		}
		if content, _, err := get(t.Context(), o); content != "first" {
			t.Errorf("content = %q, %v", content, err)
		}
		if got := srv.Stats().Get(archive, "retention_denied"); got != 2 {
			t.Errorf("retention_denied = %d, want 2", got)
		}
		clock.advance(24 * time.Hour)
		mustPut(t, o, "second")
		clock.advance(24 * time.Hour)
		if err := o.Delete(t.Context()); err != nil {
			t.Errorf("delete after its time: %v", err)
		}
	})
}

func TestUnsupportedIsRefused(t *testing.T) {
	t.Parallel()
	b := client(t, start(t, options()).URL()).Bucket(state)
	mustPut(t, b.Object("x"), "x")
	w := b.Object("big").NewWriter(t.Context())
	w.ChunkSize = 256 << 10
	_, errWrite := w.Write(make([]byte, 300<<10))
	_, errVersions := b.Objects(t.Context(), &storage.Query{Versions: true}).Next()
	_, errGlob := b.Objects(t.Context(), &storage.Query{MatchGlob: "*"}).Next()
	_, errHold := b.Object("x").Update(t.Context(), storage.ObjectAttrsToUpdate{TemporaryHold: true})
	for what, err := range map[string]error{
		"resumable": errors.Join(errWrite, w.Close()), "versions": errVersions, "glob": errGlob, "hold": errHold,
	} {
		if status(err) != http.StatusBadRequest || reason(err) != "notImplemented" {
			t.Errorf("%s: %v, want 400 notImplemented", what, err)
		}
	}
}

func TestEmulatorHostVariable(t *testing.T) {
	srv := start(t, options())
	t.Setenv("STORAGE_EMULATOR_HOST", srv.URL())
	c, err := storage.NewClient(t.Context(), option.WithoutAuthentication(), storage.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, c.Bucket(state).Object("x"), "through the environment")
	if got, _, err := get(t.Context(), c.Bucket(state).Object("x")); err != nil || got != "through the environment" {
		t.Errorf("%q, %v", got, err)
	}
}
