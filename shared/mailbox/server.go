package mailbox

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"
)

// Dialer connects; it is where a program decides which addresses a tenant may name.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// Security is how a connection is encrypted. The zero value is TLS.
type Security string

// The kinds of Security. Plain sends the password readable over the network.
const (
	TLS      Security = "tls"
	STARTTLS Security = "starttls"
	Plain    Security = "plain"
)

// Secret is a password. It prints as [redacted].
type Secret string

const redacted = "[redacted]"

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Server is a mail server and who uses it.
type Server struct {
	Host     string
	Port     int // 0: the usual one for the Security
	Security Security
	User     string // empty, for SMTP only: no authentication
	Password Secret
	Roots    *x509.CertPool // nil: the system's
}

// ports are the usual ones of a protocol.
type ports struct{ tls, starttls int }

func (s Server) security() Security { return cmp.Or(s.Security, TLS) }

// address is host and port, or why there is none.
func (s Server) address(usual ports) (string, error) {
	port := s.Port
	switch s.security() {
	case TLS:
		port = cmp.Or(port, usual.tls)
	case STARTTLS, Plain:
		port = cmp.Or(port, usual.starttls)
	default:
		return "", fail("read settings", ErrSettings, fmt.Errorf("security %q", s.Security))
	}
	if s.Host == "" || port < 1 || port > 65535 {
		return "", fail("read settings", ErrSettings, errors.New("host or port"))
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(port)), nil
}

// defaultTimeout is for one step of a conversation: connect, log in, an answer, a piece of a mail.
const defaultTimeout = 30 * time.Second
