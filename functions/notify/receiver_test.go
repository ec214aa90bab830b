package notify_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/functions/notify"
)

// startReceiver runs the sample receiver of docs/ with a secret and tells its URL.
func startReceiver(t *testing.T, secret string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not here")
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("..", "..", "docs", "webhooks", "receiver.py"), "--port", "0")
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		t.Fatalf("the receiver says %q: %v", line, err)
	}
	return url
}

// deliver posts a body as whoever knows the secrets would, at a time.
func deliver(t *testing.T, url, body string, at time.Time, secrets ...string) (int, string) {
	t.Helper()
	timestamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, s := range secrets {
		signatures = append(signatures, notify.Signature([]byte(s), timestamp, []byte(body)))
	}
	return send(t, url, body, timestamp, strings.Join(signatures, ","))
}

func send(t *testing.T, url, body, timestamp, signature string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(notify.TimestampHeader, timestamp)
	request.Header.Set(notify.SignatureHeader, signature)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

const statusBody = `{"id":"certificacion.76192083-9.33.1.2","event":"document.status","at":"2026-11-24T12:00:00-03:00",` +
	`"data":{"id":"76192083-9/33/1","environment":"certificacion","status":"sent","track_id":"1","seq":2}}`

// TestSampleRefuses sends the sample receiver what it must not believe, then what it must.
func TestSampleRefuses(t *testing.T) {
	t.Parallel()
	url := startReceiver(t, newSecret)
	now := time.Now()
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signature := notify.Signature([]byte(newSecret), timestamp, []byte(statusBody))
	const refused = http.StatusUnauthorized
	for name, c := range map[string]func() (int, string){
		"forged: another secret": func() (int, string) { return deliver(t, url, statusBody, now, "whsec_guessed") },
		"forged: no signature":   func() (int, string) { return send(t, url, statusBody, timestamp, "") },
		"forged: no header":      func() (int, string) { return send(t, url, statusBody, "", "") },
		"forged: body changed": func() (int, string) {
			return send(t, url, strings.Replace(statusBody, "sent", "accepted", 1), timestamp, signature)
		},
		"forged: time changed": func() (int, string) { return send(t, url, statusBody, strconv.FormatInt(now.Unix()+1, 10), signature) },
		"forged: another version": func() (int, string) {
			return send(t, url, statusBody, timestamp, strings.Replace(signature, "v1", "v0", 1))
		},
		"forged: time is no number": func() (int, string) { return send(t, url, statusBody, "²", signature) },
		"forged: not even ASCII":    func() (int, string) { return send(t, url, statusBody, timestamp, "v1=ñ") },
		"late":                      func() (int, string) { return deliver(t, url, statusBody, now.Add(-6*time.Minute), newSecret) },
		"early":                     func() (int, string) { return deliver(t, url, statusBody, now.Add(6*time.Minute), newSecret) },
	} {
		if code, text := c(); code != refused {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	if got := documents(t, url); got != "[]" {
		t.Errorf("a refused delivery had an effect: %s", got)
	}
	steps := []struct {
		name string
		body string
		at   time.Time
		code int
		text string
	}{
		{"good, signed with both secrets", statusBody, now, 200, `{"applied": true}`},
		{"replayed", statusBody, now, 409, `{"refused": "replayed"}`},
		{"delivered again, its id is seen", statusBody, now.Add(-time.Second), 200, `{"applied": false}`},
		{"older change", strings.NewReplacer(".1.2", ".1.1", `"sent"`, `"sending"`, `"seq":2`, `"seq":1`).Replace(statusBody), now, 200, `{"applied": true}`},
		{"no event", `{}`, now, 400, `{"refused": "not an event"}`},
	}
	for _, s := range steps {
		if code, text := deliver(t, url, s.body, s.at, oldSecret, newSecret); code != s.code || text != s.text {
			t.Errorf("%s: %d %s, want %d %s", s.name, code, text, s.code, s.text)
		}
	}
	if diff := cmp.Diff(`[{"id": "76192083-9/33/1", "seq": 2, "status": "sent"}]`, documents(t, url)); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

// documents is what the sample receiver knows.
func documents(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url) //nolint:gosec,noctx // our own receiver
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSampleReceives has notify deliver to the sample receiver, each message twice.
func TestSampleReceives(t *testing.T) {
	t.Parallel()
	url := startReceiver(t, oldSecret)
	r := newRig(t)
	r.now = time.Now()
	r.company(issuer, url, newSecret, oldSecret)
	h := r.instance(r.memory)
	for folio := range int64(3) {
		r.issue(invoice(issuer, folio+1))
		for _, m := range r.changed(invoice(issuer, folio+1), all...)[1:] {
			r.pushed(h, m)
			r.pushed(h, m)
		}
	}
	var got []map[string]any
	if err := json.NewDecoder(bytes.NewBufferString(documents(t, url))).Decode(&got); err != nil {
		t.Fatal(err)
	}
	var want []map[string]any
	for _, id := range []string{"76192083-9/33/1", "76192083-9/33/2", "76192083-9/33/3"} {
		want = append(want, map[string]any{"id": id, "seq": 3.0, "status": "accepted"})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	r.settled()
}
