package scheduler_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"timbre/emulators/oidc"
	"timbre/emulators/scheduler"
)

const account = "scheduler@timbre.iam.gserviceaccount.com"

var everyMoment = scheduler.Duration(5 * time.Millisecond)

func start(t *testing.T, o scheduler.Options) *scheduler.Scheduler {
	t.Helper()
	s, err := scheduler.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func target(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func TestTickIsSignedAndNamed(t *testing.T) {
	t.Parallel()
	ticks := make(chan *http.Request, 1000)
	url := target(t, func(_ http.ResponseWriter, r *http.Request) { ticks <- r })
	issuer, err := oidc.New()
	if err != nil {
		t.Fatal(err)
	}
	start(t, scheduler.Options{Issuer: issuer, Config: scheduler.Config{Interval: everyMoment, Jobs: []scheduler.Job{
		{Name: "send-tick", URL: url, Audience: "https://send.example", ServiceAccount: account},
	}}})
	r := <-ticks
	<-ticks // it goes on
	got := map[string]string{"method": r.Method, "path": r.URL.Path}
	for _, name := range []string{"User-Agent", "X-CloudScheduler", "X-CloudScheduler-JobName", "Content-Length"} {
		got[name] = r.Header.Get(name)
	}
	want := map[string]string{
		"method": "POST", "path": "/_tick",
		"User-Agent": "Google-Cloud-Scheduler", "X-CloudScheduler": "true", "X-CloudScheduler-JobName": "send-tick",
		"Content-Length": "0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := time.Parse(time.RFC3339, r.Header.Get("X-CloudScheduler-ScheduleTime")); err != nil {
		t.Error(err)
	}
	checkToken(t, issuer, r.Header.Get("Authorization"), "https://send.example")
}

func checkToken(t *testing.T, issuer *oidc.Issuer, header, audience string) {
	t.Helper()
	validator, err := idtoken.NewValidator(t.Context(), option.WithHTTPClient(issuer.Client()))
	if err != nil {
		t.Fatal(err)
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		t.Fatalf("Authorization %q", header)
	}
	payload, err := validator.Validate(t.Context(), token, audience)
	if err != nil {
		t.Fatal(err)
	}
	if payload.Claims["email"] != account {
		t.Errorf("email %v", payload.Claims["email"])
	}
}

func TestNeverTwoOfOneJob(t *testing.T) {
	t.Parallel()
	var running, most, posts atomic.Int32
	release, begun := make(chan struct{}), make(chan struct{})
	slow := target(t, func(_ http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		if posts.Add(1) == 1 {
			close(begun)
			<-release
		}
	})
	others := make(chan struct{}, 1000)
	quick := target(t, func(http.ResponseWriter, *http.Request) { others <- struct{}{} })
	start(t, scheduler.Options{Config: scheduler.Config{Interval: everyMoment, Jobs: []scheduler.Job{
		{Name: "slow", URL: slow}, {Name: "quick", URL: quick},
	}}})
	<-begun
	for range 10 { // ten more intervals pass, at least
		<-others
	}
	if got := posts.Load(); got != 1 {
		t.Errorf("%d posts while the first was running", got)
	}
	close(release)
	for posts.Load() < 5 {
		<-others
	}
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
}

func TestFailuresAreCountedAndTicksGoOn(t *testing.T) {
	t.Parallel()
	posts := make(chan int32, 1000)
	var n atomic.Int32
	url := target(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a token nobody asked for")
		}
		i := n.Add(1)
		if i <= 2 {
			http.Redirect(w, r, "/elsewhere", []int{http.StatusServiceUnavailable, http.StatusFound}[i-1])
		}
		posts <- i
	})
	s := start(t, scheduler.Options{Config: scheduler.Config{Interval: everyMoment, Jobs: []scheduler.Job{{Name: "sweep", URL: url}}}})
	for i := range posts {
		if i == 4 {
			break
		}
	}
	var state struct{ Jobs map[string]scheduler.JobState }
	if err := json.Unmarshal(get(t, s.AdminURL()+"/debug/state"), &state); err != nil {
		t.Fatal(err)
	}
	got := state.Jobs["sweep"]
	if got.Failed != 2 || got.Sent < 3 || got.Status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	if body := string(get(t, s.AdminURL()+"/health")); !strings.Contains(body, "ok") {
		t.Error(body)
	}
	if body := string(get(t, s.AdminURL()+oidc.CertsPath)); !strings.Contains(body, `"RS256"`) {
		t.Error(body)
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return body
}

func TestBadJobs(t *testing.T) {
	t.Parallel()
	good := scheduler.Job{Name: "a", URL: "http://127.0.0.1:1"}
	cases := map[string]scheduler.Config{
		"no interval":   {Jobs: []scheduler.Job{good}},
		"no name":       {Interval: everyMoment, Jobs: []scheduler.Job{{URL: good.URL}}},
		"name twice":    {Interval: everyMoment, Jobs: []scheduler.Job{good, good}},
		"no url":        {Interval: everyMoment, Jobs: []scheduler.Job{{Name: "a"}}},
		"not http":      {Interval: everyMoment, Jobs: []scheduler.Job{{Name: "a", URL: "ftp://127.0.0.1"}}},
		"negative time": {Interval: -everyMoment, Jobs: []scheduler.Job{good}},
	}
	for name, config := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := scheduler.Start(scheduler.Options{Config: config}); !errors.Is(err, scheduler.ErrJob) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"interval":"1s","jobs":[{"name":"a","url":"http://h","audience":"x","service_account":"y","interval":"1m30s"}]}`)
	got, err := scheduler.LoadConfig(path)
	want := scheduler.Config{Interval: scheduler.Duration(time.Second), Jobs: []scheduler.Job{
		{Name: "a", URL: "http://h", Audience: "x", ServiceAccount: "y", Interval: scheduler.Duration(90 * time.Second)},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if text, err := json.Marshal(want.Jobs[0].Interval); string(text) != `"1m30s"` {
		t.Error(string(text), err)
	}
	for _, bad := range []string{`{"interval":"soon"}`, `{"intervall":"1s"}`, ``} {
		write(bad)
		if _, err := scheduler.LoadConfig(path); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
