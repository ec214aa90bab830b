package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/emulators/local"
	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/serve"
)

const (
	// hostileRequests of all attacks are sent, hostileAtOnce at a time; WITNESS=1 sends all.
	hostileRequests = 1000
	hostileAtOnce   = 8
	// hostileMemory is what the process of all functions may need at most (VmHWM).
	hostileMemory = 128 << 20
	// hostileServer makes a test binary the process that is attacked.
	hostileServer = "HOSTILE_SERVER"
)

// hostileTarget is what the attacked process tells about itself.
type hostileTarget struct {
	Gateway   string
	Functions map[string]string
	Company   string
	Key       string // of the company
}

// TestHostileRequests attacks a process with all functions behind the gateway: it answers, does not crash,
// logs each of its own faults, and stays small.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	p := startHostileServer(t)
	var group errgroup.Group
	group.Go(func() error { return slowloris(t.Context(), p.target.Gateway) })
	group.Go(func() error { return p.attackAll(t.Context()) })
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	p.alive(t)
	memory := p.stop(t)
	p.checkLog(t)
	t.Logf("statuses %v, VmHWM %d MiB; the gateway lost its line to the function in %q", p.statuses, memory>>20, p.cut)
	if memory > hostileMemory {
		t.Errorf("VmHWM is %d MiB, at most %d are allowed", memory>>20, hostileMemory>>20)
	}
}

// hostileProcess is the attacked process.
type hostileProcess struct {
	target hostileTarget
	stdin  io.WriteCloser
	out    *bufio.Reader
	log    string // path
	wait   func() error

	mu       sync.Mutex
	statuses map[int]int
	faults   map[string]string // request ids of 5xx, and what was asked
	cut      []string
}

func startHostileServer(t *testing.T) *hostileProcess {
	t.Helper()
	p := &hostileProcess{log: filepath.Join(t.TempDir(), "log"), statuses: map[int]int{}, faults: map[string]string{}}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostileServer$", "-test.timeout=5m")
	command.Env = append(os.Environ(), hostileServer+"="+p.log, "GOMEMLIMIT=80MiB") // as download-received's main sets
	command.Stderr = os.Stderr
	var err error
	p.stdin, err = command.StdinPipe()
	check(t, err)
	out, err := command.StdoutPipe()
	check(t, err)
	p.out = bufio.NewReader(out)
	check(t, command.Start())
	p.wait = command.Wait
	line, err := p.out.ReadString('\n')
	if err != nil || json.Unmarshal([]byte(line), &p.target) != nil {
		t.Fatalf("the server said %q, %v", line, err)
	}
	return p
}

// stop ends the server and tells its greatest memory.
func (p *hostileProcess) stop(t *testing.T) int64 {
	t.Helper()
	check(t, p.stdin.Close())
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the server crashed: %v", err)
	}
	memory, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	check(t, err)
	_, err = io.Copy(io.Discard, p.out)
	check(t, err)
	check(t, p.wait())
	return memory
}

// alive asks every function for its health.
func (p *hostileProcess) alive(t *testing.T) {
	t.Helper()
	for name, url := range p.target.Functions {
		answer, err := http.Get(url + serve.HealthPath) //nolint:noctx // a test
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s afterwards: %v", name, err)
			continue
		}
		check(t, answer.Body.Close())
	}
}

// checkLog looks for each fault's line, and for panics.
func (p *hostileProcess) checkLog(t *testing.T) {
	t.Helper()
	file, err := os.Open(p.log)
	check(t, err)
	defer file.Close() //nolint:errcheck // it was read
	logged := map[string]bool{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line struct {
			Severity  string `json:"severity"`
			Message   string `json:"message"`
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("log: %v", err)
		}
		if line.Severity == "ERROR" || line.Severity == "WARNING" {
			logged[line.RequestID] = true
		}
		if line.Message == "panic in handler" {
			t.Errorf("panic: %.2000s", lines.Text())
		}
	}
	check(t, lines.Err())
	for id, asked := range p.faults {
		if !logged[id] {
			t.Errorf("%s has no line in the log (request %s)", asked, id)
		}
	}
}

// attackAll sends the attacks in turn, through the gateway and to the functions.
func (p *hostileProcess) attackAll(ctx context.Context) error {
	attacks := hostileAttacks(p.target.Company, p.target.Key)
	if os.Getenv("WITNESS") == "" {
		attacks = attacks[:hostileRequests]
	}
	var group errgroup.Group
	group.SetLimit(hostileAtOnce)
	for i, a := range attacks {
		url := p.target.Functions[a.function]
		if i%2 == 0 {
			url = p.target.Gateway
		}
		group.Go(func() error { return p.attack(ctx, i, strings.TrimPrefix(url, "http://"), a) })
	}
	return group.Wait()
}

