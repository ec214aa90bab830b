package local_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"timbre/emulators/local"
)

// behaviours are what a function's process does with a connection.
var behaviours = map[string]func(c *net.TCPConn){
	"dies at once":           func(*net.TCPConn) {},
	"dies amid the request":  func(c *net.TCPConn) { readSome(c, 200) },
	"dies behind it":         func(c *net.TCPConn) { readSome(c, 1<<30) },
	"answers, and dies":      func(c *net.TCPConn) { readSome(c, 200); answer(c) },
	"answers early, reads":   func(c *net.TCPConn) { readSome(c, 200); answer(c); readSome(c, 1<<30) },
	"answers and goes on":    func(c *net.TCPConn) { readSome(c, 1<<30); answer(c); readSome(c, 1<<30) },
	"is reset":               func(c *net.TCPConn) { readSome(c, 200); _ = c.SetLinger(0) },
	"is reset at once":       func(c *net.TCPConn) { _ = c.SetLinger(0) },
	"is reset by the answer": func(c *net.TCPConn) { readSome(c, 200); answer(c); _ = c.SetLinger(0) },
}

func readSome(c net.Conn, most int64) {
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) //nolint:errcheck // a connection of the test
	_, _ = io.CopyN(io.Discard, c, most)
}

func answer(c net.Conn) {
	_, _ = io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}")
}

// TestConnectionsOutliveABackend sends requests one after the other on each connection while the process
// behind the gateway dies in all ways: each gets an answer of the process or 503, or the connection ends. What
// is left of a request is never taken for the next one (400).
func TestConnectionsOutliveABackend(t *testing.T) {
	t.Parallel()
	sizes := []int{10, 600_000}
	if os.Getenv("WITNESS") != "" {
		sizes = []int{10, 5_000, 200_000, 300_000, 600_000, 3_000_000}
	}
	for name, behave := range behaviours {
		for _, size := range sizes {
			for _, late := range []bool{false, true} {
				for _, chunked := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, %d bytes, late %t, chunked %t", name, size, late, chunked), func(t *testing.T) {
						t.Parallel()
						converse(t, gatewayTo(t, behave), caller{size, late, chunked})
					})
				}
			}
		}
	}
}

// gatewayTo starts a gateway before a process that behaves so with every connection.
func gatewayTo(t *testing.T, behave func(*net.TCPConn)) string {
	t.Helper()
	process, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := process.Accept()
			if err != nil {
				return
			}
			go func() {
				behave(c.(*net.TCPConn))
				_ = c.Close() //nolint:errcheck // it dies
			}()
		}
	}()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := local.ServeGateway(front, "generate-sign", "http://"+process.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Close() //nolint:errcheck // the test is over
		_ = process.Close()
	})
	return front.Addr().String()
}

// caller is how requests are sent: late sends most of a body after the answer has come, or some time.
type caller struct {
	size          int
	late, chunked bool
}

func (c caller) head() string {
	length := fmt.Sprintf("Content-Length: %d", c.size)
	if c.chunked {
		length = "Transfer-Encoding: chunked"
	}
	return "POST /v1/documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + length + "\r\n\r\n"
}

func (c caller) body() string {
	text := strings.Repeat("x", c.size)
	if c.chunked {
		return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", c.size, text)
	}
	return text
}

func converse(t *testing.T, address string, how caller) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // the test is over
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	answers := bufio.NewReader(c)
	for n := range 3 {
		body := how.body()
		sent := 0
		if how.late {
			sent = len(body) / 3
		}
		if _, err := io.WriteString(c, how.head()+body[:sent]); err != nil {
			return
		}
		away := make(chan struct{})
		go func() {
			defer close(away)
			if how.late {
				time.Sleep(30 * time.Millisecond) // a slow line, not a synchronisation
			}
			_, _ = io.WriteString(c, body[sent:]) //nolint:errcheck // the answer tells
		}()
		got, err := http.ReadResponse(answers, nil)
		if err != nil {
			return // a connection may end
		}
		text, err := io.ReadAll(got.Body)
		if err != nil {
			return
		}
		if got.StatusCode != http.StatusCreated && got.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("request %d: %s %s", n, got.Status, text)
		}
		if got.Close {
			return
		}
		<-away
	}
}

// TestProblemsOfTheGatewayCarryARequestID tells callers by what to ask for a request that no function saw.
func TestProblemsOfTheGatewayCarryARequestID(t *testing.T) {
	t.Parallel()
	address := gatewayTo(t, func(*net.TCPConn) {})
	for path, want := range map[string]string{"/v1/documents": "given-1234", "/nowhere": ""} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Request-Id", want)
		got, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var problem struct {
			RequestID string `json:"request_id"`
		}
		err = json.NewDecoder(got.Body).Decode(&problem)
		if closeErr := got.Body.Close(); err != nil || closeErr != nil {
			t.Fatal(err, closeErr)
		}
		if problem.RequestID == "" || want != "" && problem.RequestID != want || got.Header.Get("X-Request-Id") != problem.RequestID {
			t.Errorf("%s: id %q, header %q", path, problem.RequestID, got.Header.Get("X-Request-Id"))
		}
	}
}
