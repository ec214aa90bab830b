package local_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"timbre/emulators/local"
)

const (
	requests = 1000
	callers  = 16
)

// start runs a stack in folders of the test's own.
func start(t *testing.T, binaries, world string) *local.Stack {
	t.Helper()
	dir := t.TempDir()
	stack, err := local.Start(t.Context(), local.Options{
		World: world, StateDir: filepath.Join(dir, "state"), KeyFile: filepath.Join(dir, "key"), BinDir: binaries,
		GatewayAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0", SIISpeed: "600", TickEvery: "1s",
	}, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	return stack
}

// restartAll restarts every function in turn and says when it is done.
func restartAll(t *testing.T, s *local.Stack) (done <-chan struct{}) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, name := range local.Functions() {
			if err := s.Restart(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
	}()
	return ended
}

// load calls from many callers at once: at least the requests, and more until done. It tells how many.
func load(done <-chan struct{}, call func(n int)) int {
	var all sync.WaitGroup
	var sent atomic.Int64
	for range callers {
		all.Go(func() {
			for {
				n := int(sent.Add(1))
				if n > requests && closed(done) {
					return
				}
				call(n)
			}
		})
	}
	all.Wait()
	return int(sent.Load()) - callers
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestRestartUnderLoad restarts every function while requests come, from processes that die in the midst
// of their work when they are told to end: each request has its whole answer all the same.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	stack := start(t, fakeBinaries(t), smallWorld(t))
	paths := []struct{ method, path string }{
		{http.MethodPost, "/v1/documents"}, {http.MethodPost, "/v1/outbox:flush"},
		{http.MethodGet, "/v1/documents/76192083-9/33/1"}, {http.MethodGet, "/v1/companies/76192083-9"},
	}
	var served [4]sync.Map // the processes that answered, by path
	sent := load(restartAll(t, stack), func(n int) {
		which := n % len(paths)
		got, err := ask(t, stack.Client, paths[which].method, paths[which].path, fmt.Sprint("order ", n))
		if err != nil {
			t.Errorf("request %d: %v", n, err)
			return
		}
		served[which].Store(got.PID, true)
	})
	for i, path := range paths {
		processes := 0
		served[i].Range(func(any, any) bool { processes++; return true })
		if processes != 2 {
			t.Errorf("%s was served by %d processes, want the old and the new", path.path, processes)
		}
	}
	t.Logf("%d requests answered", sent)
}

// ask calls a child and makes sure that the answer is whole, and the caller's own.
func ask(t *testing.T, client *local.Client, method, path, body string) (echo, error) {
	t.Helper()
	answer, err := client.Call(t.Context(), method, path, []byte(body))
	if err != nil {
		return echo{}, err
	}
	var got echo
	if err := json.Unmarshal(answer, &got); err != nil {
		return echo{}, fmt.Errorf("%q: %w", answer, err)
	}
	if got.Path != path || got.Body != body {
		return echo{}, fmt.Errorf("another's answer: %+v", got)
	}
	return got, nil
}

func TestRestartByHTTP(t *testing.T) {
	t.Parallel()
	stack := start(t, fakeBinaries(t), smallWorld(t))
	pid := func() int {
		got, err := ask(t, stack.Client, http.MethodPost, "/v1/documents", "x")
		if err != nil {
			t.Fatal(err)
		}
		return got.PID
	}
	supervisor := local.NewClient(stack.Supervisor, "")
	for _, test := range []struct {
		name, path string
		status     int // of a refusal, 0 for none
		changes    bool
	}{
		{"one", "/_local/restart/generate-sign", 0, true},
		{"another", "/_local/restart/send", 0, false},
		{"all", "/_local/restart", 0, true},
		{"unknown", "/_local/restart/pubsub", http.StatusNotFound, false},
	} {
		before := pid()
		_, err := supervisor.Call(t.Context(), http.MethodPost, test.path, nil)
		if got := statusOf(err); got != test.status {
			t.Errorf("%s: status %d, want %d (%v)", test.name, got, test.status, err)
		}
		if changed := pid() != before; changed != test.changes {
			t.Errorf("%s: another process: %v, want %v", test.name, changed, test.changes)
		}
	}
	gateway := local.NewClient(stack.Client.Base, "")
	if _, err := gateway.Call(t.Context(), http.MethodPost, "/_local/restart", nil); statusOf(err) != http.StatusNotFound {
		t.Errorf("the gateway takes restarts: %v", err)
	}
}
