package serve_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"timbre/shared/problem"
	"timbre/shared/serve"
)

// dial opens a connection and sends the beginning of a request.
func dial(t *testing.T, url, text string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second)) // a server that hangs fails the test
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	return connection
}

func TestBodyThatStopsIsRefused(t *testing.T) {
	t.Parallel()
	url, _ := start(t, serve.Options{Stall: 150 * time.Millisecond}, map[string]http.HandlerFunc{
		"POST /": func(w http.ResponseWriter, r *http.Request) {
			var got struct{}
			problem.Write(w, r, serve.ReadJSON(w, r, 1000, &got), slog.New(slog.DiscardHandler))
		},
		"PUT /": func(w http.ResponseWriter, _ *http.Request) { // does not care for the body
			_, _ = io.WriteString(w, "short")
		},
		"DELETE /": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("long ", 2000))
		},
	})
	for begin, want := range map[string]string{"POST": "demasiado lento", "PUT": "short", "DELETE": "long "} {
		connection := dial(t, url, begin+" / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		text, err := io.ReadAll(connection) // ends, since the server hangs up
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 ") || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v: %s", begin, err, text)
		}
	}
}

func TestHandlerMayWorkLongerThanAReadMayStall(t *testing.T) {
	t.Parallel()
	url, _ := start(t, serve.Options{Stall: 20 * time.Millisecond}, map[string]http.HandlerFunc{
		"POST /": func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				t.Error("the context of a request at work has ended")
			case <-time.After(100 * time.Millisecond):
			}
			w.WriteHeader(http.StatusNoContent)
		},
	})
	for range 2 { // twice on one connection
		if response, _ := call(t, http.MethodPost, url+"/", strings.NewReader("text")); response.StatusCode != 204 {
			t.Errorf("status %d", response.StatusCode)
		}
	}
}

func TestAnswerThatNobodyReadsIsGivenUp(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	url, _ := start(t, serve.Options{Stall: 20 * time.Millisecond}, map[string]http.HandlerFunc{
		"GET /": func(w http.ResponseWriter, _ *http.Request) {
			chunk := make([]byte, 1<<20)
			for {
				if _, err := w.Write(chunk); err != nil {
					ended <- err
					return
				}
			}
		},
	})
	dial(t, url, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
