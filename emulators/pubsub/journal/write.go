package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// run is the only writer of the file.
func (j *Journal) run() {
	defer close(j.stopped)
	for {
		select {
		case <-j.kicks:
			j.flush()
		case <-j.stop:
			j.flush()
			return
		}
		if j.size >= max(j.minSize, 2*j.base) {
			j.replace()
		}
	}
}

// flush writes and syncs what was appended up to now, then tells who waits.
func (j *Journal) flush() {
	j.mu.Lock()
	data, commit := j.take()
	j.mu.Unlock()
	j.finish(commit, j.write(data))
}

// take answers the appended bytes and their commit, and starts new ones.
func (j *Journal) take() ([]byte, *Commit) {
	data, commit := j.buffer, j.next
	j.buffer, j.next = nil, j.newCommit()
	return data, commit
}

func (j *Journal) write(data []byte) error {
	if err := j.broken(); err != nil || len(data) == 0 {
		return err
	}
	n, err := j.file.Write(data)
	j.size += int64(n)
	return errors.Join(err, j.file.Sync())
}

// broken answers an earlier failure of the file: after one, whole records could
// stand behind a torn one, and would be lost.
func (j *Journal) broken() error {
	if err := j.Err(); !errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

func (j *Journal) finish(commit *Commit, err error) {
	if err != nil && j.broken() == nil {
		j.mu.Lock()
		j.err = fmt.Errorf("write journal: %w", err)
		j.mu.Unlock()
	}
	commit.err = err
	close(commit.done)
}

// replace writes the state as a new file beside the old one and renames it. The
// records appended up to the snapshot are part of the state, so they count as
// written when the new file is in place; those appended later follow in it.
func (j *Journal) replace() {
	if j.broken() != nil {
		return
	}
	var data []byte
	var commit *Commit
	var err error
	j.snapshot(func(records []Record, broken error) {
		data, err = appendRecords(nil, records)
		err = errors.Join(broken, err)
		j.mu.Lock()
		_, commit = j.take()
		j.mu.Unlock()
	})
	if err == nil {
		err = j.swap(data)
	}
	j.finish(commit, err)
}

func (j *Journal) swap(data []byte) error {
	temp := j.path + ".new"
	file, err := os.OpenFile(filepath.Clean(temp), os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Sync()); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := errors.Join(os.Rename(temp, j.path), syncDir(j.path)); err != nil {
		return errors.Join(err, file.Close())
	}
	old := j.file
	j.file, j.size, j.base = file, int64(len(data)), int64(len(data))
	return old.Close()
}

// syncDir makes the name of a file durable.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
