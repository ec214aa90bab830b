package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Gateway serves the functions' public paths until ctx ends, then lets the last answers leave.
func (p Parts) Gateway(ctx context.Context) error {
	backends := map[string]*backend{}
	for _, name := range Functions() {
		backends[name] = &backend{}
		if _, err := backends[name].turnTo(p.urlOf(name)); err != nil {
			return err
		}
	}
	gateway := &gateway{backends: backends, missing: func(ctx context.Context) []string { return notReady(ctx, p.urlOf) }}
	ended := make(chan error, 2)
	var servers []*http.Server
	for address, handler := range map[string]http.Handler{p.GatewayAddr: gateway, p.ControlAddr: turns(backends)} {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("the gateway cannot listen: %w", err)
		}
		server := newServer(handler)
		servers = append(servers, server)
		go func() { ended <- server.Serve(l) }()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	return errors.Join(servers[0].Shutdown(last), servers[1].Shutdown(last))
}

// turns lets another process of a function have what comes from now on. The answer comes when the
// process before has answered its last request, so that it may then be ended.
func turns(backends map[string]*backend) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_local/turn/{function}", func(w http.ResponseWriter, r *http.Request) {
		b, found := backends[r.PathValue("function")]
		if !found {
			writeProblem(w, r, http.StatusNotFound, "not-found", "No hay función "+r.PathValue("function"))
			return
		}
		before, err := b.turnTo(r.URL.Query().Get("to"))
		if err != nil {
			writeProblem(w, r, http.StatusBadRequest, "bad-request", err.Error())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerPatience)
		defer cancel()
		if err := before.finish(ctx); err != nil {
			writeProblem(w, r, http.StatusGatewayTimeout, "unavailable", err.Error())
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// Turn tells the gateway beside it to let the process at an address have a function's requests.
func (p Parts) Turn(ctx context.Context, function, address string) error {
	client := NewClient("http://"+p.ControlAddr, "")
	client.http.Timeout = answerPatience + checkTimeout
	_, err := client.Call(ctx, http.MethodPost, "/_local/turn/"+url.PathEscape(function)+"?to="+url.QueryEscape(address), nil)
	return err
}