// attack writes one request as it stands, with no client that would mend it, and reads what comes back.
func (p *hostileProcess) attack(ctx context.Context, i int, address string, a hostileAttack) error {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("attack %d, %s: %w", i, a.name, err)
	}
	defer connection.Close() //nolint:errcheck // it is over
	if err := connection.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	go a.send(connection, address) // the server may answer and hang up before it has read all
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("attack %d, %s: no answer", i, a.name)
	}
	if err != nil {
		return nil //nolint:nilerr // it hung up, which is an answer
	}
	defer answer.Body.Close() //nolint:errcheck // read below
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.statuses[answer.StatusCode]++
	asked := fmt.Sprintf("attack %d on %s, %s: %s", i, a.function, a.name, answer.Status)
	id := answer.Header.Get("X-Request-Id")
	switch {
	case answer.StatusCode < http.StatusInternalServerError || answer.StatusCode == http.StatusHTTPVersionNotSupported:
	case id != "":
		p.faults[id] = asked
	case answer.StatusCode == http.StatusServiceUnavailable: // the gateway's own, whose line to the function was cut
		p.cut = append(p.cut, asked)
	default:
		return errors.New(asked)
	}
	return nil
}

// slowloris holds connections to the gateway open with headers that never end. It hangs up on each in time.
func slowloris(ctx context.Context, gateway string) error {
	var group errgroup.Group
	for range 100 {
		group.Go(func() error {
			var dialer net.Dialer
			connection, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(gateway, "http://"))
			if err != nil {
				return err
			}
			defer connection.Close() //nolint:errcheck // it is over
			if _, err := io.WriteString(connection, "GET /v1/companies/x HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
				return err
			}
			if err := connection.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, connection); errors.Is(err, os.ErrDeadlineExceeded) {
				return errors.New("the gateway lets a slow client hold its connection")
			}
			return nil
		})
	}
	return group.Wait()
}

// TestHostileServer is the attacked process; alone it does nothing.
func TestHostileServer(t *testing.T) {
	path := os.Getenv(hostileServer)
	if path == "" {
		t.Skip("started by TestHostileRequests")
	}
	file, err := os.Create(path)
	check(t, err)
	defer file.Close() //nolint:errcheck // its lines are written at once
	world, firms, _ := worldOf(t)
	keys, err := company.ReadSIIKeys(filepath.Join(world, "sii"))
	check(t, err)
	w := newAccessWorldOf(t, serve.NewLogger(file, "proj"), keys)
	w.onboard(t, world, firms[0])
	target := hostileTarget{
		Gateway: w.gateway(t), Functions: w.urls, Company: firms[0].RUT, Key: w.key(t, firms[0].RUT, access.Scopes()...),
	}
	text, err := json.Marshal(target)
	check(t, err)
	fmt.Println(string(text))
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent has enough
	fmt.Println(greatestMemory(t))
}

// onboard lets a company of the world issue, so that attacks come as far as they can.
func (w *accessWorld) onboard(t *testing.T, world string, f firm) {
	t.Helper()
	path := "/v1/companies/" + f.RUT
	put := func(method, path string, v any) {
		t.Helper()
		body, raw := v.([]byte)
		if !raw {
			var err error
			body, err = json.Marshal(v)
			check(t, err)
		}
		if status, text := w.call(t, accessRoute{function: "onboard", method: method, path: path, body: string(body)}, accessBootstrap); status/100 != 2 {
			t.Fatalf("%s: %d %s", path, status, text)
		}
	}
	put(http.MethodPut, path, map[string]any{
		"RznSoc": f.RznSoc, "GiroEmis": f.Giro, "Acteco": []int{f.Acteco}, "DirOrigen": f.Direccion, "CmnaOrigen": f.Comuna,
		"certificacion": map[string]any{"FchResol": f.FchResol, "NroResol": f.NroResol},
	})
	put(http.MethodPut, path+"/certificate", map[string]any{"pfx": file(t, world, "certs", f.ID+"-modern.pfx"), "password": f.PFXPassword})
	cafs, err := filepath.Glob(filepath.Join(world, "caf", f.ID, "33-1-100*.xml"))
	if err != nil || len(cafs) == 0 {
		t.Fatalf("the world has no CAF: %v", err)
	}
	put(http.MethodPost, path+"/cafs", file(t, cafs[0]))
}

// gateway serves the functions behind the gateway of the local stack.
func (w *accessWorld) gateway(t *testing.T) string {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		function, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		http.StripPrefix("/"+function, w.handlers[function]).ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	address := l.Addr().String()
	check(t, l.Close())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- local.Parts{GatewayAddr: address, ControlAddr: "127.0.0.1:0", FunctionURL: front.URL + "/{function}"}.Gateway(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("gateway: %v", err)
		}
	})
	w.awaitGateway(t, address)
	return "http://" + address
}

func (w *accessWorld) awaitGateway(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if connection, err := net.Dial("tcp", address); err == nil { //nolint:noctx // a test
			check(t, connection.Close())
			return
		}
	}
	t.Fatal("the gateway does not listen")
}

// greatestMemory is VmHWM of this process, in bytes; 0 where the system does not tell.
func greatestMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
	fields := strings.Fields(string(rest))
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	check(t, err)
	return kilobytes << 10
}
