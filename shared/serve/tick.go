package serve

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"timbre/shared/problem"
)

// TickPath is the route of the scheduler.
const TickPath = "/_tick"

// Tick does what is due. One runs at a time in a process: a tick that comes meanwhile is answered 204
// at once, the next one finds what is left.
func Tick(logger *slog.Logger, do func(ctx context.Context, now time.Time) error) http.Handler {
	var running sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !running.TryLock() {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		defer running.Unlock()
		if err := do(r.Context(), time.Now()); err != nil {
			problem.Write(w, r, redeliver(err), logger)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
