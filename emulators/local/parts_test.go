package local_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/local"
)

func TestPrepare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parts := local.Parts{
		World: filepath.Join(dir, "world"), ConfigDir: filepath.Join(dir, "config"), FunctionURL: "http://{function}:8080",
		MailIMAP: "mail:1143", BootstrapKey: "bootstrap_x",
	}
	if err := os.Mkdir(parts.ConfigDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := parts.Prepare(); err != nil {
		t.Fatal(err)
	}
	first := read(t, filepath.Join(parts.World, "companies.json"))
	if err := parts.Prepare(); err != nil {
		t.Fatalf("again: %v", err)
	}
	if diff := cmp.Diff(first, read(t, filepath.Join(parts.World, "companies.json"))); diff != "" {
		t.Errorf("the second time made another world: %s", diff)
	}
	if text := read(t, filepath.Join(parts.World, "mail.json")); !strings.Contains(text, `"address"`) {
		t.Errorf("the mail emulator is told of no mailbox: %s", text)
	}
	var names []string
	for _, path := range globbed(t, parts.ConfigDir, "*", "*/*") {
		names = append(names, strings.TrimPrefix(path, parts.ConfigDir+"/"))
	}
	if diff := cmp.Diff([]string{"pubsub.json", "scheduler.json", "sii", "sii/100.pub", "sii/300.pub"}, names); diff != "" {
		t.Errorf("what functions see: %s", diff)
	}
	for file, want := range map[string]string{
		"pubsub.json": `"endpoint": "http://send:8080/_push/dte-signed"`, "scheduler.json": `"url": "http://poll-status:8080"`,
	} {
		if text := read(t, filepath.Join(parts.ConfigDir, file)); !strings.Contains(text, want) {
			t.Errorf("%s lacks %s:\n%s", file, want, text)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func globbed(t *testing.T, dir string, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, paths...)
	}
	return all
}

// TestGatewayTurns lets another server take a function over while a slow request is with the first: the
// turn is over when that has its answer, and what comes meanwhile is the second's.
func TestGatewayTurns(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			close(arrived)
			<-release
		}
		fmt.Fprint(w, "first")
	}))
	t.Cleanup(first.Close)
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "second") }))
	t.Cleanup(second.Close)
	parts := freeParts(t, first.URL)
	runGateway(t, parts)

	client := local.NewClient(parts.GatewayURL, "")
	slow, turned := make(chan string), make(chan error)
	go func() { slow <- answerOf(t, client, http.MethodPost) }()
	<-arrived
	go func() { turned <- parts.Turn(t.Context(), "onboard", second.URL) }()
	for answerOf(t, client, http.MethodGet) != "second" { // the turn begins without a sign of it
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-turned:
		t.Errorf("the turn is over (%v), though a request has no answer", err)
	default:
	}
	close(release)
	if got := <-slow; got != "first" {
		t.Errorf("the slow request has %q", got)
	}
	if err := <-turned; err != nil {
		t.Error(err)
	}
	for _, bad := range []struct {
		function, to string
		status       int
	}{{"pubsub", second.URL, http.StatusNotFound}, {"onboard", "nowhere", http.StatusBadRequest}} {
		if got := statusOf(parts.Turn(t.Context(), bad.function, bad.to)); got != bad.status {
			t.Errorf("turn %s to %s: status %d, want %d", bad.function, bad.to, got, bad.status)
		}
	}
}

func answerOf(t *testing.T, client *local.Client, method string) string {
	answer, err := client.Call(t.Context(), method, "/v1/companies/76192083-9", nil)
	if err != nil {
		t.Error(err)
	}
	return string(answer)
}

// freeParts are the settings of a gateway on free ports; every function is found at the address.
func freeParts(t *testing.T, functions string) local.Parts {
	t.Helper()
	var addresses []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // nothing was sent
		addresses = append(addresses, l.Addr().String())
	}
	return local.Parts{
		GatewayAddr: addresses[0], GatewayURL: "http://" + addresses[0], ControlAddr: addresses[1], FunctionURL: functions,
	}
}

func runGateway(t *testing.T, parts local.Parts) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- parts.Gateway(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for local.Check(t.Context(), parts.GatewayURL+"/health") != nil {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
}

// TestCompose makes sure that docker-compose.yml knows every function and tells each all that the
// supervisor does.
func TestCompose(t *testing.T) {
	t.Parallel()
	text := read(t, filepath.Join("..", "..", "docker-compose.yml"))
	for _, name := range local.Functions() {
		for _, want := range []string{"\n  " + name + ":\n", "image: timbre/" + name + "\n", "FUNCTION: " + name + "}", "\n      " + name + ": {condition: service_healthy}"} {
			if !strings.Contains(text, want) {
				t.Errorf("function %s: no %q", name, want)
			}
		}
	}
	names, err := local.FunctionEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name != "HOST" && name != "PORT" && !strings.Contains(text, "\n    "+name+": ") {
			t.Errorf("functions are not told %s", name)
		}
	}
}
