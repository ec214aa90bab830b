// Package golden helps tests: it compares with files under testdata and finds the reference folder.
//
// The reference folder holds the SII's own schemas, samples and cases and a fake PKI. They are not
// part of this repository: REFERENCE_DIR names the folder, else ../shared beside the project's root
// is taken. Where it is absent, the tests that need it skip and say what they miss.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Equal compares got with the file testdata/name to the byte; with -update it writes the file.
func Equal(tb testing.TB, name string, got []byte) {
	tb.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		write(tb, path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("read golden file: %v", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		tb.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func write(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		tb.Fatal(err)
	}
}

// Reference is the path of an entry of the reference folder, as Reference(t, "sii", "samples").
// The test skips where it is absent.
func Reference(tb testing.TB, parts ...string) string {
	tb.Helper()
	path := filepath.Join(append([]string{ReferenceDir()}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("reference folder has no %s here; set REFERENCE_DIR", filepath.Join(parts...))
	}
	return path
}

// ReferenceDir is REFERENCE_DIR, or shared beside the project's root.
func ReferenceDir() string {
	if dir := os.Getenv("REFERENCE_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(filepath.Dir(Root()), "shared")
}

// Root is the project's: the nearest folder above the working directory that holds go.mod.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	for d := dir; d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d
		}
	}
	return dir
}
