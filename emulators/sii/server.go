package sii

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
	_ "time/tzdata" // America/Santiago must exist in a container without zones

	"timbre/emulators/sii/faults"
	"timbre/emulators/sii/world"
)

// Options of a simulator. Only World is required.
type Options struct {
	World       string  // folder, see package world
	Addr        string  // of the services; default 127.0.0.1:0
	ControlAddr string  // of the control API; default 127.0.0.1:0
	Speed       float64 // of the timeline; default 1, the real SII's pace
	StateDir    string  // journal of uploads and changes; empty: nothing is kept
	Faults      string  // profile: calm (default), normal, bad-day, hell
	Seed        uint64  // of the faults
	SMTPAddr    string  // where result mails go; empty: nowhere
	MailControl string  // control API of the mail emulator, where suppliers read answers; empty: they do not
	MailDomain  string  // of the addresses of companies that name none; default timbre.local
	Dials       Dials
	UploadSlots int              // uploads that are worked on at once; default: all
	Now         func() time.Time // default time.Now
	MaxBytes    int64            // of an upload; default 64 MiB
	InPlace     bool             // also demand that a DTE's signature verifies inside its envelope
	Log         *slog.Logger     // default: silent
}

// Server is a running simulator.
type Server struct {
	URL        string // base of the services: URL + "/" + real host + real path
	ControlURL string

	state      *state
	scripts    *scripts
	faults     *faults.Engine
	auth       *auth
	options    Options
	dials      *dials
	slots      chan struct{}
	outages    *outages
	suppliers  suppliers
	log        *slog.Logger
	services   *http.Server
	control    *http.Server
	address    string       // of the services
	down       sync.Mutex   // guards listener
	listener   net.Listener // of the services
	stop       chan struct{}
	stopped    sync.Once
	background sync.WaitGroup
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
	s := &Server{
		options: o, log: o.Log, scripts: &scripts{}, auth: newAuth(), state: newState(w, clock, o), dials: newDials(o.Dials),
		outages: &outages{clock: clock, until: map[string]time.Time{}}, stop: make(chan struct{}),
	}
	if o.UploadSlots > 0 {
		s.slots = make(chan struct{}, o.UploadSlots)
	}
	if s.faults, err = faults.New("", 0); err != nil {
		return nil, fmt.Errorf("start sii: %w", err)
	}
	if err := s.setProfile(o.Faults, o.Seed); err != nil {
		return nil, fmt.Errorf("start sii: %w", err)
	}
	s.state.faults, s.state.dials = s.faults, s.dials
	if err := s.state.openJournal(o.StateDir); err != nil {
		return nil, fmt.Errorf("start sii: %w", err)
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(fmt.Errorf("start sii: %w", err), s.state.close())
	}
	if o.SMTPAddr != "" {
		s.background.Go(s.deliver)
	}
	return s, nil
}

// setProfile changes how bad the day is, the wrong clock included.
func (s *Server) setProfile(name string, seed uint64) error {
	skew, err := s.faults.SetProfile(name, seed)
	if err == nil {
		s.state.clock.setSkew(skew)
	}
	return err
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
	if o.MailDomain == "" {
		o.MailDomain = "timbre.local"
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
	s.address, s.listener = services.Addr().String(), services
	s.services = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	s.control = &http.Server{Handler: s.controlRoutes(), ReadHeaderTimeout: 10 * time.Second}
	go s.serve(s.services, services)
	go s.serve(s.control, control)
	return nil
}

func (s *Server) serve(server *http.Server, l net.Listener) {
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
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
	s.stopped.Do(func() { close(s.stop) })
	var errs []error
	for _, server := range []*http.Server{s.services, s.control} {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, server.Close())
		}
	}
	s.background.Wait()
	return errors.Join(append(errs, s.state.close())...)
}

// routes are the services under "/" + real host + real path.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for host, env := range hosts {
		mux.Handle("POST /"+host+"/DTEWS/CrSeed.jws", s.soap(host, "getSeed", nil, s.getSeed))
		mux.Handle("POST /"+host+"/DTEWS/GetTokenFromSeed.jws", s.soap(host, "getToken", []string{"pszXml"}, s.getToken))
		mux.Handle("POST /"+host+"/DTEWS/QueryEstUp.jws", s.soap(host, "getEstUp", estUpParameters, s.getEstUp))
		mux.Handle("POST /"+host+"/DTEWS/QueryEstDte.jws", s.soap(host, "getEstDte", estDteParameters, s.getEstDte))
		mux.Handle("POST /"+host+"/DTEWS/services/QueryEstDteAv", s.soap(host, "getEstDteAv", estDteAvParameters, s.getEstDteAv))
		mux.Handle("POST /"+host+"/DTEWS/services/wsDTECorreo", s.soap(host, "reenvioCorreo", reenvioParameters, s.reenvioCorreo))
		mux.Handle("POST /"+host+"/cgi_dte/UPL/DTEUpload", s.guarded(call{"upload", host, realmOf(env, channelDTE)},
			s.worked(func(w http.ResponseWriter, r *http.Request) { s.upload(env, w, r) })))
	}
	s.boletaRoutes(mux)
	s.claimRoutes(mux)
	s.bookRoutes(mux)
	mux.HandleFunc("GET /health", health)
	return mux
}

func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n")) // an error means that the client is gone
}
