package sii

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Operations that an Answer may name.
var operations = []string{"getSeed", "getToken", "upload", "getEstUp", "getEstDte"}

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
	Process     bool   `json:"process,omitempty"` // with Status or Body: process the request first, then lie
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

// scripted lets the control API come between a request and its answer.
func (s *Server) scripted(op string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, found := s.scripts.take(op)
		if !found {
			next(w, r)
			return
		}
		if !wait(r, a.DelayMS) {
			return
		}
		if a.Drop == "after" || a.Process {
			next(&discard{header: http.Header{}}, r)
		}
		switch {
		case a.Drop != "":
			panic(http.ErrAbortHandler) // net/http's way to cut the connection
		case a.replaces():
			a.write(w)
		default:
			next(w, r)
		}
	})
}

// wait sleeps in real time; false means that the client went away.
func wait(r *http.Request, ms int) bool {
	if ms <= 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (a Answer) write(w http.ResponseWriter) {
	kind := a.ContentType
	if kind == "" {
		kind = "text/html"
	}
	w.Header().Set("Content-Type", kind)
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = w.Write([]byte(a.Body)) // an error means that the client is gone
}

// discard swallows the real answer of a request that is processed and lied about.
type discard struct {
	header http.Header
	body   bytes.Buffer
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return d.body.Write(p) }
