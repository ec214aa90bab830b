package pubsub_test

import (
	"context"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"

	"timbre/emulators/pubsub"
)

// pulled is one topic with a subscription that is pulled.
func pulled(t *testing.T) (*pubsub.Server, *client.Client) {
	t.Helper()
	server := start(t, pubsub.Options{Speed: 100, Config: config(pubsub.Subscription{
		AckDeadline: pubsub.Duration(10 * time.Second), DeadLetterTopic: "dte-signed-dead",
	})})
	return server, connect(t, server.Addr())
}

func TestPullWaitsAndAcknowledges(t *testing.T) {
	t.Parallel()
	server, c := pulled(t)
	got := make(chan []*pubsubpb.ReceivedMessage)
	go func() {
		answer, err := c.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: sub, MaxMessages: 1})
		if err != nil {
			t.Error(err)
		}
		got <- answer.GetReceivedMessages()
	}()
	id := publish(t, c, &client.Message{Data: []byte("x")})
	messages := <-got
	if len(messages) != 1 || messages[0].GetMessage().GetMessageId() != id || messages[0].GetDeliveryAttempt() != 1 {
		t.Fatal(messages)
	}
	err := c.SubscriptionAdminClient.Acknowledge(t.Context(), &pubsubpb.AcknowledgeRequest{Subscription: sub, AckIds: []string{messages[0].GetAckId()}})
	if err != nil {
		t.Fatal(err)
	}
	if s := server.State().Subscriptions[sub]; s.Pending != 0 || s.Delivered != 1 {
		t.Errorf("%+v", s)
	}
}

func TestLeaseEndsAndIsGivenBack(t *testing.T) {
	t.Parallel()
	_, c := pulled(t)
	publish(t, c, &client.Message{Data: []byte("x")})
	first := pull(t, c, sub)[0]
	second := pull(t, c, sub)[0] // comes when the lease is over
	back := &pubsubpb.ModifyAckDeadlineRequest{Subscription: sub, AckIds: []string{second.GetAckId()}}
	if err := c.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	third := pull(t, c, sub)[0]
	for n, m := range []*pubsubpb.ReceivedMessage{first, second, third} {
		if int(m.GetDeliveryAttempt()) != n+1 {
			t.Errorf("attempt %d, want %d", m.GetDeliveryAttempt(), n+1)
		}
	}
}

func TestProlongedLeaseHolds(t *testing.T) {
	t.Parallel()
	_, c := pulled(t)
	publish(t, c, &client.Message{Data: []byte("x")})
	m := pull(t, c, sub)[0]
	more := &pubsubpb.ModifyAckDeadlineRequest{Subscription: sub, AckIds: []string{m.GetAckId()}, AckDeadlineSeconds: 600}
	if err := c.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // three of the first deadline
	defer cancel()
	again, err := c.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{Subscription: sub, MaxMessages: 1})
	if len(again.GetReceivedMessages()) != 0 {
		t.Errorf("leased twice: %v (%v)", again, err)
	}
}

func TestUnacknowledgedPullsEndInDeadLetters(t *testing.T) {
	t.Parallel()
	server, c := pulled(t)
	publish(t, c, &client.Message{Data: []byte("x")})
	for n := range 5 {
		if got := pull(t, c, sub)[0].GetDeliveryAttempt(); int(got) != n+1 {
			t.Errorf("attempt %d, want %d", got, n+1)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // a sixth pull finds the lease over, forwards, and goes on waiting
		_, _ = c.SubscriptionAdminClient.Pull(ctx, &pubsubpb.PullRequest{Subscription: sub, MaxMessages: 1})
	}()
	if got := pull(t, c, deadSub)[0].GetMessage().GetAttributes()["CloudPubSubDeadLetterSourceDeliveryCount"]; got != "5" {
		t.Errorf("forwarded after %q attempts", got)
	}
	if s := server.State().Subscriptions[sub]; s.Dead != 1 || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
}

func TestPullsThatAreRefused(t *testing.T) {
	t.Parallel()
	server := start(t, pubsub.Options{Config: config(pubsub.Subscription{Endpoint: "http://127.0.0.1:1"})})
	admin := connect(t, server.Addr()).SubscriptionAdminClient
	cases := map[string]struct {
		request *pubsubpb.PullRequest
		want    codes.Code
	}{
		"one that pushes": {&pubsubpb.PullRequest{Subscription: sub, MaxMessages: 1}, codes.FailedPrecondition},
		"unknown":         {&pubsubpb.PullRequest{Subscription: sub + "x", MaxMessages: 1}, codes.NotFound},
		"none":            {&pubsubpb.PullRequest{Subscription: deadSub}, codes.InvalidArgument},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := admin.Pull(context.Background(), c.request)
			code(t, c.want, err)
		})
	}
}
