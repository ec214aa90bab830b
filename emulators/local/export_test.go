package local

import (
	"context"
	"net"
	"net/http"
)

// ServeGateway serves a gateway for one function at an address on a listener, as the stack does.
func ServeGateway(on net.Listener, function, address string) (*http.Server, error) {
	b := &backend{}
	if _, err := b.turnTo(address); err != nil {
		return nil, err
	}
	g := &gateway{backends: map[string]*backend{function: b}, missing: func(context.Context) []string { return nil }}
	server := newServer(g)
	go server.Serve(on) //nolint:errcheck // ends with the test
	return server, nil
}

// FunctionEnvironment names what every function is told.
func FunctionEnvironment() ([]string, error) {
	spec, err := (&plan{}).functionSpec("send")
	var names []string
	for name := range spec.env {
		names = append(names, name)
	}
	return names, err
}
