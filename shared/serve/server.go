package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"timbre/shared/problem"
)

// Defaults of Options.
const (
	DefaultMaxBody = 32 << 20
	// DefaultTimeout ends a handler before Cloud Run (600 s) and the ack deadline (600 s) do.
	DefaultTimeout = 540 * time.Second
	DefaultStall   = 30 * time.Second
)

// Options of a Server; Handler and Logger are required.
type Options struct {
	Handler http.Handler
	Logger  *slog.Logger
	// Checks say whether the function can do its work, for /health/ready.
	Checks []Check
	// MaxBody bounds every body; a handler may bound its own further. 0 = DefaultMaxBody.
	MaxBody int64
	// Timeout ends the context of a request. 0 = DefaultTimeout.
	Timeout time.Duration
	// Stall is how long one read of a body or one write of an answer may take. 0 = DefaultStall.
	Stall time.Duration
}

// Server is the one handler of a function, for every path.
type Server struct {
	handler   http.Handler
	logger    *slog.Logger
	maxBody   int64
	timeout   time.Duration
	stall     time.Duration
	flight    *flight
	framework atomic.Pointer[http.Server]
}

// New wraps a function's routes.
func New(o Options) (*Server, error) {
	if o.Handler == nil || o.Logger == nil {
		return nil, errors.New("serve: a Server needs a Handler and a Logger")
	}
	return &Server{
		handler: withHealth(newReadiness(o.Checks, o.Logger, time.Now), o.Handler),
		logger:  o.Logger,
		maxBody: cmp.Or(o.MaxBody, DefaultMaxBody),
		timeout: cmp.Or(o.Timeout, DefaultTimeout),
		stall:   cmp.Or(o.Stall, DefaultStall),
		flight:  newFlight(),
	}, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.learn(r)
	begin := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	ctx, notes := withNotes(ctx, r)
	stream := newStream(w, r, s.stall)
	answer := &answer{ResponseWriter: w, stream: stream}
	harden(answer.Header())
	answer.Header().Set(problem.RequestIDHeader, notes.requestID)
	r = r.WithContext(ctx)
	r.Body = &body{ReadCloser: http.MaxBytesReader(w, r.Body, s.maxBody), stream: stream}
	s.serve(answer, r)
	stream.beginWrite() // the framework's server reads and sends what is left
	s.logRequest(r, answer, begin)
}

// harden sets what every answer has: no cache on the way keeps it, no browser guesses its type, and XML
// that somebody opens in a browser runs nothing.
func harden(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
}

func (s *Server) serve(w *answer, r *http.Request) {
	if !s.flight.enter() {
		w.Header().Set("Connection", "close")
		problem.Write(w, r, &problem.Error{Code: problem.Unavailable, RetryAfter: time.Second, Cause: errDraining}, s.logger)
		return
	}
	defer s.flight.leave()
	defer s.recovered(w, r)
	s.handler.ServeHTTP(w, r)
}

var errDraining = errors.New("serve: the function is stopping")

// recovered answers a panic with 500; where an answer has begun it cuts the connection, since the
// caller must not take half an answer for a whole one (the framework swallows http.ErrAbortHandler).
func (s *Server) recovered(w *answer, r *http.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	s.logger.ErrorContext(r.Context(), "panic in handler", "error", fmt.Sprint(fault), "stack_trace", string(debug.Stack()))
	if w.status == 0 {
		problem.Write(w, r, fmt.Errorf("panic: %v", fault), s.logger)
		return
	}
	if connection, _, err := w.stream.control.Hijack(); err == nil {
		_ = connection.Close() // it is cut on purpose
	}
}
