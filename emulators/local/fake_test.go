package local_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// children are the names under which the stack starts processes; the test binary plays each of them
// when it is called so.
var children = []string{
	"gcs", "secrets", "pubsub", "sii", "scheduler", "mail",
	"generate-sign", "send", "poll-status", "onboard", "notify", "download-received",
}

func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	for _, child := range children {
		if name == child {
			fmt.Fprintln(os.Stderr, playChild())
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// playChild serves on every address that the environment names. On SIGTERM it dies at once, in the
// middle of whatever it is doing: a supervisor that ends it too early is found out.
func playChild() error {
	addresses := []string{os.Getenv("LISTEN_ADDR"), os.Getenv("ADMIN_ADDR"), os.Getenv("CONTROL_ADDR")}
	if port := os.Getenv("PORT"); port != "" {
		addresses = []string{net.JoinHostPort("127.0.0.1", port)}
	}
	ended := make(chan error)
	for _, address := range addresses {
		if address == "" {
			continue
		}
		server := &http.Server{Addr: address, Handler: http.HandlerFunc(answerInHalves), ReadHeaderTimeout: time.Minute}
		go func() { ended <- server.ListenAndServe() }()
	}
	return <-ended
}

// echo is what a child answers to whatever is not a health check.
type echo struct {
	Key  string `json:"key"` // for POST …/keys
	PID  int    `json:"pid"`
	Path string `json:"path"`
	Body string `json:"body"`
}

func answerInHalves(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/health") {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := json.Marshal(echo{Key: "key", PID: os.Getpid(), Path: r.URL.Path, Body: string(body)})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	half := len(answer) / 2
	_, _ = w.Write(answer[:half]) // a caller that went away is the caller's affair
	_ = http.NewResponseController(w).Flush()
	time.Sleep(10 * time.Millisecond) // the work of the other half
	_, _ = w.Write(answer[half:])
}

// fakeBinaries is a folder where every process of the stack is this test binary.
func fakeBinaries(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, child := range children {
		if err := os.Symlink(self, filepath.Join(dir, child)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// smallWorld has one company and nothing that costs time to make.
func smallWorld(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	companies := `[{"id":"a","rut":"76192083-9","pfx":"a.pfx"}]`
	for name, content := range map[string]string{"companies.json": companies, "a.pfx": "a certificate"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
