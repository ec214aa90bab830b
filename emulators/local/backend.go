package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// backend forwards to the process of a function that serves at present. Every caller (the gateway,
// Pub/Sub, the scheduler) reaches a function through it, so that processes may take turns.
type backend struct {
	mu      sync.Mutex
	present *turn
}

var errNoAddress = errors.New("not the address of a function")

// turn is the time during which one process gets the requests.
type turn struct {
	proxy     *httputil.ReverseProxy
	transport *http.Transport
	requests  sync.WaitGroup
}

// turnTo lets another process have what comes from now on, and returns the turn that is over.
func (b *backend) turnTo(address string) (*turn, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("read the address of a function: %w", err)
	}
	if target.Scheme != "http" || target.Host == "" {
		return nil, fmt.Errorf("%w: %q", errNoAddress, address)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}
	next := &turn{transport: transport, proxy: &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport:     transport,
		FlushInterval: -1, // the rows of a batch go on as they come
		ErrorHandler:  unreachable,
		ErrorLog:      quiet(),
	}}
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.present
	b.present = next
	return before, nil
}

// enter counts a request to the process whose turn it is.
func (b *backend) enter() *turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.present != nil {
		b.present.requests.Add(1)
	}
	return b.present
}

// ServeHTTP implements http.Handler. It takes a request whole before it passes it on: a function that answers,
// or dies, while the body still comes would leave net/http's server and client to read it at once, by which
// answers were cut and the whole process could end (invalid concurrent Body.Read call).
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := keep(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		writeProblem(w, r, http.StatusRequestEntityTooLarge, "body-too-large", "La solicitud es demasiado grande")
		return
	case err != nil:
		writeProblem(w, r, http.StatusBadRequest, "unreadable-body", "La solicitud llegó incompleta")
		return
	}
	defer body.drop()
	t := b.enter()
	if t == nil {
		unreachable(w, r, nil)
		return
	}
	defer t.requests.Done()
	t.proxy.ServeHTTP(w, body.of(r))
}

// finish waits until the last request of a turn that is over has its answer, and hangs up.
func (t *turn) finish(ctx context.Context) error {
	answered := make(chan struct{})
	go func() {
		t.requests.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-ctx.Done():
		return fmt.Errorf("requests are still without answer: %w", context.Cause(ctx))
	}
	t.transport.CloseIdleConnections()
	return nil
}

// unreachable answers for a function that is being started again.
func unreachable(w http.ResponseWriter, r *http.Request, _ error) {
	w.Header().Set("Retry-After", "1")
	writeProblem(w, r, http.StatusServiceUnavailable, "unavailable", "La función no responde; repita la misma solicitud")
}
