package sii

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
	_ "time/tzdata" // America/Santiago must exist in a container without zones

	"timbre/emulators/sii/world"
)

// Options of a simulator. Only World is required.
type Options struct {
	World       string           // folder, see package world
	Addr        string           // of the services; default 127.0.0.1:0
	ControlAddr string           // of the control API; default 127.0.0.1:0
	Speed       float64          // of the timeline; default 1, the real SII's pace
	StateDir    string           // journal of uploads and changes; empty: nothing is kept
	Now         func() time.Time // default time.Now
	MaxBytes    int64            // of an upload; default 64 MiB
	InPlace     bool             // also demand that a DTE's signature verifies inside its envelope
	Log         *slog.Logger     // default: silent
}

// Server is a running simulator.
type Server struct {
	URL        string // base of the services: URL + "/" + real host + real path
	ControlURL string

	state    *state
	scripts  *scripts
	auth     *auth
	options  Options
	log      *slog.Logger
	services *http.Server
	control  *http.Server
}

// ErrNoWorld means that Options.World is empty.
var ErrNoWorld = errors.New("no world given")

// Start loads the world, replays the journal if there is one, and listens.
func Start(o Options) (*Server, error) {
	o = o.withDefaults()
	if o.World == "" {
		return nil, fmt.Errorf("start sii: %w", ErrNoWorld)
	}
	w, err := world.Load(o.World)
	if err != nil {
		return nil, fmt.Errorf("start sii: %w", err)
	}
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("start sii: %w", err)
	}
	clock := &clock{base: o.Now, zone: zone}
	s := &Server{options: o, log: o.Log, scripts: &scripts{}, auth: newAuth(), state: newState(w, clock, o)}
	if err := s.state.openJournal(o.StateDir); err != nil {
		return nil, fmt.Errorf("start sii: %w", err)
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(fmt.Errorf("start sii: %w", err), s.state.close())
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.ControlAddr == "" {
		o.ControlAddr = "127.0.0.1:0"
	}
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func (s *Server) listen() error {
	services, err := net.Listen("tcp", s.options.Addr)
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp", s.options.ControlAddr)
	if err != nil {
		return errors.Join(err, services.Close())
	}
	s.URL, s.ControlURL = "http://"+services.Addr().String(), "http://"+control.Addr().String()
	s.services = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	s.control = &http.Server{Handler: s.controlRoutes(), ReadHeaderTimeout: 10 * time.Second}
	go s.serve(s.services, services)
	go s.serve(s.control, control)
	return nil
}

func (s *Server) serve(server *http.Server, l net.Listener) {
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("serve", slog.Any("error", err))
	}
}

// grace is what running requests get when the server closes.
const grace = time.Second

// Close stops both listeners. Connections that are still open after the grace,
// such as those a client dialled and never used, are cut.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var errs []error
	for _, server := range []*http.Server{s.services, s.control} {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, server.Close())
		}
	}
	return errors.Join(append(errs, s.state.close())...)
}

// routes are the services under "/" + real host + real path.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for host, env := range hosts {
		mux.Handle("POST /"+host+"/DTEWS/CrSeed.jws", s.soap(env, "getSeed", nil, s.getSeed))
		mux.Handle("POST /"+host+"/DTEWS/GetTokenFromSeed.jws", s.soap(env, "getToken", []string{"pszXml"}, s.getToken))
		mux.Handle("POST /"+host+"/DTEWS/QueryEstUp.jws", s.soap(env, "getEstUp", estUpParameters, s.getEstUp))
		mux.Handle("POST /"+host+"/DTEWS/QueryEstDte.jws", s.soap(env, "getEstDte", estDteParameters, s.getEstDte))
		mux.Handle("POST /"+host+"/cgi_dte/UPL/DTEUpload", s.scripted("upload", func(w http.ResponseWriter, r *http.Request) { s.upload(env, w, r) }))
	}
	mux.HandleFunc("GET /health", health)
	return mux
}

func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n")) // an error means that the client is gone
}
