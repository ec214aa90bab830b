package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempMark stands in every temporary name. Names given to WriteFile must not
// contain it.
const tempMark = ".tmp-"

// WriteFile replaces the file at path with the parts, one after the other.
func WriteFile(path string, parts ...[]byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+tempMark)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = fill(f, parts)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return syncDir(dir)
}

func fill(f *os.File, parts [][]byte) error {
	for _, part := range parts {
		if _, err := f.Write(part); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// Remove deletes the file at path; a file that does not exist is an error.
func Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// Mkdir creates dir, its missing parents and the children in it so that they
// survive a crash. What exists stays.
func Mkdir(dir string, children ...string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := Mkdir(filepath.Dir(dir), filepath.Base(dir)); err != nil {
			return err
		}
	}
	for _, child := range children {
		if err := os.Mkdir(filepath.Join(dir, child), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("create directory: %w", err)
		}
	}
	return syncDir(dir)
}

// Clean removes what interrupted writes left in dir and returns the names of
// the files that remain, in order.
func Clean(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("clean: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if !strings.Contains(e.Name(), tempMark) {
			names = append(names, e.Name())
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("clean: %w", err)
		}
	}
	return names, nil
}
