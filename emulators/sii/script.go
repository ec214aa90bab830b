package sii

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// Answer scripts the next Times answers of an operation. Without Status, Body or
// Drop it only delays the real answer.
type Answer struct {
	Operation   string `json:"operation"`
	Times       int    `json:"times"`                  // default 1
	DelayMS     int    `json:"delay_ms,omitempty"`     // real milliseconds before anything else
	Drop        string `json:"drop,omitempty"`         // "before" or "after" processing: the connection is cut
	Status      int    `json:"status,omitempty"`       // default 200 with a Body
	ContentType string `json:"content_type,omitempty"` // default text/html
	Body        string `json:"body,omitempty"`
	Process     bool   `json:"process,omitempty"`     // with Status or Body: process the request first, then lie
	RetryAfter  int    `json:"retry_after,omitempty"` // header of that name, seconds
	Code        *int   `json:"code,omitempty"`        // codResp, of the reclamo operations that have one, in place of Body
}

func (a Answer) replaces() bool { return a.Status != 0 || a.Body != "" }

type scripts struct {
	mu    sync.Mutex
	queue []Answer
}

func (s *scripts) add(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Times = max(a.Times, 1)
	s.queue = append(s.queue, a)
}

func (s *scripts) pending() []Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queue)
}

func (s *scripts) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = nil
}

// take uses up one answer of the first script for an operation.
func (s *scripts) take(op string) (Answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.queue, func(a Answer) bool { return a.Operation == op })
	if i < 0 {
		return Answer{}, false
	}
	a := s.queue[i]
	if s.queue[i].Times--; s.queue[i].Times == 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
	}
	return a, true
}

func (a Answer) write(w http.ResponseWriter) {
	kind := a.ContentType
	if kind == "" {
		kind = "text/html"
	}
	w.Header().Set("Content-Type", kind)
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = w.Write([]byte(a.Body)) // an error means that the client is gone
}
