package world_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/world"
)

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	if err := authority.Make(whole, authority.Options{Types: []int{33}, Companies: authority.DefaultCompanies()[:1]}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		spoil func(dir string) error
		want  error  // or
		text  string // part of the message
	}{
		{"no companies", func(dir string) error { return os.Remove(filepath.Join(dir, "companies.json")) }, world.ErrIncomplete, ""},
		{"no root", func(dir string) error { return os.Remove(filepath.Join(dir, "ca", "root.pem")) }, world.ErrIncomplete, ""},
		{"no key of the SII", func(dir string) error { return os.Remove(filepath.Join(dir, "sii", "100.pub")) }, world.ErrIncomplete, ""},
		{"wrong check digit", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "companies.json"), []byte(`[{"id":"a","rut":"76400123-1","firmante":{"rut":"1-9"}}]`), 0o600)
		}, nil, "invalid RUT"},
		{"CAF cut short", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "caf", "a", "33-1-10.xml"), []byte("<AUTORIZACION><CAF"), 0o600)
		}, nil, "33-1-10.xml"},
		{"key of another kind", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "sii", "100.pub"), []byte("x"), 0o600)
		}, nil, "not PEM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			if err := tt.spoil(dir); err != nil {
				t.Fatal(err)
			}
			_, err := world.Load(dir)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v %s", err, tt.want, tt.text)
			}
		})
	}
}

// The reference's fake PKI is a world too; its broken CAFs stand outside the
// companies' folders.
func TestLoadReference(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("REFERENCE_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "testpki")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("reference folder has no testpki here; set REFERENCE_DIR")
	}
	w, err := world.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Companies) != 3 || len(w.CAFs) != 54 || len(w.SIIKeys) != 2 {
		t.Errorf("got %d companies, %d CAFs, %d keys, want 3, 54, 2", len(w.Companies), len(w.CAFs), len(w.SIIKeys))
	}
}
