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

// ServeHTTP implements http.Handler.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := b.enter()
	if t == nil {
		unreachable(w, r, nil)
		return
	}
	defer t.requests.Done()
	// Without full duplex the server closes a request's body as soon as its answer begins; where the proxy
	// has then not seen the body's end, it takes that for an error and cuts the answer.
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		unreachable(w, r, err)
		return
	}
	t.proxy.ServeHTTP(w, r)
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
func unreachable(w http.ResponseWriter, _ *http.Request, _ error) {
	w.Header().Set("Retry-After", "1")
	writeProblem(w, http.StatusServiceUnavailable, "unavailable", "La función no responde; repita la misma solicitud")
}
