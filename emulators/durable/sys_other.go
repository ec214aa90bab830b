//go:build !unix

package durable

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Lock only marks the directory here: this system has no flock.
func Lock(dir string) (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// syncDir has nothing to do where directories cannot be flushed.
func syncDir(string) error { return nil }
