package gcs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"timbre/emulators/durable"
)

// shelf keeps contents. put returns only when the object cannot be lost. find
// tells what there is after either of them failed; nil: nothing.
type shelf interface {
	put(a attrs, content []byte) (body, error)
	drop(name string) error
	find(name string) (*object, error)
}

// body is a stored content.
type body interface {
	open() (io.ReadSeekCloser, error)
}

type memory struct{}

func (memory) put(_ attrs, content []byte) (body, error) { return memoryBody(content), nil }
func (memory) drop(string) error                         { return nil }
func (memory) find(string) (*object, error)              { return nil, errors.New("memory does not fail") }

type memoryBody []byte

func (b memoryBody) open() (io.ReadSeekCloser, error) { return memoryReader{bytes.NewReader(b)}, nil }

type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error { return nil }

// disk keeps each object in a file named by the hash of its name: names may be
// longer than file names, and "a" lives beside "a/b". The first digit of the hash
// is the directory.
type disk struct{ dir string }

const shards = "0123456789abcdef"

func newDisk(dir string) (disk, error) {
	return disk{dir: dir}, durable.Mkdir(dir, strings.Split(shards, "")...)
}

func (d disk) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	text := hex.EncodeToString(sum[:])
	return filepath.Join(d.dir, text[:1], text[1:])
}

func (d disk) put(a attrs, content []byte) (body, error) {
	header, err := fileHeader(a)
	if err != nil {
		return nil, err
	}
	path := d.path(a.Name)
	if err := durable.WriteFile(path, header, content); err != nil {
		return nil, err
	}
	return diskBody{path: path, start: int64(len(header)), size: a.Size}, nil
}

func (d disk) drop(name string) error { return durable.Remove(d.path(name)) }

func (d disk) find(name string) (*object, error) {
	o, err := d.loadFile(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no object is an answer
	}
	return o, err
}

// load reads the metadata of every object. A damaged file stops the start: it
// was acknowledged once, and to leave it out would be to lose it silently.
func (d disk) load() ([]*object, error) {
	var mu sync.Mutex
	var all []*object
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, shard := range shards {
		group.Go(func() error {
			part, err := d.loadShard(filepath.Join(d.dir, string(shard)))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, part...)
			return err
		})
	}
	return all, group.Wait()
}

func (d disk) loadShard(dir string) ([]*object, error) {
	names, err := durable.Clean(dir)
	if err != nil {
		return nil, err
	}
	out := make([]*object, 0, len(names))
	for _, name := range names {
		o, err := d.loadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (d disk) loadFile(path string) (*object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load object: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	a, start, err := readFileHeader(f)
	if err != nil {
		return nil, fmt.Errorf("load object %s: %w", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load object: %w", err)
	}
	if info.Size() != start+a.Size || d.path(a.Name) != path {
		return nil, fmt.Errorf("load object %s: %w: size or name differ", path, errFile)
	}
	return &object{attrs: a, body: diskBody{path: path, start: start, size: a.Size}}, nil
}

type diskBody struct {
	path        string
	start, size int64
}

func (b diskBody) open() (io.ReadSeekCloser, error) {
	f, err := os.Open(b.path)
	if err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	return diskReader{SectionReader: io.NewSectionReader(f, b.start, b.size), file: f}, nil
}

type diskReader struct {
	*io.SectionReader
	file *os.File
}

func (r diskReader) Close() error { return r.file.Close() }

func readAll(b body) ([]byte, error) {
	r, err := b.open()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}
