package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"timbre/shared/serve"
)

// childPort makes the test binary a function's process that listens there.
const childPort = "SERVE_TEST_PORT"

func TestMain(m *testing.M) {
	if port := os.Getenv(childPort); port != "" {
		serve.Main(func(ctx context.Context, logger *slog.Logger) error { return child(ctx, logger, port) })
		return
	}
	os.Exit(m.Run())
}

// child answers /work when the caller has sent its body to the end.
func child(ctx context.Context, logger *slog.Logger, port string) error {
	mux := serve.NewMux(logger)
	mux.Handle("POST /work", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logger.Info("work begun")
		text, err := io.ReadAll(r.Body)
		if err != nil {
			logger.Error("work", "error", err)
		}
		_, _ = w.Write(bytes.Repeat(text, 10_000))
	}))
	server, err := serve.New(serve.Options{Handler: mux, Logger: logger})
	if err != nil {
		return err
	}
	return serve.Run(ctx, "127.0.0.1", port, server)
}

// freePort is a port that nobody uses now; the framework does not tell which it took of port 0.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	return port
}

type process struct {
	command *exec.Cmd
	url     string
	lines   *bufio.Scanner
}

func startProcess(t *testing.T) *process {
	t.Helper()
	port := freePort(t)
	command := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // the test binary itself
	command.Env = append(os.Environ(), childPort+"="+port)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	return &process{command: command, url: "http://127.0.0.1:" + port, lines: bufio.NewScanner(output)}
}

// firstHealth waits until /health answers 200 and tells how long that took.
func (p *process) firstHealth(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	for time.Since(begin) < 10*time.Second {
		response, err := http.Get(p.url + "/health") //nolint:noctx // a test
		if err != nil {
			time.Sleep(time.Millisecond) // the process is not listening yet; nothing can tell us when
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return time.Since(begin)
		}
	}
	t.Fatal("no answer in ten seconds")
	return 0
}

func (p *process) waitFor(t *testing.T, text string) {
	t.Helper()
	for p.lines.Scan() {
		if strings.Contains(p.lines.Text(), text) {
			return
		}
	}
	t.Fatalf("the process never wrote %q", text)
}

func TestDrain(t *testing.T) {
	t.Parallel()
	p := startProcess(t)
	t.Logf("first 200 after %s", p.firstHealth(t))
	body, send := io.Pipe()
	answer := make(chan string, 1)
	go func() {
		response, err := http.Post(p.url+"/work", "text/plain", body) //nolint:noctx // a test
		if err != nil {
			answer <- err.Error()
			return
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			answer <- "half an answer: " + response.Status
			return
		}
		answer <- string(text)
	}()
	_, _ = io.WriteString(send, "ab")
	p.waitFor(t, "work begun")
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	refused := p.refusal(t)
	if refused.StatusCode != http.StatusServiceUnavailable || !refused.Close || refused.Header.Get("Retry-After") == "" {
		t.Errorf("while draining: %s, close %v", refused.Status, refused.Close)
	}
	_, _ = io.WriteString(send, "c")
	_ = send.Close()
	if got := <-answer; got != strings.Repeat("abc", 10_000) {
		t.Errorf("request in flight: %.80s", got)
	}
	for p.lines.Scan() { // to the end, as Wait closes the pipe
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

// refusal is the first answer that is not 200 after the signal.
func (p *process) refusal(t *testing.T) *http.Response {
	t.Helper()
	for {
		response, err := http.Get(p.url + "/health") //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return response
		}
	}
}

func TestMainFailsWhereThePortIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	command := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // the test binary itself
	command.Env = append(os.Environ(), childPort+"="+port)
	output, err := command.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(output), "address already in use") {
		t.Errorf("%v: %s", err, output)
	}
}
