package gcs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"timbre/emulators/durable"
)

// buckets are all there are, and the clock of their generations.
type buckets struct {
	dir  string // empty: memory
	now  func() time.Time
	last atomic.Int64 // highest generation given

	mu     sync.RWMutex
	byName map[string]*bucket
}

func openBuckets(opt Options) (*buckets, error) {
	all := &buckets{dir: opt.Dir, now: opt.Now, byName: make(map[string]*bucket)}
	files, err := all.wanted(opt.Buckets)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		b, err := all.open(f)
		if err != nil {
			return nil, err
		}
		all.byName[f.Name] = b
		all.raise(b)
	}
	return all, nil
}

// wanted merges the buckets on disk with the configured ones.
func (s *buckets) wanted(configured []Bucket) (map[string]bucketFile, error) {
	files := make(map[string]bucketFile)
	if err := s.remembered(files); err != nil {
		return nil, err
	}
	for _, c := range configured {
		if !bucketName.MatchString(c.Name) {
			return nil, fmt.Errorf("bucket %q: not a bucket name", c.Name)
		}
		f, ok := files[c.Name]
		if !ok {
			f = bucketFile{Name: c.Name, Created: s.stamp()}
		}
		f.Retention = c.Retention
		files[c.Name] = f
	}
	return files, nil
}

func (s *buckets) remembered(files map[string]bucketFile) error {
	if s.dir == "" {
		return nil
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("open buckets: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		f, err := readBucketFile(filepath.Join(s.dir, e.Name()))
		if err != nil {
			return err
		}
		if f != nil {
			files[f.Name] = *f
		}
	}
	return nil
}

func (s *buckets) open(f bucketFile) (*bucket, error) {
	if s.dir == "" {
		return memoryBucket(f), nil
	}
	dir := filepath.Join(s.dir, f.Name)
	if err := durable.Mkdir(dir); err != nil {
		return nil, err
	}
	if _, err := durable.Clean(dir); err != nil {
		return nil, err
	}
	return diskBucket(dir, f)
}

// raise keeps generations growing over restarts, whatever the clock does.
func (s *buckets) raise(b *bucket) {
	b.objects.ascend("", func(o *object) (string, bool) {
		s.last.Store(max(s.last.Load(), o.Generation))
		return "", true
	})
}

// generation is the time in microseconds, and greater than any before.
func (s *buckets) generation() int64 {
	for {
		last := s.last.Load()
		next := max(s.now().UnixMicro(), last+1)
		if s.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// stamp is the time with the precision that the API shows.
func (s *buckets) stamp() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func (s *buckets) get(name string) (*bucket, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.byName[name]
	if !ok {
		return nil, noBucket()
	}
	return b, nil
}

func (s *buckets) create(c Bucket) (*bucket, error) {
	if !bucketName.MatchString(c.Name) {
		return nil, invalid("Invalid bucket name: '%s'", c.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.byName[c.Name]; ok {
		return nil, &apiError{status: 409, reason: "conflict", message: "You already own this bucket. Please select another name."}
	}
	b, err := s.open(bucketFile{Name: c.Name, Created: s.stamp(), Retention: c.Retention})
	if err != nil {
		return nil, err
	}
	s.byName[c.Name] = b
	return b, nil
}

func (s *buckets) list(prefix string) []*bucket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*bucket
	for name, b := range s.byName {
		if strings.HasPrefix(name, prefix) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b *bucket) int { return strings.Compare(a.Name, b.Name) })
	return out
}
