package local

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"timbre/emulators/sii/authority"
)

// Stack is the running product.
type Stack struct {
	// Client calls the gateway with a key for all companies and scopes of the world.
	Client *Client
	// Companies are those of the world, all onboarded.
	Companies []Company
	// World is the folder they come from.
	World string
	// Control is the fake SII's control address, Supervisor the stack's own (see control).
	Control, Supervisor string

	plan     plan
	backends map[string]*backend // of the functions
	servers  []*http.Server
	report   func(format string, args ...any)

	ending context.Context // ends when Close begins
	end    context.CancelFunc
	open   atomic.Bool // all companies are onboarded

	changing  sync.Mutex // held while a process is replaced
	processes []*process // in the order of their start
}

// Start runs everything and onboards the world's companies. report is told what happens, a line each.
func Start(ctx context.Context, o Options, report func(format string, args ...any)) (*Stack, error) {
	s := &Stack{report: report}
	s.ending, s.end = context.WithCancel(context.WithoutCancel(ctx))
	err := s.start(ctx, o)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, o Options) error {
	if err := s.prepare(ctx, o); err != nil {
		return err
	}
	if err := s.launchAll(ctx, s.plan.emulators()); err != nil {
		return err
	}
	if err := s.launchFunctions(ctx); err != nil {
		return err
	}
	if err := s.openGateway(ctx); err != nil {
		return err
	}
	if err := s.onboard(ctx); err != nil {
		return err
	}
	s.open.Store(true)
	return s.launchAll(ctx, []spec{s.plan.ticker()})
}

// prepare makes the world and the folders, and picks the ports.
func (s *Stack) prepare(ctx context.Context, o Options) error {
	world, err := s.findWorld(o)
	if err != nil {
		return err
	}
	s.World = world
	if s.Companies, err = readCompanies(world); err != nil {
		return err
	}
	state, err := stateOf(o.StateDir, world)
	if err != nil {
		return err
	}
	s.plan = plan{Options: o, world: world, state: state, ports: map[string]string{}}
	for _, dir := range []string{"log", "gcs", "secrets", "pubsub", "oidc", "sii", "mail"} {
		if err := os.MkdirAll(filepath.Join(state, dir), 0o700); err != nil {
			return fmt.Errorf("make the state folder: %w", err)
		}
	}
	if s.plan.bootstrap, err = bootstrapKey(filepath.Join(state, "bootstrap-key")); err != nil {
		return err
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	ports, err := freePorts(len(purposes))
	if err != nil {
		return err
	}
	for i, purpose := range purposes {
		s.plan.ports[purpose] = ports[i]
	}
	if err := giveMailboxes(s.Companies, s.plan.bootstrap, mailServers{s.plan.addr("mail-imap"), s.plan.addr("mail-smtp")}, filepath.Join(state, "mail.json")); err != nil {
		return err
	}
	return writeConfigs(state, s.plan.url)
}

// findWorld is the world that the user names, else a throw-away one, made when it is not there.
func (s *Stack) findWorld(o Options) (string, error) {
	world := o.World
	if world == "" {
		world = o.throwAwayWorld()
		switch err := authority.Make(world, authority.Options{}); {
		case err == nil:
			s.report("made a throw-away world of companies, certificates and CAFs in %s", world)
		case !errors.Is(err, authority.ErrExists):
			return "", fmt.Errorf("make a world: %w", err)
		}
	}
	return filepath.Abs(world)
}

// stateOf keeps the state of each world apart: companies, folios and the fake SII's memory belong together.
func stateOf(stateDir, world string) (string, error) {
	companies, err := os.ReadFile(filepath.Join(world, "companies.json")) //nolint:gosec // the user names the world
	if err != nil {
		return "", fmt.Errorf("read the world: %w", err)
	}
	sum := sha256.Sum256(companies)
	return filepath.Abs(filepath.Join(stateDir, hex.EncodeToString(sum[:6])))
}

// bootstrapKey reads the operator's first key, or makes it.
func bootstrapKey(path string) (string, error) {
	key, err := os.ReadFile(path) //nolint:gosec // our own file
	if err == nil {
		return string(key), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the bootstrap key: %w", err)
	}
	made := "bootstrap_" + rand.Text() + rand.Text()
	return made, os.WriteFile(path, []byte(made), 0o600)
}

// launchAll starts processes together and waits until each serves.
func (s *Stack) launchAll(ctx context.Context, specs []spec) error {
	first := len(s.processes)
	for _, spec := range specs {
		p, err := launch(ctx, spec, s.plan.BinDir, s.plan.logDir(), s.report)
		if err != nil {
			return err
		}
		s.processes = append(s.processes, p)
	}
	for _, p := range s.processes[first:] {
		if err := p.awaitHealth(ctx); err != nil {
			return fmt.Errorf("%w; its log is %s", err, filepath.Join(s.plan.logDir(), p.name+".log"))
		}
	}
	return nil
}

// openGateway opens the two addresses that people use.
func (s *Stack) openGateway(ctx context.Context) error {
	address, err := s.serveOn(ctx, s.plan.GatewayAddr, &gateway{backends: s.backends, missing: s.missing})
	if err != nil {
		return fmt.Errorf("the gateway cannot listen (another stack? GATEWAY_ADDR names another address): %w", err)
	}
	control, err := s.serveOn(ctx, s.plan.ControlAddr, s.control())
	if err != nil {
		return fmt.Errorf("the supervisor cannot listen (LOCAL_CONTROL_ADDR names another address): %w", err)
	}
	s.Client = NewClient("http://"+address, s.plan.bootstrap)
	s.Control, s.Supervisor = s.plan.url("sii-control"), "http://"+control
	return nil
}

// serveOn serves until Close and tells the address that it got.
func (s *Stack) serveOn(ctx context.Context, addr string, h http.Handler) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	server := newServer(h)
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.report("%s: %v", addr, err)
		}
	}()
	return l.Addr().String(), nil
}

// missing names what cannot do its work yet.
func (s *Stack) missing(ctx context.Context) []string {
	missing := notReady(ctx, s.plan.url)
	if !s.open.Load() {
		missing = append(missing, "onboarding")
	}
	return missing
}

// notReady names the functions that cannot do their work yet.
func notReady(ctx context.Context, urlOf func(function string) string) []string {
	var missing []string
	for _, name := range Functions() {
		if !healthy(ctx, urlOf(name)+"/health/ready") {
			missing = append(missing, name)
		}
	}
	return missing
}

// onboard makes the companies known and exchanges the bootstrap key for one of the world's own.
func (s *Stack) onboard(ctx context.Context) error {
	key, err := onboardAll(ctx, s.Client, s.World, s.Companies, filepath.Join(s.plan.state, "key"))
	if err != nil {
		return err
	}
	s.Client = NewClient(s.Client.Base, key)
	if err := os.MkdirAll(filepath.Dir(s.plan.KeyFile), 0o700); err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return os.WriteFile(s.plan.KeyFile, []byte(key+"\n"), 0o600)
}

// Close stops the gateway, then the processes, the last first, so that functions drain while what they
// write to still runs.
func (s *Stack) Close() error {
	s.end()
	s.changing.Lock()
	defer s.changing.Unlock()
	var failed []error
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	for _, server := range slices.Backward(s.servers) {
		failed = append(failed, server.Shutdown(ctx))
	}
	for _, p := range slices.Backward(s.processes) {
		failed = append(failed, p.halt())
	}
	return errors.Join(failed...)
}
