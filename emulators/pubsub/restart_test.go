package pubsub_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"timbre/emulators/pubsub"
)

func pending(server *pubsub.Server, name string) int {
	return server.State().Subscriptions[name].Pending
}

func TestRestartKeepsMessagesAndAcknowledgements(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, pubsub.Options{Dir: dir, Config: config(pubsub.Subscription{})})
	c := connect(t, first.Addr())
	kept := publish(t, c, &client.Message{Data: []byte("kept")})
	acked := publish(t, c, &client.Message{Data: []byte("acked")})
	err := c.SubscriptionAdminClient.Acknowledge(t.Context(), &pubsubpb.AcknowledgeRequest{Subscription: sub, AckIds: []string{acked}})
	if err != nil {
		t.Fatal(err)
	}
	drop(t, c, deadSub)
	if err := c.TopicAdminClient.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: topic}); err != nil {
		t.Fatal(err)
	}
	stop(t, first)

	second := start(t, pubsub.Options{Dir: dir})
	state := second.State()
	if state.Topics != 1 || len(state.Subscriptions) != 1 {
		t.Errorf("%+v", state)
	}
	c = connect(t, second.Addr())
	got := pull(t, c, sub)
	if len(got) != 1 || got[0].GetMessage().GetMessageId() != kept || string(got[0].GetMessage().GetData()) != "kept" {
		t.Error(got)
	}
	config, err := c.SubscriptionAdminClient.GetSubscription(t.Context(), &pubsubpb.GetSubscriptionRequest{Subscription: sub})
	if err != nil || config.GetTopic() != "_deleted-topic_" {
		t.Error(config, err)
	}
}

// TestEachSubscriptionHasItsOwn lets one of two subscriptions acknowledge, with the
// journal rewritten after each write, and looks at both after a restart.
func TestEachSubscriptionHasItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	two := config(pubsub.Subscription{})
	two.Subscriptions = append(two.Subscriptions, pubsub.Subscription{Name: "notify", Topic: "dte-signed"})
	server := start(t, pubsub.Options{Dir: dir, MinSize: 1, Config: two})
	c := connect(t, server.Addr())
	publish(t, c, &client.Message{Data: []byte("for both")})
	acked := publish(t, c, &client.Message{Data: []byte("for one")})
	err := c.SubscriptionAdminClient.Acknowledge(t.Context(), &pubsubpb.AcknowledgeRequest{Subscription: sub, AckIds: []string{acked}})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, c, &client.Message{Data: []byte("for both")})
	stop(t, server)
	again := start(t, pubsub.Options{Dir: dir})
	if one, other := pending(again, sub), pending(again, "projects/"+project+"/subscriptions/notify"); one != 2 || other != 3 {
		t.Errorf("%d and %d messages, want 2 and 3", one, other)
	}
}

func TestDeadLettersSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url, _ := endpoint(t, func(w http.ResponseWriter, _ push) { w.WriteHeader(http.StatusServiceUnavailable) })
	server := start(t, pubsub.Options{Dir: dir, Speed: 100, Config: config(pubsub.Subscription{
		Endpoint: url, DeadLetterTopic: "dte-signed-dead", AckDeadline: pubsub.Duration(600 * time.Second),
	})})
	publish(t, connect(t, server.Addr()), &client.Message{Data: []byte("poison")})
	waitFor(t, server, sub, func(s pubsub.SubscriptionState) bool { return s.Dead == 1 })
	stop(t, server)
	again := start(t, pubsub.Options{Dir: dir})
	if alive, dead := pending(again, sub), pending(again, deadSub); alive != 0 || dead != 1 {
		t.Errorf("%d alive and %d dead, want 0 and 1", alive, dead)
	}
}

func TestConfigMovesTheEndpointAndKeepsMessages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	down, _ := endpoint(t, func(w http.ResponseWriter, _ push) { w.WriteHeader(http.StatusServiceUnavailable) })
	first := start(t, pubsub.Options{Dir: dir, Config: config(pubsub.Subscription{Endpoint: down})})
	id := publish(t, connect(t, first.Addr()), &client.Message{Data: []byte("x")})
	stop(t, first)

	url, pushes := endpoint(t, ok)
	start(t, pubsub.Options{Dir: dir, Config: config(pubsub.Subscription{Endpoint: url})})
	if got := <-pushes; got.body.Message.MessageID != id {
		t.Error(got.text)
	}
}

