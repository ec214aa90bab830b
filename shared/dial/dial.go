package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrRefused says that an address is none that a tenant may have us connect to.
var ErrRefused = errors.New("dial: not a public address")

// DefaultTimeout bounds a connection, resolving included.
const DefaultTimeout = 10 * time.Second

// Options of a Dialer; the zero value serves the cloud.
type Options struct {
	// AllowPrivate lets loopback and private addresses through, for runs on one machine. Link-local
	// addresses and metadata servers stay refused.
	AllowPrivate bool
	// Resolver resolves names; nil is the system's.
	Resolver *net.Resolver
	// Timeout bounds a connection. 0 = DefaultTimeout.
	Timeout time.Duration
}

// Dialer connects to public addresses only.
type Dialer struct {
	dialer       net.Dialer
	allowPrivate bool
}

// New makes a Dialer.
func New(o Options) *Dialer {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	d := &Dialer{allowPrivate: o.AllowPrivate}
	d.dialer = net.Dialer{Timeout: o.Timeout, Resolver: o.Resolver, ControlContext: d.control}
	return d
}

// DialContext connects by TCP, with the signature that http.Transport wants. The error wraps ErrRefused
// where none of the name's addresses may be connected to.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return d.dialer.DialContext(ctx, network, address)
	}
	return nil, fmt.Errorf("%w: network %q", ErrRefused, network)
}

// control is called with the address itself when the socket is there and not connected.
func (d *Dialer) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q", ErrRefused, address)
	}
	a := target.Addr()
	if target.Port() != 0 && (public(a) || d.allowPrivate && local(a)) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrRefused, a)
}
