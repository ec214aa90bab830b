package mailbox

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// answerBytes is what a server may send in all while no mail is being read: 1 million UIDs fit.
const answerBytes = 16 << 20

// line is a connection that a slow or a flooding server cannot hold for ever. The libraries above it
// lose the causes of errors, so it keeps the first one.
type line struct {
	net.Conn // as dialled, below TLS
	talk     net.Conn
	cut      context.CancelCauseFunc // ends the connection
	cause    func() error            // why it was cut, or nil
	left     atomic.Int64            // bytes that may still come
	timeout  time.Duration
}

// connect dials and, for implicit TLS, shakes hands. The caller must close the line.
func connect(ctx context.Context, dial Dialer, s Server, usual ports, timeout time.Duration) (*line, error) {
	addr, err := s.address(usual)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := dial(within, "tcp", addr)
	if err != nil {
		return nil, unreachable(ctx, "connect "+addr, err)
	}
	l := &line{Conn: conn, timeout: timeout}
	l.talk = l
	l.left.Store(answerBytes)
	life, cut := context.WithCancelCause(ctx)
	l.cut, l.cause = cut, func() error { return context.Cause(life) }
	context.AfterFunc(life, func() { _ = conn.Close() }) // the cause says why
	if s.security() != TLS {
		return l, nil
	}
	return l, l.encrypt(ctx, s)
}

// unreachable keeps ctx's own end apart from a dialler's time limit.
func unreachable(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	}
	return fmt.Errorf("%s: %w: %w", op, ErrUnreachable, err)
}

func (l *line) encrypt(ctx context.Context, s Server) error {
	secure := tls.Client(l, s.tlsConfig())
	l.talk = secure
	err := l.step("encrypt", ErrTLS, func() error { return secure.HandshakeContext(ctx) })
	if err != nil {
		l.hangUp()
	}
	return err
}

func (s Server) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
}

// Read counts what comes.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if l.left.Add(int64(-n)) < 0 {
		err = fmt.Errorf("%w: the server sends without end", ErrProtocol)
		l.cut(err)
		return 0, err
	}
	return n, err
}

// step runs one step of the conversation within the time limit.
func (l *line) step(op string, f *Fault, do func() error) error {
	return l.stepWithin(l.timeout, op, f, do)
}

func (l *line) stepWithin(limit time.Duration, op string, f *Fault, do func() error) error {
	timer := time.AfterFunc(limit, func() { l.cut(fmt.Errorf("%w: no answer within %s", ErrUnreachable, limit)) })
	defer timer.Stop()
	err := do()
	if err == nil {
		return nil
	}
	if cause := l.cause(); cause != nil {
		return fail(op, ErrUnreachable, cause)
	}
	return fail(op, f, err)
}

// hangUp closes the connection at once.
func (l *line) hangUp() { l.cut(net.ErrClosed) }
