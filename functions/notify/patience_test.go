package notify_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"timbre/functions/notify"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/store"
)

// TestPatience has receivers that take their time, in virtual time.
func TestPatience(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	for name, c := range map[string]struct {
		serve func(net.Conn)
		took  time.Duration
		taken bool
	}{
		"silent":              {func(conn net.Conn) {}, 10 * time.Second, false},
		"half a header":       {func(conn net.Conn) { io.WriteString(conn, head) }, 10 * time.Second, false}, //nolint:errcheck // it is closed
		"never ending header": {func(conn net.Conn) { endless(conn, head, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 0) }, 0, false},
		"never ending answer": {func(conn net.Conn) { endless(conn, head+"\r\n", strings.Repeat("x", 1000), 0) }, 0, true},
		"dripping answer":     {func(conn net.Conn) { endless(conn, head+"\r\n", "x", time.Second) }, 10 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.company(issuer, "http://receiver.example/", newSecret)
				r.issue(invoice(issuer, 1))
				messages := r.changed(invoice(issuer, 1), event.StatusBlocked)
				pipes := &pipes{serve: c.serve}
				h, err := notify.New(notify.Config{AllowPrivateHosts: true}, notify.Deps{
					State: r.state, Companies: company.NewDirectory(r.state, r.clock), Secrets: r.secrets,
					Dial: pipes.dial, Guard: r, Logger: slog.New(slog.DiscardHandler), Now: r.clock,
				})
				if err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				r.pushed(h, messages[0])
				if took := time.Since(begin); took != c.took {
					t.Errorf("it took %s, want %s", took, c.took)
				}
				if taken := len(r.names("delivered/")) == 1; taken != c.taken {
					t.Errorf("taken: %v, want %v", taken, c.taken)
				}
				if again := len(r.names(store.DuePrefix)) == 1; again == c.taken {
					t.Errorf("due: %v", r.names(store.DuePrefix))
				}
				pipes.close()
			})
		})
	}
}

// pipes connect to a receiver in this process.
type pipes struct {
	serve func(net.Conn)

	mu      sync.Mutex
	open    []net.Conn
	serving sync.WaitGroup
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, client, server)
	p.serving.Go(func() {
		request := make([]byte, http.DefaultMaxHeaderBytes)
		if _, err := server.Read(request); err != nil {
			return
		}
		go io.Copy(io.Discard, server) //nolint:errcheck // what follows of the request
		p.serve(server)
	})
	return client, nil
}

func (p *pipes) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.open {
		conn.Close() //nolint:errcheck // the test is over
	}
	p.serving.Wait()
}

// endless writes until nobody reads.
func endless(conn net.Conn, first, then string, pause time.Duration) {
	_, err := io.WriteString(conn, first)
	for err == nil {
		time.Sleep(pause)
		_, err = io.WriteString(conn, then)
	}
}
