package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"
)

// answerPatience is how long a process that is replaced may still work on its last requests: more than
// the longest wait that a caller may ask for (Prefer: wait=50), and than pushes that look for a verdict (75 s)
// or begin uploads (30 s).
const answerPatience = 150 * time.Second

// ErrUnknownFunction says that the stack has no function of that name.
var ErrUnknownFunction = errors.New("no such function")

// Functions are the names of the product's functions that run here.
func Functions() []string {
	all := make([]string, 0, len(functions))
	for _, f := range functions {
		all = append(all, f.name)
	}
	return all
}

// listen opens an address that stays for each function; processes come and go behind it.
func (s *Stack) listen(ctx context.Context) error {
	s.backends = map[string]*backend{}
	for _, name := range Functions() {
		b := &backend{}
		address, err := s.serveOn(ctx, "127.0.0.1:0", b)
		if err != nil {
			return fmt.Errorf("open the address of %s: %w", name, err)
		}
		s.backends[name] = b
		if _, s.plan.ports[name], err = net.SplitHostPort(address); err != nil {
			return err
		}
	}
	return nil
}

// launchFunctions starts a process for each function and gives it the requests.
func (s *Stack) launchFunctions(ctx context.Context) error {
	var specs []spec
	for _, name := range Functions() {
		spec, err := s.plan.functionSpec(name)
		if err != nil {
			return err
		}
		if _, err := s.backends[name].turnTo(spec.url); err != nil {
			return err
		}
		specs = append(specs, spec)
	}
	return s.launchAll(ctx, specs)
}

// Restart puts a new process in the place of a function's: it starts on a port of its own, and once it
// is ready it gets all new requests; the old one is told to end when it has answered its last.
func (s *Stack) Restart(ctx context.Context, name string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(s.ending, cancel)()
	defer cancel()
	i := slices.IndexFunc(s.processes, func(p *process) bool { return p.name == name })
	if _, found := s.backends[name]; !found || i < 0 {
		return fmt.Errorf("restart %q: %w", name, ErrUnknownFunction)
	}
	next, err := s.replacement(ctx, name)
	if err != nil {
		return fmt.Errorf("restart %s: %w", name, err)
	}
	before, err := s.backends[name].turnTo(next.url)
	if err != nil {
		return errors.Join(err, next.halt())
	}
	old := s.processes[i]
	s.processes[i] = next
	waiting, stop := context.WithTimeout(ctx, answerPatience)
	defer stop()
	return errors.Join(before.finish(waiting), old.halt())
}

// replacement is a process of the function that is ready, beside the one that serves.
func (s *Stack) replacement(ctx context.Context, name string) (*process, error) {
	spec, err := s.plan.functionSpec(name)
	if err != nil {
		return nil, err
	}
	next, err := launch(ctx, spec, s.plan.BinDir, s.plan.logDir(), s.report)
	if err != nil {
		return nil, err
	}
	if err := next.awaitHealth(ctx); err != nil {
		return nil, errors.Join(err, next.halt())
	}
	return next, nil
}

// control serves the supervisor's own API:
//
//	POST /_local/restart/{function}   Restart, answered when the old process has ended
//	POST /_local/restart              all functions, one after the other
func (s *Stack) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_local/restart/{function}", func(w http.ResponseWriter, r *http.Request) {
		s.restartAll(w, r, []string{r.PathValue("function")})
	})
	mux.HandleFunc("POST /_local/restart", func(w http.ResponseWriter, r *http.Request) {
		s.restartAll(w, r, Functions())
	})
	return mux
}

func (s *Stack) restartAll(w http.ResponseWriter, r *http.Request, names []string) {
	for _, name := range names {
		err := s.Restart(r.Context(), name)
		switch {
		case errors.Is(err, ErrUnknownFunction):
			writeProblem(w, r, http.StatusNotFound, "not-found", "No hay función "+name)
			return
		case err != nil:
			s.report("%v", err)
			writeProblem(w, r, http.StatusInternalServerError, "internal", "La función "+name+" no se pudo reiniciar")
			return
		}
		s.report("%s was restarted", name)
	}
	w.WriteHeader(http.StatusNoContent)
}