func TestUpdateWakesTheSubscription(t *testing.T) {
	t.Parallel()
	server := start(t, pubsub.Options{Config: config(pubsub.Subscription{})})
	c := connect(t, server.Addr())
	id := publish(t, c, &client.Message{Data: []byte("x")})
	url, pushes := endpoint(t, ok)
	err := c.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pubsubpb.ModifyPushConfigRequest{
		Subscription: sub, PushConfig: &pubsubpb.PushConfig{PushEndpoint: url},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-pushes; got.body.Message.MessageID != id {
		t.Error(got.text)
	}
}

func TestConfigCannotMoveASubscription(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	moved := config(pubsub.Subscription{})
	stop(t, start(t, pubsub.Options{Dir: dir, Config: moved}))
	moved.Subscriptions[0].Topic = "dte-signed-dead"
	if _, err := pubsub.Start(pubsub.Options{Dir: dir, Config: moved}); !errors.Is(err, pubsub.ErrTopicDiffers) {
		t.Errorf("got %v", err)
	}
}

func TestJournalStaysSmall(t *testing.T) {
	t.Parallel()
	const batches, size = 20, 100
	dir := t.TempDir()
	url, _ := endpoint(t, ok)
	server := start(t, pubsub.Options{Dir: dir, MinSize: 1 << 15, Config: config(pubsub.Subscription{Endpoint: url})})
	admin := connect(t, server.Addr()).TopicAdminClient
	kilobyte := &pubsubpb.PubsubMessage{Data: bytes.Repeat([]byte("x"), 1<<10)}
	send := func(topic string, count int) {
		request := &pubsubpb.PublishRequest{Topic: topic}
		for range count {
			request.Messages = append(request.Messages, kilobyte)
		}
		if _, err := admin.Publish(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	send(dead, 10) // stay there all the time
	for n := range batches {
		send(topic, size)
		waitFor(t, server, sub, func(s pubsub.SubscriptionState) bool { return s.Delivered == int64((n+1)*size) })
	}
	stop(t, server)
	info, err := os.Stat(filepath.Join(dir, "pubsub.journal"))
	if err != nil || info.Size() > batches*size<<10/4 {
		t.Errorf("%d bytes after %d KiB of messages (%v)", info.Size(), batches*size, err)
	}
	again := start(t, pubsub.Options{Dir: dir})
	if pending(again, deadSub) != 10 || pending(again, sub) != 0 {
		t.Errorf("%+v", again.State())
	}
}

func TestTornEndIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "pubsub.journal")
	publishOne := func() []byte {
		server := start(t, pubsub.Options{Dir: dir, Config: config(pubsub.Subscription{})})
		publish(t, connect(t, server.Addr()), &client.Message{Data: []byte("x")})
		stop(t, server)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	one := publishOne()
	two := publishOne()
	for _, cut := range []int{len(one) + 1, len(one) + 9, len(two) - 1} {
		if err := os.WriteFile(path, two[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		publishOne()
		if got := pending(start(t, pubsub.Options{Dir: dir}), sub); got != 2 {
			t.Errorf("cut at %d of %d: %d messages, want 2", cut, len(two), got)
		}
	}
}

// TestBrokenJournalIsTold takes the folder away: the next rewrite cannot be made,
// and from then on nothing may be promised.
func TestBrokenJournalIsTold(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	issuer, err := sharedIssuer()
	if err != nil {
		t.Fatal(err)
	}
	server, err := pubsub.Start(pubsub.Options{Dir: dir, MinSize: 1, Issuer: issuer, Config: config(pubsub.Subscription{})})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	plain := pubsubpb.NewPublisherClient(conn) // the official client would try again and again
	for n := 0; err == nil; n++ {
		_, err = plain.Publish(t.Context(), &pubsubpb.PublishRequest{
			Topic: topic, Messages: []*pubsubpb.PubsubMessage{{Data: []byte(strconv.Itoa(n))}},
		})
	}
	code(t, codes.Unavailable, err)
	response, err := http.Get(server.AdminURL() + "/health") //nolint:noctx // a local test server
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Error(response.Status, err)
	}
	if err := server.Close(); err == nil {
		t.Error("a broken journal closes without a word")
	}
}
