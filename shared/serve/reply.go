package serve

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"timbre/shared/problem"
)

// Reply is a whole answer, ready to be written.
type Reply struct {
	ContentType string
	Body        []byte
}

// JSON is a value as a Reply; the error is the value's, which cannot be written.
func JSON(v any) (Reply, error) {
	body, err := json.Marshal(v)
	return Reply{ContentType: "application/json", Body: body}, err
}

// Answer makes a handler of what gives a whole answer; its error becomes a problem document. What strangers sent
// may be handed out so: browsers are told to take it for nothing else, and to keep nothing.
func Answer(log *slog.Logger, do func(http.ResponseWriter, *http.Request) (Reply, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply, err := do(w, r)
		if err != nil {
			problem.Write(w, r, err, log)
			return
		}
		w.Header().Set("Content-Type", reply.ContentType)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(reply.Body) // a caller that has gone away needs no answer
	})
}
