package local

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	// Control is the fake SII's control address.
	Control string

	plan      plan
	processes []*process // in the order of their start
	server    *http.Server
	report    func(format string, args ...any)
}

// Start runs everything and onboards the world's companies. report is told what happens, a line each.
func Start(ctx context.Context, o Options, report func(format string, args ...any)) (*Stack, error) {
	s := &Stack{report: report}
	err := s.start(ctx, o)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, o Options) error {
	if err := s.prepare(o); err != nil {
		return err
	}
	for _, specs := range [][]spec{s.plan.emulators(), s.plan.functionSpecs()} {
		if err := s.launchAll(ctx, specs); err != nil {
			return err
		}
	}
	gateway, err := s.openGateway(ctx)
	if err != nil {
		return err
	}
	if err := s.onboard(ctx); err != nil {
		return err
	}
	gateway.open.Store(true)
	return s.launchAll(ctx, []spec{s.plan.ticker()})
}

// prepare makes the world and the folders, and picks the ports.
func (s *Stack) prepare(o Options) error {
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
	for _, dir := range []string{"log", "gcs", "secrets", "pubsub", "oidc", "sii"} {
		if err := os.MkdirAll(filepath.Join(state, dir), 0o700); err != nil {
			return fmt.Errorf("make the state folder: %w", err)
		}
	}
	if s.plan.bootstrap, err = bootstrapKey(filepath.Join(state, "bootstrap-key")); err != nil {
		return err
	}
	for _, purpose := range purposes() {
		if _, err := s.plan.port(purpose); err != nil {
			return err
		}
	}
	return s.plan.writeConfigs()
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
		p, err := launch(ctx, spec, s.plan.BinDir, filepath.Join(s.plan.state, "log"), s.report)
		if err != nil {
			return err
		}
		s.processes = append(s.processes, p)
	}
	for _, p := range s.processes[first:] {
		if err := p.awaitHealth(ctx); err != nil {
			return fmt.Errorf("%w; its log is %s", err, filepath.Join(s.plan.state, "log", p.name+".log"))
		}
	}
	return nil
}

func (s *Stack) openGateway(ctx context.Context) (*gateway, error) {
	backends := map[string]string{}
	for _, f := range functions {
		backends[f.name] = s.plan.url(f.name)
	}
	g, err := newGateway(backends, s.notReady)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", s.plan.GatewayAddr)
	if err != nil {
		return nil, fmt.Errorf("the gateway cannot listen (another stack? GATEWAY_ADDR names another address): %w", err)
	}
	s.server = g.server(l.Addr().String())
	go func() {
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.report("gateway: %v", err)
		}
	}()
	s.Client = NewClient("http://"+l.Addr().String(), s.plan.bootstrap)
	s.Control = s.plan.url("sii-control")
	return g, nil
}

// notReady names the functions that cannot do their work yet.
func (s *Stack) notReady(ctx context.Context) []string {
	var missing []string
	for _, f := range functions {
		if !healthy(ctx, s.plan.url(f.name)+"/health/ready") {
			missing = append(missing, f.name)
		}
	}
	return missing
}

// onboard makes the companies known and exchanges the bootstrap key for one of the world's own.
func (s *Stack) onboard(ctx context.Context) error {
	if err := s.awaitReady(ctx); err != nil {
		return err
	}
	ruts := make([]string, 0, len(s.Companies))
	for _, c := range s.Companies {
		if err := c.onboard(ctx, s.Client, s.World); err != nil {
			return fmt.Errorf("onboard company %s: %w", c.ID, err)
		}
		ruts = append(ruts, c.RUT)
	}
	key, err := s.key(ctx, ruts)
	if err != nil {
		return err
	}
	s.Client = NewClient(s.Client.Base, key)
	if err := os.MkdirAll(filepath.Dir(s.plan.KeyFile), 0o700); err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return os.WriteFile(s.plan.KeyFile, []byte(key+"\n"), 0o600)
}

func (s *Stack) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		missing := s.notReady(ctx)
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %s: %w", strings.Join(missing, ", "), context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// key is the one of an earlier run if it still opens every company, else a new one.
func (s *Stack) key(ctx context.Context, ruts []string) (string, error) {
	path := filepath.Join(s.plan.state, "key")
	if kept, err := os.ReadFile(path); err == nil && s.opensAll(ctx, string(kept), ruts) { //nolint:gosec // our own file
		return string(kept), nil
	}
	answer, err := s.Client.Call(ctx, http.MethodPost, "/v1/companies/"+ruts[0]+"/keys",
		map[string]any{"ruts": ruts, "scopes": []string{"issue", "read", "receive", "admin"}})
	if err != nil {
		return "", fmt.Errorf("make an API key: %w", err)
	}
	var made struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || made.Key == "" {
		return "", fmt.Errorf("make an API key: the answer holds none (%w)", err)
	}
	return made.Key, os.WriteFile(path, []byte(made.Key), 0o600)
}

func (s *Stack) opensAll(ctx context.Context, key string, ruts []string) bool {
	client := NewClient(s.Client.Base, key)
	return !slices.ContainsFunc(ruts, func(r string) bool {
		_, err := client.Call(ctx, http.MethodGet, "/v1/companies/"+r+"/folios", nil)
		return err != nil
	})
}

// Close stops the gateway, then the processes, the last first, so that functions drain while what they
// write to still runs.
func (s *Stack) Close() error {
	var failed error
	if s.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		failed = s.server.Shutdown(ctx)
	}
	ends := make([]error, len(s.processes))
	for i, p := range slices.Backward(s.processes) {
		ends[i] = p.halt()
	}
	return errors.Join(append(ends, failed)...)
}
