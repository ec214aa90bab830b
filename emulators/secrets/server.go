package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"

	"timbre/emulators/durable"
)

// Options say where the emulator listens and keeps its secrets. The zero value
// listens on free ports of the loopback and keeps them in memory.
type Options struct {
	Addr      string           // gRPC; default 127.0.0.1:0
	AdminAddr string           // HTTP with /health; default 127.0.0.1:0
	Dir       string           // empty: memory only
	Now       func() time.Time // default time.Now
}

// Server is a running emulator.
type Server struct {
	addr, adminURL string
	grpc           *grpc.Server
	admin          *http.Server
	served         chan error // what the two listeners ended with
	lock           io.Closer
	close          func() error
}

// Start opens the store and serves it. The caller closes the Server.
func Start(opt Options) (*Server, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	lock, err := lockDir(opt.Dir)
	if err != nil {
		return nil, err
	}
	s, err := start(opt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start secrets: %w", err), lock.Close())
	}
	s.lock = lock
	return s, nil
}

func start(opt Options) (*Server, error) {
	v, err := openVault(opt.Dir, opt.Now)
	if err != nil {
		return nil, err
	}
	api, err := listen(opt.Addr)
	if err != nil {
		return nil, err
	}
	admin, err := listen(opt.AdminAddr)
	if err != nil {
		return nil, errors.Join(err, api.Close())
	}
	s := &Server{
		addr: api.Addr().String(), adminURL: "http://" + admin.Addr().String(), grpc: grpc.NewServer(),
		admin: &http.Server{Handler: adminHandler(), ReadHeaderTimeout: 10 * time.Second}, served: make(chan error, 2),
	}
	pb.RegisterSecretManagerServiceServer(s.grpc, &service{vault: v})
	s.close = sync.OnceValue(s.stop)
	go func() { s.served <- s.grpc.Serve(api) }()
	go func() { s.served <- s.admin.Serve(admin) }()
	return s, nil
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	return net.Listen("tcp", addr)
}

func lockDir(dir string) (io.Closer, error) {
	if dir == "" {
		return io.NopCloser(nil), nil
	}
	if err := durable.Mkdir(dir); err != nil {
		return nil, fmt.Errorf("start secrets: %w", err)
	}
	return durable.Lock(dir)
}

func adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"ok"}`) // a client that has gone hears nothing
	})
	return mux
}

// Addr is host:port of the gRPC service, for SECRET_MANAGER_EMULATOR_HOST.
func (s *Server) Addr() string { return s.addr }

// AdminURL is the address of /health.
func (s *Server) AdminURL() string { return s.adminURL }

// Close ends running calls within two seconds and frees addresses and directory.
// Further calls do nothing.
func (s *Server) Close() error { return s.close() }

func (s *Server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, s.grpc.Stop)
	s.grpc.GracefulStop()
	stop()
	err := s.admin.Shutdown(ctx)
	for range 2 {
		if served := <-s.served; served != nil && !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
	}
	return errors.Join(err, s.lock.Close())
}
