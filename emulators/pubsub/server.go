package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"

	"timbre/emulators/oidc"
	"timbre/emulators/pubsub/journal"
)

const (
	anyPort         = "127.0.0.1:0"
	defaultWorkers  = 32
	defaultMinSize  = 4 << 20
	maxRequestBytes = 11 << 20 // a publish request has at most 10 MB
)

// ErrNoDir tells that Options names no folder for the state.
var ErrNoDir = errors.New("pubsub: Options.Dir is empty")

// Options say how the emulator runs. Only Dir is needed.
type Options struct {
	Dir       string       // folder of the journal
	Addr      string       // of gRPC; empty: a free port of 127.0.0.1
	AdminAddr string       // of health, state and certificates; likewise
	Issuer    *oidc.Issuer // signs push tokens; nil: the key kept in Dir
	Config    Config       // topics and subscriptions to have at start
	Speed     int          // divides ack deadlines and backoffs; 0 is 1
	Workers   int          // pushes in flight of one subscription; 0 is 32
	MinSize   int64        // journal size below which it is not rewritten; 0 is 4 MiB
	Logger    *slog.Logger // nil: slog.Default
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, ErrNoDir
	}
	o.Addr = or(o.Addr, anyPort)
	o.AdminAddr = or(o.AdminAddr, anyPort)
	o.Speed = or(o.Speed, 1)
	o.Workers = or(o.Workers, defaultWorkers)
	o.MinSize = or(o.MinSize, defaultMinSize)
	o.Logger = or(o.Logger, slog.Default())
	if o.Issuer != nil {
		return o, nil
	}
	issuer, err := oidc.Open(o.Dir)
	o.Issuer = issuer
	return o, err
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Server is a running emulator.
type Server struct {
	broker     *broker
	rpc        *grpc.Server
	admin      *http.Server
	addr       string
	adminAddr  string
	cancel     context.CancelFunc
	background sync.WaitGroup
}

// Start replays the journal in Dir and serves. The ports are bound first, so two
// processes with fixed ports never write one journal.
func Start(o Options) (*Server, error) {
	if err := os.MkdirAll(o.Dir, 0o700); o.Dir != "" && err != nil {
		return nil, fmt.Errorf("start pubsub: %w", err)
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start pubsub: %w", err)
	}
	listeners, err := listen(o.Addr, o.AdminAddr)
	if err != nil {
		return nil, fmt.Errorf("start pubsub: %w", err)
	}
	b, err := openBroker(o)
	if err != nil {
		closeAll(listeners)
		return nil, fmt.Errorf("start pubsub: %w", err)
	}
	return serve(o, b, listeners), nil
}

func listen(addrs ...string) ([]net.Listener, error) {
	listeners := make([]net.Listener, 0, len(addrs))
	for _, addr := range addrs {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
		if err != nil {
			closeAll(listeners)
			return nil, err
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, listener := range listeners {
		_ = listener.Close() // nothing was accepted yet
	}
}

func openBroker(o Options) (*broker, error) {
	b := newBroker(o.Speed)
	path := filepath.Join(o.Dir, "pubsub.journal")
	kept, err := journal.Open(path, journal.Options{Apply: b.replay, Snapshot: b.snapshot, MinSize: o.MinSize})
	if err != nil {
		return nil, err
	}
	b.journal = kept
	if err := o.Config.apply(b); err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	return b, nil
}

func serve(o Options, b *broker, listeners []net.Listener) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		broker:    b,
		rpc:       grpc.NewServer(grpc.MaxRecvMsgSize(maxRequestBytes), grpc.WaitForHandlers(true)),
		admin:     &http.Server{Handler: adminHandler(b, o.Issuer), ReadHeaderTimeout: 10 * time.Second},
		addr:      listeners[0].Addr().String(),
		adminAddr: listeners[1].Addr().String(),
		cancel:    cancel,
	}
	pubsubpb.RegisterPublisherServer(s.rpc, publisher{broker: b})
	pubsubpb.RegisterSubscriberServer(s.rpc, subscriber{broker: b})
	s.startPushing(ctx, newPusher(o, b))
	s.background.Go(func() { report(o.Logger, "grpc", s.rpc.Serve(listeners[0])) })
	s.background.Go(func() { report(o.Logger, "admin", s.admin.Serve(listeners[1])) })
	return s
}

func report(log *slog.Logger, what string, err error) {
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
		log.Error("server_ended", "server", what, "error", err)
	}
}

// startPushing gives each subscription, now and later, a goroutine that pushes.
func (s *Server) startPushing(ctx context.Context, p *pusher) {
	s.broker.onSubscription(func(sub *subscription) context.CancelFunc {
		ctx, cancel := context.WithCancel(ctx)
		s.background.Go(func() { p.run(ctx, sub) })
		return cancel
	})
}

// Addr answers host:port of gRPC, the value for PUBSUB_EMULATOR_HOST.
func (s *Server) Addr() string { return s.addr }

// AdminURL answers the base URL of /health, /debug/state and the certificates.
func (s *Server) AdminURL() string { return "http://" + s.adminAddr }

// Close ends the pushes in flight, which will be repeated after the next start,
// and writes what is known to be acknowledged.
func (s *Server) Close() error {
	s.cancel()
	s.rpc.Stop()
	err := s.admin.Close()
	s.background.Wait()
	return errors.Join(err, s.broker.journal.Close())
}
