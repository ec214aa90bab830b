package gcs

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"timbre/emulators/durable"
)

// bucket holds objects. The lock of a name spans check and write, so of two
// conditional writers one wins; it also keeps a reader from opening the file of
// a write that is not yet flushed.
type bucket struct {
	bucketFile
	objects *index
	shelf   shelf
	seed    maphash.Seed
	locks   [1024]sync.RWMutex
}

type bucketFile struct {
	Name      string        `json:"name"`
	Created   time.Time     `json:"created"`
	Retention time.Duration `json:"retention_ns"`
}

func (b *bucket) lock(name string) *sync.RWMutex {
	return &b.locks[maphash.String(b.seed, name)%uint64(len(b.locks))]
}

// guard refuses to touch the bytes of an object that is still retained.
func (b *bucket) guard(o *object, now time.Time) error {
	if o == nil || b.Retention == 0 {
		return nil
	}
	until := o.Created.Add(b.Retention)
	if now.Before(until) {
		return retained(b.Name, o.Name, until)
	}
	return nil
}

// put stores content under new metadata and shows it to readers. The caller
// holds the lock of the name.
func (b *bucket) put(a attrs, content []byte) (*object, error) {
	stored, err := b.shelf.put(a, content)
	if err != nil {
		return nil, errors.Join(err, b.reconcile(a.Name))
	}
	o := &object{attrs: a, body: stored}
	b.objects.put(o)
	return o, nil
}

// drop is the same for a deletion.
func (b *bucket) drop(name string) error {
	if err := b.shelf.drop(name); err != nil {
		return errors.Join(err, b.reconcile(name))
	}
	b.objects.drop(name)
	return nil
}

// reconcile makes the index say what the shelf holds after a write that failed:
// a file may have been renamed or removed though its directory was not flushed
// (no more file descriptors, say), and the index would tell of bytes that are
// not there any more.
func (b *bucket) reconcile(name string) error {
	o, err := b.shelf.find(name)
	switch {
	case err != nil:
		return err
	case o == nil:
		b.objects.drop(name)
	default:
		b.objects.put(o)
	}
	return nil
}

// read returns the live object and its opened content, of one generation.
func (b *bucket) read(name string, c conditions) (*object, io.ReadSeekCloser, error) {
	l := b.lock(name)
	l.RLock()
	defer l.RUnlock()
	o, err := b.live(name, c, true)
	if err != nil {
		return nil, nil, err
	}
	content, err := o.body.open()
	return o, content, err
}

// live returns the object if it exists and the conditions hold. Cloud Storage
// answers 404 before it looks at the conditions of anything but an insert.
func (b *bucket) live(name string, c conditions, read bool) (*object, error) {
	o := b.objects.get(name)
	if o == nil || c.generation != nil && *c.generation != o.Generation {
		return nil, noObject(b.Name, name)
	}
	return o, c.check(o, read)
}

func memoryBucket(f bucketFile) *bucket {
	return &bucket{bucketFile: f, objects: newIndex(nil), shelf: memory{}, seed: maphash.MakeSeed()}
}

const bucketFileName = "bucket.json"

// diskBucket opens or creates the bucket in dir.
func diskBucket(dir string, f bucketFile) (*bucket, error) {
	shelf, err := newDisk(filepath.Join(dir, "objects"))
	if err != nil {
		return nil, err
	}
	objects, err := shelf.load()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", f.Name, err)
	}
	if err := durable.WriteFile(filepath.Join(dir, bucketFileName), text); err != nil {
		return nil, err
	}
	return &bucket{bucketFile: f, objects: newIndex(objects), shelf: shelf, seed: maphash.MakeSeed()}, nil
}

// readBucketFile returns what dir says about its bucket, or nil if dir is none.
func readBucketFile(dir string) (*bucketFile, error) {
	text, err := os.ReadFile(filepath.Join(dir, bucketFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a folder that is no bucket is not an error
	}
	if err != nil {
		return nil, fmt.Errorf("read bucket: %w", err)
	}
	var f bucketFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("read bucket %s: %w", dir, err)
	}
	return &f, nil
}
