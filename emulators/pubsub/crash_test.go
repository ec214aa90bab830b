package pubsub_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"timbre/emulators/pubsub"
)

// childDir is the variable that makes this test binary a server in that folder.
const childDir = "PUBSUB_TEST_CHILD_DIR"

// serveUntilKilled is the child: it tells its addresses on standard output and
// ends with its parent.
func serveUntilKilled(dir string) {
	config, err := pubsub.LoadConfig(filepath.Join(dir, "config.json"))
	if err == nil {
		var server *pubsub.Server
		server, err = pubsub.Start(pubsub.Options{
			Dir: dir, Config: config, Speed: 100, MinSize: 1 << 16, Logger: slog.New(slog.DiscardHandler),
		})
		if err == nil {
			fmt.Println(server.Addr(), server.AdminURL())
			_, err = io.Copy(io.Discard, os.Stdin)
		}
	}
	fmt.Fprintln(os.Stderr, "child:", err)
	os.Exit(1)
}

type child struct {
	process   *exec.Cmd
	addr, url string
}

func startChild(t *testing.T, dir string) child {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.CommandContext(t.Context(), binary)
	process.Env = append(os.Environ(), childDir+"="+dir)
	process.Stderr = os.Stderr
	_, stdinErr := process.StdinPipe() // ends with this process
	stdout, err := process.StdoutPipe()
	if err != nil || stdinErr != nil {
		t.Fatal(err, stdinErr)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, url, found := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || !found {
		t.Fatalf("child said %q: %v", line, err)
	}
	return child{process: process, addr: addr, url: url}
}

// kill is kill -9.
func (c child) kill(t *testing.T) {
	t.Helper()
	if err := c.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.process.Wait() // says "killed", as it should
}

// ledger remembers what Publish has promised and what came.
type ledger struct {
	mu       sync.Mutex
	promised map[string]bool
	came     map[string]int
	enough   chan struct{} // closed when so many are promised
	goal     int
}

func (l *ledger) promise(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promised[key] = true
	if len(l.promised) == l.goal {
		close(l.enough)
	}
}

func (l *ledger) aim(more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.goal, l.enough = len(l.promised)+more, make(chan struct{})
}

// TestNothingIsLostOverKill publishes with several workers, kills the server in
// the middle, again and again, and wants to see each acknowledged message.
func TestNothingIsLostOverKill(t *testing.T) {
	t.Parallel()
	rounds := 2
	if os.Getenv("WITNESS") == "1" {
		rounds = 20
	}
	book := &ledger{promised: map[string]bool{}, came: map[string]int{}}
	url, _ := endpoint(t, func(w http.ResponseWriter, p push) {
		if rand.IntN(3) == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		book.mu.Lock()
		defer book.mu.Unlock()
		book.came[string(p.body.Message.Data)]++
	})
	dir := t.TempDir()
	text, err := json.Marshal(config(pubsub.Subscription{Endpoint: url, AckDeadline: pubsub.Duration(600 * time.Second)}))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		publishUntilKilled(t, dir, round, book)
	}
	last := startChild(t, dir)
	waitUntilDelivered(t, last.url)
	last.kill(t)
	book.check(t)
}

func publishUntilKilled(t *testing.T, dir string, round int, book *ledger) {
	t.Helper()
	server := startChild(t, dir)
	c := connect(t, server.addr)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	book.aim(200 + rand.IntN(800))
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() { publishMany(ctx, c, fmt.Sprintf("%d/%d", round, worker), book) })
	}
	ended := make(chan struct{})
	go func() {
		workers.Wait()
		close(ended)
	}()
	select {
	case <-book.enough:
	case <-ended:
		t.Fatal("the server refused before it was killed")
	}
	server.kill(t)
	cancel()
	<-ended
}

// publishMany publishes until the server is gone and ctx with it. The batching
// publisher of the official client would go on trying for a minute after that.
func publishMany(ctx context.Context, c *client.Client, prefix string, book *ledger) {
	for n := 0; ; n++ {
		key := fmt.Sprintf("%s/%d", prefix, n)
		_, err := c.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{
			Topic: topic, Messages: []*pubsubpb.PubsubMessage{{Data: []byte(key)}},
		})
		if err != nil {
			return
		}
		book.promise(key)
	}
}

func waitUntilDelivered(t *testing.T, url string) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		var state pubsub.State
		if err := json.Unmarshal(get(t, url+"/debug/state"), &state); err != nil {
			t.Fatal(err)
		}
		if state.Subscriptions[sub].Pending == 0 {
			return
		}
		<-ticker.C
	}
}

func (l *ledger) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	twice := 0
	for key := range l.promised {
		switch l.came[key] {
		case 0:
			t.Errorf("message %s was acknowledged and never came", key)
		case 1:
		default:
			twice++
		}
	}
	t.Logf("%d acknowledged, all came; %d of them more than once", len(l.promised), twice)
}
