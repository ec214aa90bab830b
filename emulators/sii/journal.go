package sii

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// entry is one line of the journal. Replaying the entries in order, each at its
// own time, leads to the same registry: judging is deterministic.
type entry struct {
	Op   string          `json:"op"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`
}

type uploaded struct {
	Envelope *Envelope `json:"envelope"`
	Speed    float64   `json:"speed"`
}

type resent struct {
	Environment string `json:"environment"`
	SHA256      string `json:"sha256"`
}

// openJournal replays dir's journal and keeps it open; no dir, no memory.
func (s *state) openJournal(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "journal.jsonl"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	end, err := s.replay(file)
	if err == nil {
		// A line that a crash cut short was never acknowledged.
		err = errors.Join(file.Truncate(end), seek(file, end))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("replay journal: %w", err), file.Close())
	}
	s.journal = file
	return nil
}

func seek(file *os.File, at int64) error {
	_, err := file.Seek(at, io.SeekStart)
	return err
}

// replay returns the offset behind the last whole line.
func (s *state) replay(file io.Reader) (int64, error) {
	reader := bufio.NewReader(file)
	end := int64(0)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return end, err
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return end, fmt.Errorf("offset %d: %w", end, err)
		}
		s.mu.Lock()
		err = s.apply(e)
		s.mu.Unlock()
		if err != nil {
			return end, fmt.Errorf("offset %d: %w", end, err)
		}
		end += int64(len(line))
	}
}

func (s *state) apply(e entry) error {
	s.advance(e.At.In(s.clock.zone))
	switch e.Op {
	case "upload":
		return s.restore(e.Data)
	case "mail again":
		return s.repeat(e.Data, e.At.In(s.clock.zone))
	case "mailed":
		return s.remember(e.Data)
	case "claim":
		return s.reclaim(e.Data)
	case "clock":
		var moved time.Duration
		if err := json.Unmarshal(e.Data, &moved); err != nil {
			return err
		}
		s.clock.advance(moved - s.clock.moved())
		return nil
	case "resent":
		var r resent
		if err := json.Unmarshal(e.Data, &r); err != nil {
			return err
		}
		if old := s.byHash[r.Environment+r.SHA256]; old != nil {
			old.Sent++
		}
		return nil
	}
	change, found := changes[e.Op]
	if !found {
		return fmt.Errorf("unknown entry %q", e.Op)
	}
	return change(s, e.Data)
}

func (s *state) restore(data json.RawMessage) error {
	var u uploaded
	if err := json.Unmarshal(data, &u); err != nil {
		return err
	}
	e := u.Envelope
	if e.Channel == "" {
		e.Channel = channelDTE // a journal from before boletas
	}
	e.env, _ = environment(e.Environment)
	e.speed, e.ReceivedAt = u.Speed, e.ReceivedAt.In(s.clock.zone)
	e.content, e.faults = inspectFor(e.Channel, e.env, e.Bytes, s.switches)
	if e.content == nil && len(e.faults) == 0 {
		return fmt.Errorf("envelope %s can no longer be read", e.TrackID)
	}
	track, err := strconv.ParseInt(e.TrackID, 10, 64)
	if err != nil {
		return err
	}
	s.lastTrack[e.Channel] = max(s.lastTrack[e.Channel], track)
	s.register(e)
	return nil
}

// record appends one entry and makes it durable before anybody hears of it.
func (s *state) record(op string, at time.Time, data any) error {
	if s.journal == nil || s.lost != nil {
		return s.lost
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("record %s: %w", op, err)
	}
	line, err := json.Marshal(entry{Op: op, At: at, Data: raw})
	if err != nil {
		return fmt.Errorf("record %s: %w", op, err)
	}
	if _, err = s.journal.Write(append(line, '\n')); err == nil {
		err = s.journal.Sync()
	}
	if err != nil {
		// A torn line would hide what follows it: the journal takes no more.
		s.lost = fmt.Errorf("record %s: %w", op, err)
	}
	return s.lost
}

func (s *state) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == nil {
		return nil
	}
	err := s.journal.Close()
	s.journal = nil
	return err
}
