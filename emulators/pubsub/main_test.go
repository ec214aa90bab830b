package pubsub_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"timbre/emulators/oidc"
	"timbre/emulators/pubsub"
)

const (
	project = "timbre-test"
	topic   = "projects/timbre-test/topics/dte-signed"
	dead    = "projects/timbre-test/topics/dte-signed-dead"
	sub     = "projects/timbre-test/subscriptions/send"
	deadSub = "projects/timbre-test/subscriptions/dead"
	account = "push@timbre-test.iam.gserviceaccount.com"
)

// TestMain lets the crash test run this binary as the server's process.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		serveUntilKilled(dir)
	}
	os.Exit(m.Run())
}

var sharedIssuer = sync.OnceValues(oidc.New)

func start(t testing.TB, o pubsub.Options) *pubsub.Server {
	t.Helper()
	issuer, err := sharedIssuer()
	if err != nil {
		t.Fatal(err)
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Issuer = issuer
	o.Logger = slog.New(slog.DiscardHandler)
	server, err := pubsub.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t testing.TB, server *pubsub.Server) {
	t.Helper()
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}

func connect(t testing.TB, addr string) *client.Client {
	t.Helper()
	c, err := client.NewClient(t.Context(), project, option.WithEndpoint(addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func publish(t testing.TB, c *client.Client, m *client.Message) string {
	t.Helper()
	publisher := c.Publisher(topic)
	defer publisher.Stop()
	id, err := publisher.Publish(t.Context(), m).Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// push is what an endpoint got.
type push struct {
	at     time.Time
	header http.Header
	text   string
	body   struct {
		DeliveryAttempt int
		Message         struct {
			Attributes map[string]string
			Data       []byte
			MessageID  string `json:"messageId"`
		}
		Subscription string
	}
}

// endpoint hands each push to the test and answers what respond does.
func endpoint(t testing.TB, respond func(http.ResponseWriter, push)) (string, <-chan push) {
	t.Helper()
	pushes := make(chan push, 1<<16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		got := push{at: time.Now(), header: r.Header, text: string(text)}
		if err != nil || json.Unmarshal(text, &got.body) != nil {
			t.Errorf("push %q: %v", text, err)
		}
		pushes <- got
		respond(w, got)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/_push/dte-signed", pushes
}

func ok(http.ResponseWriter, push) {}

// config has one topic with a dead letter topic that can be pulled.
func config(s pubsub.Subscription) pubsub.Config {
	s.Name, s.Topic = "send", "dte-signed"
	return pubsub.Config{
		Project:       project,
		Topics:        []string{"dte-signed", "dte-signed-dead"},
		Subscriptions: []pubsub.Subscription{s, {Name: "dead", Topic: "dte-signed-dead"}},
	}
}

func pull(t testing.TB, c *client.Client, name string) []*pubsubpb.ReceivedMessage {
	t.Helper()
	answer, err := c.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: name, MaxMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetReceivedMessages()
}
