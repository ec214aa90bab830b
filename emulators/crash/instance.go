package crash

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	rebirth    = 50 * time.Millisecond // between a death and the next start
	healthWait = 10 * time.Millisecond
)

// instance is one process of a function, started again whenever it dies.
type instance struct {
	function string
	number   int
	binary   string
	addr     string
	env      []string
	log      *os.File

	up     atomic.Bool // it answers
	deaths atomic.Int64
	starts atomic.Int64

	mu      sync.Mutex
	process *os.Process
}

func (i *instance) name() string { return fmt.Sprintf("%s-%d", i.function, i.number) }

// keep runs the process until ctx ends.
func (i *instance) keep(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := i.live(ctx); err != nil {
			return fmt.Errorf("%s: %w", i.name(), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(rebirth):
		}
	}
	return nil
}

// live is one life of the process.
func (i *instance) live(ctx context.Context) error {
	cmd := exec.Command(i.binary) //nolint:gosec,noctx // our own binary; it is killed, not asked
	cmd.Stdout, cmd.Stderr = i.log, i.log
	cmd.Env = append(os.Environ(), i.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start (has it been built?): %w", err)
	}
	i.starts.Add(1)
	i.mu.Lock()
	i.process = cmd.Process
	i.mu.Unlock()
	dead := make(chan struct{})
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })() // it may be dead already
	go i.awaitHealth(dead)
	_ = cmd.Wait() // it was killed
	close(dead)
	i.up.Store(false)
	return nil
}

func (i *instance) awaitHealth(dead <-chan struct{}) {
	for {
		answer, err := http.Get("http://" + i.addr + "/health") //nolint:noctx // our own process
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case <-dead:
			return
		case <-time.After(healthWait):
		}
	}
	select {
	case <-dead:
	default:
		i.up.Store(true)
	}
}

// kill ends the process as the machine would: at once.
func (i *instance) kill() {
	i.up.Store(false)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.process != nil && i.process.Kill() == nil {
		i.deaths.Add(1)
	}
}

// newInstance picks an address and opens the log.
func newInstance(function string, number int, binDir, logDir string) (*instance, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a port for the process
	if err != nil {
		return nil, err
	}
	defer l.Close() //nolint:errcheck // nothing was sent
	binary, err := filepath.Abs(filepath.Join(binDir, function))
	if err != nil {
		return nil, err
	}
	i := &instance{function: function, number: number, binary: binary, addr: l.Addr().String()}
	i.log, err = os.OpenFile(filepath.Join(logDir, i.name()+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return i, err
}
