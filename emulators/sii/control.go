package sii

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"timbre/emulators/sii/claims"
	"timbre/emulators/sii/faults"
)

// ClockChange moves simulated time.
type ClockChange struct {
	Set     *time.Time `json:"set,omitempty"`     // RFC 3339
	Advance string     `json:"advance,omitempty"` // Go duration, e.g. "90s"
	Speed   *float64   `json:"speed,omitempty"`   // of envelopes uploaded from now on
}

// Clock is what the control API tells of time.
type Clock struct {
	Now   time.Time `json:"now"`
	Speed float64   `json:"speed"`
}

// controlRoutes is the management API, on a port of its own.
func (s *Server) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("GET /_control/documents", s.listDocuments)
	mux.HandleFunc("GET /_control/envelopes", s.listEnvelopes)
	mux.HandleFunc("GET /_control/envelopes/{track}/xml", s.envelopeBytes)
	mux.HandleFunc("POST /_control/answers", s.addAnswer)
	mux.HandleFunc("GET /_control/answers", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.scripts.pending()) })
	mux.HandleFunc("DELETE /_control/answers", func(w http.ResponseWriter, _ *http.Request) { s.scripts.clear(); w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /_control/mails", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Mails()) })
	mux.HandleFunc("GET /_control/rcv.csv", s.downloadBook)
	mux.HandleFunc("GET /_control/permissions", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Permissions()) })
	mux.HandleFunc("GET /_control/clock", s.showClock)
	mux.HandleFunc("POST /_control/clock", s.moveClock)
	mux.HandleFunc("POST /_control/tokens:revoke", func(w http.ResponseWriter, _ *http.Request) {
		s.auth.revokeTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	s.faultRoutes(mux)
	s.supplierRoutes(mux)
	for op := range changes {
		mux.HandleFunc("POST /_control/"+op, func(w http.ResponseWriter, r *http.Request) { s.alter(op, w, r) })
	}
	return mux
}

// Documents lists every judged document, oldest first.
func (s *Server) Documents() []Document {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.advance(s.state.clock.now())
	all := make([]Document, len(s.state.documents))
	for i, d := range s.state.documents {
		all[i] = *d
	}
	return all
}

// Envelopes lists every upload that got a track id, oldest first. The documents
// inside are copies.
func (s *Server) Envelopes() []Envelope {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.advance(s.state.clock.now())
	all := make([]Envelope, len(s.state.envelopes))
	for i, e := range s.state.envelopes {
		all[i] = *e
		all[i].content, all[i].examine = nil, nil
		all[i].Documents = make([]*Document, len(e.Documents))
		for j, d := range e.Documents {
			copied := *d
			all[i].Documents[j] = &copied
		}
	}
	return all
}

// Permissions lists who may do what, by environment, company and person.
func (s *Server) Permissions() []Permission {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	all := []Permission{}
	for _, p := range s.state.rights {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Permission) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Company, b.Company), cmp.Compare(a.Person, b.Person))
	})
	return all
}

// Script queues an answer.
func (s *Server) Script(a Answer) error {
	if !slices.Contains(faults.Calls, a.Operation) {
		return fmt.Errorf("%w: unknown operation %q", ErrChange, a.Operation)
	}
	if !slices.Contains([]string{"", "before", "after"}, a.Drop) {
		return fmt.Errorf("%w: drop is before or after", ErrChange)
	}
	if a.Code != nil {
		if !slices.Contains(faults.Claims[:3], a.Operation) {
			return fmt.Errorf("%w: %s has no codResp", ErrChange, a.Operation)
		}
		a.ContentType, a.Body = "text/xml;charset=utf-8", claimResult(a.Operation, claims.Code(*a.Code), nil)
	}
	s.scripts.add(a)
	return nil
}

// Advance moves simulated time forward: timelines, seeds, tokens, outages and
// mails follow.
func (s *Server) Advance(d time.Duration) {
	if err := s.moveTo(func(c *clock) { c.advance(d) }); err != nil {
		s.log.Error("advance", slog.Any("error", err))
	}
}

// moveTo moves the clock and notes it in the journal: documents that were judged
// must not be in process again after a restart.
func (s *Server) moveTo(move func(*clock)) error {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	now := s.state.clock.now()
	s.state.advance(now)
	move(s.state.clock)
	return s.state.record("clock", now, s.state.clock.moved())
}

// Change alters what the SII knows; op is the last part of its control path.
func (s *Server) Change(op string, value any) error {
	if _, known := changes[op]; !known {
		return fmt.Errorf("%w: unknown change %q", ErrChange, op)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChange, err)
	}
	return s.state.alter(op, raw)
}

func (s *Server) listDocuments(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	matches := func(name, value string) bool { return !q.Has(name) || q.Get(name) == value }
	found := []Document{}
	for _, d := range s.Documents() {
		if matches("environment", d.Environment) && matches("company", d.Issuer) && matches("type", strconv.Itoa(d.Type)) &&
			matches("folio", strconv.Itoa(d.Folio)) && matches("track_id", d.TrackID) && matches("state", d.State) {
			found = append(found, d)
		}
	}
	writeJSON(w, found)
}

func (s *Server) listEnvelopes(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found := []Envelope{}
	for _, e := range s.Envelopes() {
		if q.Has("company") && q.Get("company") != e.Company || q.Has("track_id") && q.Get("track_id") != e.TrackID {
			continue
		}
		if q.Get("bytes") != "true" {
			e.Bytes = nil
		}
		found = append(found, e)
	}
	writeJSON(w, found)
}

// envelopeBytes gives an upload back, byte for byte.
func (s *Server) envelopeBytes(w http.ResponseWriter, r *http.Request) {
	for _, e := range s.Envelopes() {
		if e.TrackID == r.PathValue("track") {
			w.Header().Set("Content-Type", "application/xml; charset=ISO-8859-1")
			_, _ = w.Write(e.Bytes) // an error means that the client is gone
			return
		}
	}
	http.Error(w, "no such track id", http.StatusNotFound)
}

func (s *Server) addAnswer(w http.ResponseWriter, r *http.Request) {
	var a Answer
	if !readJSON(w, r, &a) {
		return
	}
	if err := s.Script(a); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) alter(op string, w http.ResponseWriter, r *http.Request) {
	var raw json.RawMessage
	if !readJSON(w, r, &raw) {
		return
	}
	if err := s.state.alter(op, raw); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) showClock(w http.ResponseWriter, _ *http.Request) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	writeJSON(w, Clock{Now: s.state.clock.now(), Speed: s.state.speed})
}

func (s *Server) moveClock(w http.ResponseWriter, r *http.Request) {
	var c ClockChange
	if !readJSON(w, r, &c) {
		return
	}
	var by time.Duration
	if c.Advance != "" {
		var err error
		if by, err = time.ParseDuration(c.Advance); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
	}
	err := s.moveTo(func(to *clock) {
		if c.Set != nil {
			to.set(*c.Set)
		}
		to.advance(by)
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if c.Speed != nil && *c.Speed > 0 {
		s.state.setSpeed(*c.Speed)
	}
	s.showClock(w, r)
}

func (s *state) setSpeed(speed float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.speed = speed
}

func readJSON(w http.ResponseWriter, r *http.Request, to any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(to); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // an error means that the client is gone
}
