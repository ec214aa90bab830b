package gcs_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"

	"timbre/emulators/gcs"
)

func turn(tb testing.TB, srv *gcs.Server, d gcs.Dials) {
	tb.Helper()
	if err := srv.SetDials(d); err != nil {
		tb.Fatal(err)
	}
}

func TestOneWriteASecond(t *testing.T) {
	t.Parallel()
	var clock clock
	opt := options()
	opt.Now = clock.now
	opt.Dials.WritesPerSecond = 1
	srv := start(t, opt)
	b := client(t, srv.URL()).Bucket(state)
	o := b.Object("hot")
	mustPut(t, o, "1")
	for _, verb := range []string{"insert", "patch", "delete"} {
		if err := verbs[verb](t.Context(), o); status(err) != http.StatusTooManyRequests || reason(err) != "rateLimitExceeded" {
			t.Errorf("%s at once: %v, want 429 rateLimitExceeded", verb, err)
		}
	}
	for _, verb := range []string{"get", "read"} {
		if err := verbs[verb](t.Context(), o); err != nil {
			t.Errorf("%s at once: %v", verb, err)
		}
	}
	mustPut(t, b.Object("other"), "1")
	clock.advance(999 * time.Millisecond)
	if err := verbs["insert"](t.Context(), o); status(err) != http.StatusTooManyRequests {
		t.Errorf("after 999 ms: %v, want 429", err)
	}
	clock.advance(time.Millisecond)
	mustPut(t, o, "2")
	if got := srv.Stats().Get(state, "rate_limited"); got != 4 {
		t.Errorf("rate_limited = %d, want 4", got)
	}
}

func TestLimiterForgets(t *testing.T) {
	t.Parallel()
	l, now := gcs.NewLimiter(), time.Unix(1_800_000_000, 0)
	for i := range 30_000 {
		now = now.Add(time.Millisecond)
		if key := fmt.Sprint(i); !l.Allow(key, now) || l.Allow(key, now) {
			t.Fatalf("key %s: the first write is allowed, the second is not", key)
		}
	}
	if l.Len() > 11_000 {
		t.Errorf("%d keys are remembered", l.Len())
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	srv := start(t, options())
	turn(t, srv, gcs.Dials{Latency: gcs.Duration(30 * time.Millisecond)})
	before := time.Now()
	mustPut(t, client(t, srv.URL()).Bucket(state).Object("x"), "x")
	if took := time.Since(before); took < 30*time.Millisecond {
		t.Errorf("a call took %v, less than its latency", took)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		dials   gcs.Dials
		status  int // 0: the connection broke
		applied bool
	}{
		{"before", gcs.Dials{FailBefore: gcs.Fault{Next: 1}}, http.StatusServiceUnavailable, false},
		{"after", gcs.Dials{FailAfter: gcs.Fault{Next: 1}}, http.StatusServiceUnavailable, true},
		{"drop", gcs.Dials{DropAfter: gcs.Fault{Next: 1}}, 0, true},
		{"always", gcs.Dials{FailBefore: gcs.Fault{Probability: 1}}, http.StatusServiceUnavailable, false},
		{"this verb", gcs.Dials{FailBefore: gcs.Fault{Next: 1, Verb: "insert", Bucket: state, Prefix: "x"}}, http.StatusServiceUnavailable, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, options())
			o := client(t, srv.URL()).Bucket(state).Object("x")
			turn(t, srv, tt.dials)
			_, err := put(t.Context(), o.If(storage.Conditions{DoesNotExist: true}), "x")
			if err == nil || status(err) != tt.status {
				t.Errorf("error = %v, want status %d", err, tt.status)
			}
			if got, _, err := get(t.Context(), o); (err == nil && got == "x") != tt.applied {
				t.Errorf("read %q, %v; applied should be %v", got, err, tt.applied)
			}
			if got := srv.Stats().Get(state, "faults"); got != 1 {
				t.Errorf("faults = %d, want 1", got)
			}
		})
	}
}

