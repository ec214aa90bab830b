package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"timbre/emulators/durable"
)

// Server is a running emulator.
type Server struct {
	url     string
	now     func() time.Time
	buckets *buckets
	panel   *panel
	limiter limiter
	stats   counters
	http    *http.Server
	done    chan error // what Serve ended with
	lock    io.Closer
	close   func() error
}

// Start opens the store and serves it. The caller closes the Server.
func Start(opt Options) (*Server, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Addr == "" {
		opt.Addr = "127.0.0.1:0"
	}
	lock, err := lockDir(opt.Dir)
	if err != nil {
		return nil, err
	}
	s, err := start(opt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start gcs: %w", err), lock.Close())
	}
	s.lock = lock
	return s, nil
}

func start(opt Options) (*Server, error) {
	panel, err := newPanel(opt.Dials, opt.Seed)
	if err != nil {
		return nil, err
	}
	all, err := openBuckets(opt)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", opt.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		url: "http://" + l.Addr().String(), now: opt.Now, buckets: all, panel: panel,
		limiter: limiter{last: make(map[string]time.Time)}, stats: counters{by: make(Stats)},
		done: make(chan error, 1),
	}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	s.close = sync.OnceValue(s.stop)
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

func lockDir(dir string) (io.Closer, error) {
	if dir == "" {
		return io.NopCloser(nil), nil
	}
	if err := durable.Mkdir(dir); err != nil {
		return nil, fmt.Errorf("start gcs: %w", err)
	}
	return durable.Lock(dir)
}

// URL is the address for STORAGE_EMULATOR_HOST, with scheme.
func (s *Server) URL() string { return s.url }

// Dials returns the present setting; Next counts what is left.
func (s *Server) Dials() Dials { return s.panel.get() }

// SetDials replaces the setting.
func (s *Server) SetDials(d Dials) error { return s.panel.set(d) }

// Stats returns the counts since the start or the last reset.
func (s *Server) Stats() Stats {
	out := s.stats.snapshot()
	for _, b := range s.buckets.list("") {
		if out[b.Name] == nil {
			out[b.Name] = make(map[string]int64)
		}
		out[b.Name][statObjects] = int64(b.objects.size())
	}
	return out
}

// ResetStats sets every counter to zero.
func (s *Server) ResetStats() { s.stats.reset() }

// Close ends running calls within two seconds and frees address and directory.
// Further calls do nothing.
func (s *Server) Close() error { return s.close() }

func (s *Server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, s.lock.Close())
}
