package sii

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"timbre/shared/store"
)

const (
	// maxAnswer bounds what is read of an answer; real ones have a few kilobytes.
	maxAnswer = 1 << 20
	// userAgent must hold "PROG 1.0": it switches the upload's answer from HTML to XML
	// (OI2003_UPDTE_MDE 1.5, "Envío automático").
	userAgent = "Mozilla/4.0 (compatible; PROG 1.0; Windows NT 5.0; YComp 5.0.2.4)"

	connectTimeout = 10 * time.Second
	queryTimeout   = 30 * time.Second
	// UploadTimeout is how long an upload may take; an attempt older than this has no poster any more.
	UploadTimeout = 120 * time.Second
)

// Options are what a Client can do without.
type Options struct {
	// BaseURL stands in for the SII: {BaseURL}/{real host}{real path}. Empty: the real hosts.
	BaseURL string
	// Roots replace the system's root certificates.
	Roots *x509.CertPool
	// Wrap may watch what goes over the wire.
	Wrap func(http.RoundTripper) http.RoundTripper
	// ClaimTokens are of which environment the tokens are that the register of claims of certificacion is asked
	// with; empty: its own. Since 2021 it has been seen to take those of produccion only (WEBSERVICES §8).
	ClaimTokens store.Environment
	// Parallel bounds the calls at a time; 0 means 4. The SII publishes no limit.
	Parallel int
	// TokenWait is how long one who fetches a token is waited for before another tries; 0 means a minute.
	TokenWait time.Duration
	// Pause waits between tries of a query; nil means half a second times the try.
	Pause func(ctx context.Context, try int) error
	// OpenAfter is after how many failures in a row a host is left alone; 0 means 5.
	OpenAfter int
	// OpenFor is for how long at first, doubled with each probe that fails; 0 means 15 s.
	OpenFor time.Duration
	// DrainEvery is the distance between uploads while what an outage left behind is made up for; 0 means 1 s.
	DrainEvery time.Duration
}

// Client speaks with the SII. It is safe for concurrent use.
type Client struct {
	base   string
	http   *http.Client
	slots  chan struct{}
	pause  func(ctx context.Context, try int) error
	tokens *tokens
	// claimTokens are the Options'.
	claimTokens store.Environment
	// circuits are those of the hosts.
	circuits *circuits
}

// New makes a client whose tokens are shared through the state bucket.
func New(state *store.Bucket, now func() time.Time, o Options) *Client {
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	wire := http.RoundTripper(transport(o.Roots))
	if o.Wrap != nil {
		wire = o.Wrap(wire)
	}
	return &Client{
		circuits:    newCircuits(now, o),
		claimTokens: o.ClaimTokens,
		base:        strings.TrimRight(o.BaseURL, "/"),
		http:        &http.Client{Transport: wire, CheckRedirect: refuseRedirect},
		slots:       make(chan struct{}, o.Parallel),
		pause:       o.Pause,
		tokens:      &tokens{bucket: state, now: now, pause: o.Pause, wait: cmp.Or(o.TokenWait, refreshLimit), slots: map[store.Name]*slot{}},
	}
}

// transport speaks HTTP/1.1 only, as the SII's servers do.
func transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout: connectTimeout,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     30 * time.Second,
	}
}

// refuseRedirect: no machine service redirects; a redirect is a page for people.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// answer is what came back, whole.
type answer struct {
	status int
	body   []byte
}

// request is what is sent, whole.
type request struct {
	method, url string
	header      http.Header
	body        []byte
	// most bounds the answer; 0 means maxAnswer.
	most int64
}

// call sends a request with a Content-Length. The bool is false if not a byte can have reached the SII.
func (c *Client) call(ctx context.Context, r request) (answer, bool, error) {
	circuit := c.circuits.of(hostOf(c.base, r.url))
	if err := circuit.enter(); err != nil {
		return answer{}, false, err
	}
	a, sent, err := c.send(ctx, r)
	switch {
	case err != nil && errors.Is(context.Cause(ctx), context.Canceled): // the caller's own doing
		circuit.leave()
	case err != nil || a.status >= http.StatusInternalServerError || a.status == http.StatusTooManyRequests:
		circuit.failed()
	default:
		circuit.worked()
	}
	return a, sent, err
}

func (c *Client) send(ctx context.Context, r request) (answer, bool, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, false, fmt.Errorf("wait for a free line: %w", context.Cause(ctx))
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, false, err
	}
	req.Header = r.header.Clone()
	req.Header.Set("User-Agent", userAgent)
	response, err := c.http.Do(req)
	if err != nil {
		return answer{}, connected.Load(), err
	}
	defer response.Body.Close()
	most := cmp.Or(r.most, maxAnswer)
	data, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("answer over %d bytes", most)
	}
	return answer{status: response.StatusCode, body: data}, true, err
}

func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(500 * time.Millisecond * time.Duration(try+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
