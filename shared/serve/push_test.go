package serve_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/shared/event"
	"timbre/shared/problem"
	"timbre/shared/serve"
)

type delivery struct {
	Topic   event.Topic
	Message string
	Attempt int
}

func wrapped(message string, attempt int) string {
	return fmt.Sprintf(`{"deliveryAttempt":%d,"message":{"attributes":{},"data":"%s","messageId":"1","message_id":"1","publishTime":"2026-11-24T10:00:00Z"},"subscription":"projects/p/subscriptions/s"}`,
		attempt, base64.StdEncoding.EncodeToString([]byte(message)))
}

func TestPush(t *testing.T) {
	t.Parallel()
	fault := errors.New("bucket is gone")
	cases := map[string]struct {
		topic, media, body string
		err                error
		status             int
		want               *delivery
		logged             bool // given up
	}{
		"wrapped push":       {topic: "dte-signed", body: wrapped(`{"folio":1}`, 5), status: 204, want: &delivery{"dte-signed", `{"folio":1}`, 5}},
		"without an attempt": {topic: "dte-sent", body: `{"message":{"data":"e30="}}`, status: 204, want: &delivery{"dte-sent", `{}`, 0}},
		"Eventarc, structured": {
			topic: "dte-signed", media: "application/cloudevents+json", status: 204, want: &delivery{"dte-signed", `{}`, 2},
			body: `{"specversion":"1.0","type":"google.cloud.pubsub.topic.v1.messagePublished","data":` + wrapped(`{}`, 2) + `}`,
		},
		"to be delivered again":       {topic: "dte-signed", body: wrapped(`{}`, 1), err: fault, status: 500, want: &delivery{"dte-signed", `{}`, 1}},
		"unavailable":                 {topic: "dte-signed", body: wrapped(`{}`, 1), err: problem.Wrap(problem.Unavailable, "", fault), status: 503, want: &delivery{"dte-signed", `{}`, 1}},
		"a 4xx would mean the sender": {topic: "dte-signed", body: wrapped(`{}`, 1), err: problem.New(problem.NotFound, ""), status: 500, want: &delivery{"dte-signed", `{}`, 1}},
		"given up":                    {topic: "dte-signed", body: wrapped(`{}`, 1), err: fmt.Errorf("x: %w", serve.Permanent(fault)), status: 204, want: &delivery{"dte-signed", `{}`, 1}, logged: true},
		"not JSON":                    {topic: "dte-signed", body: `<xml/>`, status: 204, logged: true},
		"no message":                  {topic: "dte-signed", body: `{}`, status: 204, logged: true},
		"message not JSON":            {topic: "dte-signed", body: wrapped(`{`, 1), status: 204, logged: true},
		"unknown topic":               {topic: "nonsense", body: wrapped(`{}`, 1), status: 404},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *delivery
			log := &logs{}
			push := serve.Push(serve.NewLogger(log, ""), func(_ context.Context, topic event.Topic, message json.RawMessage, attempt int) error {
				got = &delivery{topic, string(message), attempt}
				return c.err
			})
			url, _ := start(t, serve.Options{}, map[string]http.HandlerFunc{"POST " + serve.PushPath: push.ServeHTTP})
			response, text := call(t, http.MethodPost, url+"/_push/"+c.topic, strings.NewReader(c.body), "Content-Type", c.media)
			if response.StatusCode != c.status {
				t.Errorf("%d %s", response.StatusCode, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if logged := len(log.find(t, "message given up")) == 1; logged != c.logged {
				t.Errorf("given up in the log: %v", logged)
			}
		})
	}
}

func TestPushInBinaryMode(t *testing.T) {
	t.Parallel()
	var got string
	log := serve.NewLogger(&logs{}, "")
	push := serve.Push(log, func(_ context.Context, _ event.Topic, message json.RawMessage, _ int) error {
		got = string(message)
		return nil
	})
	url, _ := start(t, serve.Options{}, map[string]http.HandlerFunc{"POST " + serve.PushPath: push.ServeHTTP})
	response, _ := call(t, http.MethodPost, url+"/_push/dte-sent", strings.NewReader(wrapped(`{"n":1}`, 0)),
		"Content-Type", "application/json", "Ce-Type", "google.cloud.pubsub.topic.v1.messagePublished", "Ce-Specversion", "1.0")
	if response.StatusCode != 204 || got != `{"n":1}` {
		t.Errorf("%d %s", response.StatusCode, got)
	}
}

func TestTickRunsOneAtATime(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	runs := 0
	log := serve.NewLogger(&logs{}, "")
	tick := serve.Tick(log, func(_ context.Context, now time.Time) error {
		if runs++; runs == 1 {
			close(begun)
			<-release
		}
		if now.IsZero() {
			return errors.New("no time")
		}
		return nil
	})
	url, _ := start(t, serve.Options{}, map[string]http.HandlerFunc{"POST " + serve.TickPath: tick.ServeHTTP})
	first := make(chan int)
	go func() {
		response, err := http.Post(url+serve.TickPath, "", http.NoBody) //nolint:noctx // a test
		if err != nil {
			first <- 0
			return
		}
		_ = response.Body.Close()
		first <- response.StatusCode
	}()
	<-begun
	if response, _ := call(t, http.MethodPost, url+serve.TickPath, nil); response.StatusCode != 204 {
		t.Errorf("a tick meanwhile: %d", response.StatusCode)
	}
	close(release)
	if status := <-first; status != 204 || runs != 1 {
		t.Errorf("status %d, %d runs", status, runs)
	}
	if response, _ := call(t, http.MethodPost, url+serve.TickPath, nil); response.StatusCode != 204 || runs != 2 {
		t.Errorf("status %d, %d runs", response.StatusCode, runs)
	}
}

func TestTickReportsItsFault(t *testing.T) {
	t.Parallel()
	log := &logs{}
	tick := serve.Tick(serve.NewLogger(log, ""), func(context.Context, time.Time) error { return errors.New("listing stopped") })
	url, _ := start(t, serve.Options{}, map[string]http.HandlerFunc{"POST " + serve.TickPath: tick.ServeHTTP})
	if response, _ := call(t, http.MethodPost, url+serve.TickPath, nil); response.StatusCode != 500 {
		t.Errorf("status %d", response.StatusCode)
	}
	if lines := log.find(t, "request failed"); len(lines) != 1 || lines[0]["error"] != "listing stopped" {
		t.Errorf("log %v", lines)
	}
}
