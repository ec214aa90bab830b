package check_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// stack is the product on this machine, started once for all tests that need it.
type stack struct {
	url, key, world string
}

var (
	once    sync.Once
	running stack
	failure string
	stop    func()
)

// TestMain stops the stack after the tests.
func TestMain(m *testing.M) {
	for _, media := range []string{"application/xml", "application/zip"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
	code := m.Run()
	if stop != nil {
		stop()
	}
	os.Exit(code)
}

// live gives the running stack. It takes what `make build` made; LIVE=1 says that this is of today.
func live(t *testing.T) stack {
	t.Helper()
	if os.Getenv("LIVE") == "" {
		t.Skip("needs the binaries of make build: LIVE=1 runs it")
	}
	once.Do(start)
	if failure != "" {
		t.Fatal(failure)
	}
	return running
}

var (
	readyLine = regexp.MustCompile(`ready after .* on (http://\S+)`)
	keyLine   = regexp.MustCompile(`^API key: (\S+)`)
)

func start() {
	dir, err := os.MkdirTemp("", "timbre-check-")
	if err != nil {
		failure = err.Error()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	command, out, err := serve(ctx, dir)
	if err != nil {
		cancel()
		failure = err.Error()
		return
	}
	running.world = filepath.Join(dir, "world")
	ready := make(chan string, 1)
	go func() { ready <- read(bufio.NewScanner(out)) }()
	stop = func() {
		cancel()
		_ = command.Wait()    // it was told to stop
		_ = os.RemoveAll(dir) // of this run alone
	}
	select {
	case said := <-ready:
		if running.key == "" {
			failure = "the stack did not start: " + said
		}
	case <-time.After(2 * time.Minute):
		failure = "the stack is not ready after two minutes"
	}
}

// serve runs the stack in a folder; the functions set no rates, since these tests are in a hurry.
func serve(ctx context.Context, dir string) (*exec.Cmd, io.Reader, error) {
	bin := os.Getenv("BIN_DIR")
	if bin == "" {
		bin = filepath.Join(root, ".local", "bin")
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, nil, err
	}
	command := exec.CommandContext(ctx, filepath.Join(bin, "local"), "serve")
	command.Dir = dir
	command.Env = append(os.Environ(), "STATE_DIR="+filepath.Join(dir, "state"), "GATEWAY_ADDR=127.0.0.1:0", "BIN_DIR="+bin,
		"KEY_FILE="+filepath.Join(dir, "key"), "RATE_PER_SECOND=0")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 30 * time.Second
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return command, out, command.Start()
}

// read follows the stack's words until it has told where it is and its key.
func read(lines *bufio.Scanner) string {
	var said strings.Builder
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			running.url = m[1]
		}
		if m := keyLine.FindStringSubmatch(lines.Text()); m != nil {
			running.key = m[1]
			go func() {
				for lines.Scan() { // it must not block
				}
			}()
			break
		}
	}
	return said.String()
}
