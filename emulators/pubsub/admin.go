package pubsub

import (
	"encoding/json"
	"net/http"

	"timbre/emulators/oidc"
)

// State counts what is there, for people and for tests that wait for an end.
type State struct {
	Topics        int                          `json:"topics"`
	Subscriptions map[string]SubscriptionState `json:"subscriptions"` // by full name
}

// SubscriptionState counts the messages of a subscription. Delivered and Dead
// count since the start of the process.
type SubscriptionState struct {
	Pending   int   `json:"pending"`   // published and not acknowledged
	InFlight  int   `json:"in_flight"` // of those, being pushed just now
	Delivered int64 `json:"delivered"` // acknowledged
	Dead      int64 `json:"dead"`      // forwarded to the dead letter topic
}

// State answers the counts now.
func (s *Server) State() State { return s.broker.state() }

func (b *broker) state() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	state := State{Topics: len(b.topics), Subscriptions: map[string]SubscriptionState{}}
	for name, s := range b.subscriptions {
		state.Subscriptions[name] = SubscriptionState{
			Pending:   len(s.pending),
			InFlight:  len(s.pending) - len(s.queue),
			Delivered: s.delivered,
			Dead:      s.dead,
		}
	}
	return state
}

func adminHandler(b *broker, issuer *oidc.Issuer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+oidc.CertsPath, issuer)
	mux.HandleFunc("GET /debug/state", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, b.state())
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if err := b.journal.Err(); err != nil {
			answer(w, http.StatusServiceUnavailable, map[string]string{"status": "down", "error": err.Error()})
			return
		}
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	return mux
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone away needs no answer
}
