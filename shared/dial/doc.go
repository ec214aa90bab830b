// Package dial connects to addresses that a tenant names: webhooks, mail servers.
//
// A Dialer refuses every address that is not a public one of the Internet, so that nobody reaches the
// machine itself, its network or the cloud's metadata server by way of us. It decides on the address that
// is about to be connected to, after the name was resolved and for each of its addresses (net.Dialer's
// ControlContext): a name that resolves to something else the next time gains nothing.
//
// Sources: RFC 6890 and IANA's special-purpose address registries for IPv4 and IPv6; RFC 6052 and RFC 8215
// (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), since those forms carry an IPv4 address that a gateway on
// the way may connect to.
package dial
