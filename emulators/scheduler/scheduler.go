package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"timbre/emulators/oidc"
)

// attemptDeadline is the time an HTTP target has, the service's default
// (Job.attempt_deadline).
const attemptDeadline = 3 * time.Minute

// Options say how the emulator runs.
type Options struct {
	Config    Config
	Issuer    *oidc.Issuer // signs the tokens; nil: a key in memory
	AdminAddr string       // of health, state and certificates; empty: a free port of 127.0.0.1
	Logger    *slog.Logger // nil: slog.Default
}

// Scheduler is a running emulator.
type Scheduler struct {
	issuer     *oidc.Issuer
	client     *http.Client
	log        *slog.Logger
	admin      *http.Server
	adminAddr  string
	cancel     context.CancelFunc
	background sync.WaitGroup

	mu    sync.Mutex
	state map[string]JobState
}

// Start posts each job one interval from now and so on.
func Start(o Options) (*Scheduler, error) {
	jobs, err := o.Config.jobs()
	if err != nil {
		return nil, err
	}
	if o.Issuer == nil {
		if o.Issuer, err = oidc.New(); err != nil {
			return nil, fmt.Errorf("start scheduler: %w", err)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.AdminAddr == "" {
		o.AdminAddr = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.AdminAddr)
	if err != nil {
		return nil, fmt.Errorf("start scheduler: %w", err)
	}
	return run(o, jobs, listener), nil
}

func run(o Options, jobs []Job, listener net.Listener) *Scheduler {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Scheduler{
		issuer:    o.Issuer,
		client:    newClient(),
		log:       o.Logger,
		adminAddr: listener.Addr().String(),
		cancel:    cancel,
		state:     map[string]JobState{},
	}
	for _, job := range jobs {
		s.state[job.Name] = JobState{}
	}
	s.admin = &http.Server{Handler: s.adminHandler(), ReadHeaderTimeout: 10 * time.Second}
	s.background.Go(func() {
		if err := s.admin.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("server_ended", "server", "admin", "error", err)
		}
	})
	for _, job := range jobs {
		s.background.Go(func() { s.repeat(ctx, job) })
	}
	return s
}

// newClient makes a client with connections of its own; a redirect is an answer
// like any other that is not 2xx.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// AdminURL answers the base URL of /health, /debug/state and the certificates.
func (s *Scheduler) AdminURL() string { return "http://" + s.adminAddr }

// Close ends the posts in flight.
func (s *Scheduler) Close() error {
	s.cancel()
	err := s.admin.Close()
	s.background.Wait()
	return err
}

// repeat posts the job whenever its time comes. One goroutine does it, so two of
// one job are never in flight; the ticker forgets the times that are missed.
func (s *Scheduler) repeat(ctx context.Context, job Job) {
	ticker := time.NewTicker(time.Duration(job.Interval))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-ticker.C:
			s.attempt(ctx, job, at)
		}
	}
}
