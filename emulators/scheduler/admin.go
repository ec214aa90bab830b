package scheduler

import (
	"encoding/json"
	"net/http"

	"timbre/emulators/oidc"
)

// JobState counts the posts of a job since the start.
type JobState struct {
	Sent   int64 `json:"sent"`
	Failed int64 `json:"failed"` // of those, not answered 2xx
	Status int   `json:"status"` // of the last answer; 0: none came
}

func (s *Scheduler) count(job string, code int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state[job]
	state.Sent++
	state.Status = code
	if err != nil {
		state.Failed++
	}
	s.state[job] = state
}

func (s *Scheduler) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+oidc.CertsPath, s.issuer)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /debug/state", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		answer(w, map[string]any{"jobs": s.state})
	})
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone away needs no answer
}