func TestFaultsThatDoNotMatch(t *testing.T) {
	t.Parallel()
	srv := start(t, options())
	o := client(t, srv.URL()).Bucket(state).Object("x")
	for name, f := range map[string]gcs.Fault{
		"verb": {Next: 1, Verb: "delete"}, "bucket": {Next: 1, Bucket: archive}, "prefix": {Next: 1, Prefix: "y"},
	} {
		turn(t, srv, gcs.Dials{FailBefore: f, FailAfter: f, DropAfter: f})
		mustPut(t, o, name)
		if got := srv.Dials().FailBefore.Next; got != 1 {
			t.Errorf("%s: next = %d, want it unused", name, got)
		}
	}
}

func TestProbabilityIsDeterministic(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		opt := options()
		opt.Seed, opt.Dials.FailBefore = seed, gcs.Fault{Probability: 0.5}
		o := client(t, start(t, opt).URL()).Bucket(state).Object("x")
		var out strings.Builder
		for range 40 {
			_, err := put(t.Context(), o, "x")
			out.WriteString(map[bool]string{true: "+", false: "-"}[err == nil])
		}
		return out.String()
	}
	first := run(1)
	if second := run(1); first != second || !strings.Contains(first, "+") || !strings.Contains(first, "-") {
		t.Errorf("seed 1 gave %s, then %s", first, second)
	}
	if other := run(2); other == first {
		t.Errorf("seeds 1 and 2 both gave %s", first)
	}
}

func control(t *testing.T, srv *gcs.Server, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

func TestControlDials(t *testing.T) {
	t.Parallel()
	srv := start(t, options())
	control(t, srv, http.MethodPost, "/_control/dials", `{"latency":"30ms"}`)
	code, text := control(t, srv, http.MethodPost, "/_control/dials", `{"writes_per_second":1,"drop_after":{"next":2,"verb":"insert"}}`)
	want := gcs.Dials{Latency: gcs.Duration(30 * time.Millisecond), WritesPerSecond: 1, DropAfter: gcs.Fault{Next: 2, Verb: "insert"}}
	var got gcs.Dials
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s: %v", code, text, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answered: %s", diff)
	}
	if diff := cmp.Diff(want, srv.Dials()); diff != "" {
		t.Errorf("set: %s", diff)
	}
	for _, bad := range []string{`{"latenci":"1s"}`, `{"latency":"x"}`, `{"latency":"-1s"}`, `{"fail_after":{"probability":2}}`, `[`} {
		if code, text := control(t, srv, http.MethodPost, "/_control/dials", bad); code != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", bad, code, text)
		}
	}
	if diff := cmp.Diff(want, srv.Dials()); diff != "" {
		t.Errorf("a refused setting changed: %s", diff)
	}
	if err := srv.SetDials(gcs.Dials{WritesPerSecond: -1}); err == nil {
		t.Error("a negative rate was set")
	}
}

func TestControlStats(t *testing.T) {
	t.Parallel()
	srv := start(t, options())
	o := client(t, srv.URL()).Bucket(state).Object("x")
	mustPut(t, o, "1")
	mustPut(t, o, "2")
	_, errCreate := put(t.Context(), o.If(storage.Conditions{DoesNotExist: true}), "3")
	for verb, wanted := range map[string]error{"get": nil, "read": nil, "patch": nil} {
		if err := verbs[verb](t.Context(), o); err != wanted {
			t.Error(err)
		}
	}
	if status(errCreate) != failed {
		t.Error(errCreate)
	}
	mustPut(t, client(t, srv.URL()).Bucket(state).Object("y"), "1")
	if err := o.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	want := map[string]map[string]int64{
		state: {
			"insert": 4, "get": 1, "read": 1, "patch": 1, "delete": 1, "objects": 1,
			"created": 2, "overwritten": 1, "patched": 1, "deleted": 1, "condition_failed": 1,
		},
		archive: {"objects": 0},
	}
	code, text := control(t, srv, http.MethodGet, "/_control/stats", "")
	var got map[string]map[string]int64
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK {
		t.Fatalf("%d %s: %v", code, text, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if code, _ := control(t, srv, http.MethodDelete, "/_control/stats", ""); code != http.StatusNoContent {
		t.Errorf("reset: %d, want 204", code)
	}
	if diff := cmp.Diff(gcs.Stats{state: {"objects": 1}, archive: {"objects": 0}}, srv.Stats()); diff != "" {
		t.Error(diff)
	}
	if code, _ := control(t, srv, http.MethodGet, "/_control/nothing", ""); code != http.StatusNotFound {
		t.Errorf("unknown route: %d, want 404", code)
	}
}
