package sii

import (
	"net/http"
	"time"

	"timbre/emulators/sii/faults"
)

// FaultChange sets a profile, adds rules, or both.
type FaultChange struct {
	Profile *string       `json:"profile,omitempty"` // also takes every rule away
	Seed    uint64        `json:"seed,omitempty"`    // of the profile
	Rules   []faults.Rule `json:"rules,omitempty"`
}

func (s *Server) faultRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /_control/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.faults.Status()) })
	mux.HandleFunc("POST /_control/faults", s.changeFaults)
	mux.HandleFunc("DELETE /_control/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Calm()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_control/dials", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.dials.get()) })
	mux.HandleFunc("POST /_control/dials", s.turnDials)
}

// Fault adds a rule. A skew, and a down that names neither operation nor
// probability, happen at once and leave no rule.
func (s *Server) Fault(rule faults.Rule) error {
	now := rule.Fault == faults.Skew || rule.Fault == faults.Down && rule.Operation == "" && rule.Probability == 0
	if !now {
		return s.faults.Add(rule)
	}
	if err := s.faults.Once(rule); err != nil {
		return err
	}
	if rule.Fault == faults.Skew {
		s.state.clock.setSkew(time.Duration(rule.For))
		return nil
	}
	s.goDown(rule)
	return nil
}

// FaultStatus tells profile, rules and counters.
func (s *Server) FaultStatus() faults.Status { return s.faults.Status() }

// Calm takes every rule away and ends outages; counters stay.
func (s *Server) Calm() {
	if err := s.setProfile("", 0); err != nil {
		panic(err) // calm always exists
	}
	s.outages.clear()
}

// Turn sets the dials.
func (s *Server) Turn(d Dials) error { return s.dials.turn(d) }

func (s *Server) changeFaults(w http.ResponseWriter, r *http.Request) {
	var c FaultChange
	if !readJSON(w, r, &c) {
		return
	}
	if c.Profile != nil {
		if err := s.setProfile(*c.Profile, c.Seed); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
	}
	for _, rule := range c.Rules {
		if err := s.Fault(rule); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
	}
	writeJSON(w, s.faults.Status())
}

func (s *Server) turnDials(w http.ResponseWriter, r *http.Request) {
	d := s.dials.get() // absent fields stay
	if !readJSON(w, r, &d) {
		return
	}
	if err := s.Turn(d); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	writeJSON(w, d)
}
