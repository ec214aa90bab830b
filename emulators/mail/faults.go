package mail

import (
	"cmp"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Faults say how many of the next mails go wrong, and how. Each counts down to zero.
type Faults struct {
	Refuse     int      `json:"refuse"`      // mails answered RefuseCode
	RefuseCode int      `json:"refuse_code"` // 451 if zero; 4xx or 5xx
	Drop       int      `json:"drop"`        // acknowledged and thrown away
	Duplicate  int      `json:"duplicate"`   // delivered twice
	Delay      int      `json:"delay"`       // acknowledged at once, delivered after DelayFor
	DelayFor   Duration `json:"delay_for"`
	HangUp     int      `json:"hang_up"` // delivered, but the connection ends before the answer
	Cut        int      `json:"cut"`     // IMAP: the connection ends in the middle of a mail
}

// Duration is written as "1.5s" in JSON.
type Duration time.Duration

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	v, err := time.ParseDuration(text)
	*d = Duration(v)
	return err
}

func (f Faults) check() error {
	if code := cmp.Or(f.RefuseCode, 451); code < 400 || code > 599 {
		return fmt.Errorf("refuse_code %d is no 4xx and no 5xx", code)
	}
	if min(f.Refuse, f.Drop, f.Duplicate, f.Delay, f.HangUp, f.Cut) < 0 || f.DelayFor < 0 {
		return fmt.Errorf("a fault is negative")
	}
	return nil
}

type faults struct {
	mu   sync.Mutex
	left Faults
}

// SetFaults replaces all faults.
func (s *Server) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.left = f
	return nil
}

// Faults are those still to come.
func (s *Server) Faults() Faults {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.left
}

// fate is what happens to one mail that comes in.
type fate struct {
	refuse          int // code of the answer, 0: taken
	drop, twice, up bool
	delay           time.Duration // 0: none
}

// next decides the fate of a mail. A mail that is refused uses up no other fault.
func (f *faults) next() fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if take(&f.left.Refuse) {
		return fate{refuse: cmp.Or(f.left.RefuseCode, 451)}
	}
	out := fate{drop: take(&f.left.Drop), up: take(&f.left.HangUp)}
	if out.drop {
		return out
	}
	out.twice = take(&f.left.Duplicate)
	if take(&f.left.Delay) {
		out.delay = max(time.Duration(f.left.DelayFor), time.Nanosecond)
	}
	return out
}

func (f *faults) cut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return take(&f.left.Cut)
}

func take(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}
