package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"timbre/emulators/pubsub/journal"
)

// owner is the smallest state: a set of names, put with '+' and dropped with '-'.
type owner struct {
	mu      sync.Mutex
	names   map[string]bool
	journal *journal.Journal
}

func open(t *testing.T, path string, minSize int64) *owner {
	t.Helper()
	o := &owner{names: map[string]bool{}}
	j, err := journal.Open(path, journal.Options{Apply: o.apply, Snapshot: o.snapshot, MinSize: minSize})
	if err != nil {
		t.Fatal(err)
	}
	o.journal = j
	t.Cleanup(func() { _ = j.Close() })
	return o
}

func (o *owner) apply(r journal.Record) error {
	for _, name := range r.Names {
		if r.Kind == '+' {
			o.names[name] = true
		} else {
			delete(o.names, name)
		}
	}
	return nil
}

func (o *owner) snapshot(take func([]journal.Record, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	take([]journal.Record{{Kind: '+', Names: slices.Collect(maps.Keys(o.names))}}, nil)
}

func (o *owner) change(kind byte, name string) *journal.Commit {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := journal.Record{Kind: kind, Names: []string{name}}
	_ = o.apply(r)
	return o.journal.Append(r)
}

// TestConcurrentChangesSurvive changes from many sides, with the file rewritten
// now and then or after each write, and compares with what is read again.
func TestConcurrentChangesSurvive(t *testing.T) {
	t.Parallel()
	for _, minSize := range []int64{1, 2000, 1 << 40} {
		t.Run(strconv.FormatInt(minSize, 10), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal")
			o := open(t, path, minSize)
			var writers sync.WaitGroup
			for w := range 8 {
				writers.Go(func() { o.changeMany(t, w) })
			}
			writers.Wait()
			// Everything was waited for, so a copy of the file has it all, as after kill -9.
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			again := filepath.Join(t.TempDir(), "journal")
			if err := os.WriteFile(again, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(o.names, open(t, again, minSize).names); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (o *owner) changeMany(t *testing.T, writer int) {
	for n := range 60 {
		name := fmt.Sprintf("%d/%d", writer, n)
		commit := o.change('+', name)
		if n%3 == 0 {
			commit = o.change('-', name)
		}
		if err := commit.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestCloseWritesWhatNobodyWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	o := open(t, path, 1<<40)
	o.change('+', "a")
	for range 2 {
		if err := o.journal.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.change('+', "b").Wait(t.Context()); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if got := open(t, path, 1<<40).names; !got["a"] || len(got) != 1 {
		t.Error(got)
	}
}

// TestLazyRecordsAreFlushed waits for a commit without asking for it.
func TestLazyRecordsAreFlushed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	o := open(t, path, 1<<40)
	o.change('+', "a")
	for {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 0 {
			return // never, if only Wait and Close wrote
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	o := open(t, filepath.Join(t.TempDir(), "journal"), 1)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.journal.Append(journal.Record{Kind: '+'}).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Now the writer wants a snapshot and stands at the lock.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.journal.Append(journal.Record{Kind: '+'}).Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	o := open(t, filepath.Join(t.TempDir(), "journal"), 1<<40)
	kept := o.change('+', "a")
	err := o.journal.Append(journal.Record{Body: make([]byte, 64<<20)}).Wait(t.Context())
	if !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if err := kept.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOpenFailsWhenARecordCannotBeApplied(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	text, err := journal.AppendRecord(nil, journal.Record{Kind: '?'})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	unknown := errors.New("unknown kind")
	_, err = journal.Open(path, journal.Options{Apply: func(journal.Record) error { return unknown }})
	if !errors.Is(err, unknown) {
		t.Errorf("got %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(text, after) {
		t.Error("the file was changed", err)
	}
}

var samples = []journal.Record{
	{Kind: 't', Body: []byte("topic")},
	{Kind: 'm', Names: []string{"a", "", "ñandú"}, Body: []byte{0, 255}},
	{Kind: 'a', Names: []string{"only"}},
	{},
}

func write(t testing.TB, records []journal.Record) []byte {
	t.Helper()
	var text []byte
	for _, r := range records {
		var err error
		if text, err = journal.AppendRecord(text, r); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

func read(t testing.TB, text []byte) ([]journal.Record, int64) {
	t.Helper()
	var records []journal.Record
	whole, err := journal.Read(bytes.NewReader(text), func(r journal.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records, whole
}

func TestReadStopsAtDamage(t *testing.T) {
	t.Parallel()
	text := write(t, samples)
	last := len(write(t, samples[:len(samples)-1]))
	for cut := range text {
		records, whole := read(t, text[:cut])
		if int(whole) > cut || !bytes.Equal(write(t, records), text[:whole]) {
			t.Errorf("cut at %d: %d whole bytes", cut, whole)
		}
	}
	for at := last; at < len(text); at++ {
		damaged := bytes.Clone(text)
		damaged[at] ^= 1
		if records, whole := read(t, damaged); int(whole) != last {
			t.Errorf("byte %d changed: %d whole bytes, %d records", at, whole, len(records))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write(f, samples))
	f.Add([]byte{'m', 2, 1, 'a'})
	f.Add([]byte{'m', 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		check(t, text)
		check(t, frame(text)) // so that the checksum does not hide the parser
	})
}

// check wants: what was read can be written, and reads the same again.
func check(t *testing.T, text []byte) {
	t.Helper()
	records, whole := read(t, text)
	if whole > int64(len(text)) {
		t.Fatalf("%d whole bytes of %d", whole, len(text))
	}
	again, _ := read(t, write(t, records))
	if diff := cmp.Diff(records, again, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func frame(payload []byte) []byte {
	text := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
	text = binary.BigEndian.AppendUint32(text, crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
	return append(text, payload...)
}
