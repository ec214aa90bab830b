package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	restartPause = 300 * time.Millisecond // between the death of a process and its next start
	stopPatience = 12 * time.Second       // between SIGTERM and SIGKILL; functions drain for 9 s
	readyTimeout = 30 * time.Second
	checkTimeout = 4 * time.Second
)

// spec says how a process is started and how one sees that it serves.
type spec struct {
	name   string
	url    string // of a function
	health string // URL that answers 200 when it can do its work
	env    map[string]string
}

// process is a child that is started again when it dies.
type process struct {
	spec
	binary string
	log    io.WriteCloser
	report func(format string, args ...any)

	stop context.CancelFunc
	done chan struct{}

	mu  sync.Mutex
	cmd *exec.Cmd
}

// launch starts a process and keeps it running until halt.
func launch(ctx context.Context, s spec, binDir, logDir string, report func(string, ...any)) (*process, error) {
	log, err := os.OpenFile(filepath.Join(logDir, s.name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", s.name, err)
	}
	binary, err := filepath.Abs(filepath.Join(binDir, s.name))
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", s.name, err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &process{spec: s, binary: binary, log: log, report: report, stop: stop, done: make(chan struct{})}
	if err := p.start(); err != nil {
		stop()
		return nil, errors.Join(err, log.Close())
	}
	go p.keep(ctx)
	return p, nil
}

func (p *process) start() error {
	cmd := exec.Command(p.binary) //nolint:gosec,noctx // our own binary; it is told to end by SIGTERM, not by a context
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.Env = append(os.Environ(), environment(p.env)...)
	cmd.SysProcAttr = ownGroup() // a Ctrl-C of the terminal must not reach it before halt does
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s (has it been built? make build): %w", p.name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = cmd
	return nil
}

func environment(env map[string]string) []string {
	all := make([]string, 0, len(env))
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	return all
}

// keep waits for the process and starts it again until it is to stop.
func (p *process) keep(ctx context.Context) {
	defer close(p.done)
	for {
		err := p.current().Wait()
		if ctx.Err() != nil {
			return
		}
		p.report("%s ended (%v); it is started again", p.name, err)
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(restartPause):
			}
			err := p.start()
			if again = err == nil; !again {
				p.report("%v", err)
			}
		}
	}
}

func (p *process) current() *exec.Cmd {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd
}

// halt ends the process: SIGTERM, patience, SIGKILL.
func (p *process) halt() error {
	p.stop()
	var failed error
	if err := p.signal(syscall.SIGTERM); err != nil {
		failed = err
	}
	select {
	case <-p.done:
	case <-time.After(stopPatience):
		failed = errors.Join(failed, fmt.Errorf("%s does not stop, it is killed", p.name), p.signal(syscall.SIGKILL))
		<-p.done
	}
	return errors.Join(failed, p.log.Close())
}

func (p *process) signal(s syscall.Signal) error {
	err := p.current().Process.Signal(s)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// awaitHealth waits until the process answers that it serves.
func (p *process) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		if healthy(ctx, p.health) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer on %s: %w", p.name, p.health, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// healthy tells whether a URL answers 200.
func healthy(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close() //nolint:errcheck // only the status counts
	return answer.StatusCode == http.StatusOK
}
