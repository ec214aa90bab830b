package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/durable"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, parts := range [][][]byte{{[]byte("one")}, {[]byte("t"), []byte("wo")}, {}} {
		if err := durable.WriteFile(path, parts...); err != nil {
			t.Fatal(err)
		}
		want := ""
		for _, p := range parts {
			want += string(p)
		}
		if got := read(t, path); got != want {
			t.Errorf("content = %q, want %q", got, want)
		}
	}
	if names := list(t, dir); !cmp.Equal(names, []string{"f"}) {
		t.Errorf("directory holds %q, want only f", names)
	}
}

func TestWriteFileWithoutDirectory(t *testing.T) {
	t.Parallel()
	err := durable.WriteFile(filepath.Join(t.TempDir(), "missing", "f"), []byte("x"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v, want fs.ErrNotExist", err)
	}
}

func TestWriteFileOverDirectoryLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := durable.Mkdir(filepath.Join(dir, "f", "full")); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(filepath.Join(dir, "f"), []byte("x")); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if names := list(t, dir); !cmp.Equal(names, []string{"f"}) {
		t.Errorf("directory holds %q, want only f", names)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	if err := durable.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("remove of nothing: %v, want fs.ErrNotExist", err)
	}
	if err := durable.WriteFile(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Remove(path); err != nil {
		t.Error(err)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b", "a", "a.tmp-123"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names, err := durable.Clean(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
		t.Error(diff)
	}
	if left := list(t, dir); !cmp.Equal(left, []string{"a", "b"}) {
		t.Errorf("directory holds %q", left)
	}
}

func TestLockIsExclusive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := durable.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Lock(dir); err == nil {
		t.Fatal("a second lock was given")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := durable.Lock(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func list(tb testing.TB, dir string) []string {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestMkdir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := durable.Mkdir(dir, "y", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(t, dir); !cmp.Equal(got, []string{"x", "y"}) {
		t.Errorf("children = %q", got)
	}
	file := filepath.Join(dir, "file")
	if err := durable.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	if err := durable.Mkdir(file, "z"); err == nil {
		t.Error("a directory was created below a file")
	}
}
