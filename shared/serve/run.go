package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

const (
	// drainTimeout leaves one of the ten seconds between Cloud Run's SIGTERM and its SIGKILL.
	drainTimeout = 9 * time.Second
	// flushTimeout lets the last answers leave after their handlers returned.
	flushTimeout = 700 * time.Millisecond
)

// Main is a function's process: run until SIGTERM or Ctrl-C, exit status 1 on an error. With the argument
// healthcheck it only asks the process that serves beside it, see CheckHealth.
func Main(run func(ctx context.Context, logger *slog.Logger) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	logger := NewLogger(os.Stdout, os.Getenv("GOOGLE_CLOUD_PROJECT"))
	if slices.Equal(os.Args[1:], []string{"healthcheck"}) {
		run = func(ctx context.Context, _ *slog.Logger) error { return CheckHealth(ctx, os.Getenv("PORT")) }
	}
	err := run(ctx, logger)
	stop()
	if err != nil {
		logger.Error("function stopped", "error", err)
		os.Exit(1)
	}
}

// Run serves on the address until ctx ends, then drains: requests in flight finish, new ones get 503.
func Run(ctx context.Context, host, port string, s *Server) error {
	if err := funcframework.RegisterHTTPFunctionContext(ctx, "/", s.ServeHTTP); err != nil {
		return fmt.Errorf("register the function: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- funcframework.StartHostPort(host, port) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve on %s:%s: %w", host, port, err)
	case <-ctx.Done():
		return s.drain(context.WithoutCancel(ctx))
	}
}

// drain waits for the requests in flight, then closes the framework's server, which flushes their answers.
func (s *Server) drain(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := s.flight.drain(waiting); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	framework := s.framework.Load()
	if framework == nil { // no request has come so far
		return nil
	}
	flushing, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	err := framework.Shutdown(flushing)
	if errors.Is(err, context.DeadlineExceeded) { // idle connections of clients that only wait
		return nil
	}
	return err
}

// learn keeps the server that the framework made: a handler is the only place that gets to see it.
func (s *Server) learn(r *http.Request) {
	if s.framework.Load() != nil {
		return
	}
	if framework, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		s.framework.Store(framework)
	}
}
