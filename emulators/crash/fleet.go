package crash

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
)

// fleet is a function: its instances behind one address, as Cloud Run balances them.
type fleet struct {
	url       string
	instances []*instance
	proxies   []*httputil.ReverseProxy
	next      atomic.Uint64
	slots     chan struct{} // of all instances together; nil: no bound
}

func newFleet(instances []*instance, atOnce int) *fleet {
	f := &fleet{instances: instances}
	if atOnce > 0 {
		f.slots = make(chan struct{}, atOnce*len(instances))
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	for _, i := range instances {
		target := &url.URL{Scheme: "http", Host: i.addr}
		f.proxies = append(f.proxies, &httputil.ReverseProxy{
			Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport:     transport,
			FlushInterval: -1, // the rows of a batch go on as they come
			ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
			ErrorLog:      quiet(),
		})
	}
	return f
}

// ServeHTTP lets the instances that are up take turns. The whole body is here before it goes on: where a
// process dies while it reads, what it left would be taken for the next request on the caller's connection.
func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if f.slots != nil {
		f.slots <- struct{}{}
		defer func() { <-f.slots }()
	}
	first := f.next.Add(1)
	for n := range uint64(len(f.instances)) {
		i := (first + n) % uint64(len(f.instances))
		if f.instances[i].up.Load() {
			f.proxies[i].ServeHTTP(w, r)
			return
		}
	}
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
}

// ready counts the instances that are up.
func (f *fleet) ready() int {
	n := 0
	for _, i := range f.instances {
		if i.up.Load() {
			n++
		}
	}
	return n
}
