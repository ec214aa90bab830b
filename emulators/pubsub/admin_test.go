package pubsub_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"timbre/emulators/oidc"
	"timbre/emulators/pubsub"
)

func drop(t testing.TB, c *client.Client, name string) {
	t.Helper()
	if err := c.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: name}); err != nil {
		t.Fatal(err)
	}
}

func code(t *testing.T, want codes.Code, err error) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	admin := connect(t, start(t, pubsub.Options{}).Addr()).TopicAdminClient
	ctx := t.Context()
	for _, name := range []string{dead, topic} {
		if _, err := admin.CreateTopic(ctx, &pubsubpb.Topic{Name: name, Labels: map[string]string{"a": "b"}}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := admin.CreateTopic(ctx, &pubsubpb.Topic{Name: topic})
	code(t, codes.AlreadyExists, err)
	_, err = admin.CreateTopic(ctx, &pubsubpb.Topic{Name: "dte-signed"})
	code(t, codes.InvalidArgument, err)
	got, err := admin.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: topic})
	if err != nil || got.GetLabels()["a"] != "b" {
		t.Error(got, err)
	}
	var names []string
	topics := admin.ListTopics(ctx, &pubsubpb.ListTopicsRequest{Project: "projects/" + project})
	for next, err := topics.Next(); !errors.Is(err, iterator.Done); next, err = topics.Next() {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, next.GetName())
	}
	if diff := cmp.Diff([]string{topic, dead}, names); diff != "" {
		t.Error(diff)
	}
	if err := admin.DeleteTopic(ctx, &pubsubpb.DeleteTopicRequest{Topic: topic}); err != nil {
		t.Error(err)
	}
	code(t, codes.NotFound, admin.DeleteTopic(ctx, &pubsubpb.DeleteTopicRequest{Topic: topic}))
	_, err = admin.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: topic})
	code(t, codes.NotFound, err)
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	c := connect(t, start(t, pubsub.Options{Config: pubsub.Config{Project: project, Topics: []string{"dte-signed"}}}).Addr())
	admin, ctx := c.SubscriptionAdminClient, t.Context()
	made, err := admin.CreateSubscription(ctx, &pubsubpb.Subscription{Name: sub, Topic: topic, RetryPolicy: &pubsubpb.RetryPolicy{}})
	want := &pubsubpb.Subscription{
		Name: sub, Topic: topic, AckDeadlineSeconds: 10, State: pubsubpb.Subscription_ACTIVE,
		RetryPolicy: &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(10 * time.Second), MaximumBackoff: durationpb.New(600 * time.Second)},
	}
	if diff := cmp.Diff(want, made, protocmp.Transform()); diff != "" || err != nil {
		t.Error(diff, err)
	}
	_, err = admin.CreateSubscription(ctx, &pubsubpb.Subscription{Name: sub, Topic: topic})
	code(t, codes.AlreadyExists, err)
	_, err = admin.CreateSubscription(ctx, &pubsubpb.Subscription{Name: deadSub, Topic: dead})
	code(t, codes.NotFound, err)

	want.AckDeadlineSeconds, want.RetryPolicy = 60, nil
	want.PushConfig = &pubsubpb.PushConfig{PushEndpoint: "http://127.0.0.1:1/x"}
	update := &pubsubpb.UpdateSubscriptionRequest{
		Subscription: want,
		UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"ack_deadline_seconds", "retry_policy", "push_config", "dead_letter_policy"}},
	}
	if _, err := admin.UpdateSubscription(ctx, update); err != nil {
		t.Fatal(err)
	}
	got, err := admin.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: sub})
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" || err != nil {
		t.Error(diff, err)
	}
	update.UpdateMask.Paths = []string{"filter"}
	_, err = admin.UpdateSubscription(ctx, update)
	code(t, codes.Unimplemented, err)

	listed, err := admin.ListSubscriptions(ctx, &pubsubpb.ListSubscriptionsRequest{Project: "projects/" + project}).Next()
	if err != nil || listed.GetName() != sub {
		t.Error(listed, err)
	}
	drop(t, c, sub)
	_, err = admin.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: sub})
	code(t, codes.NotFound, err)
}

func TestSubscriptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	admin := connect(t, start(t, pubsub.Options{Config: pubsub.Config{Project: project, Topics: []string{"dte-signed"}}}).Addr()).SubscriptionAdminClient
	letters := func(topic string, attempts int32) *pubsubpb.DeadLetterPolicy {
		return &pubsubpb.DeadLetterPolicy{DeadLetterTopic: topic, MaxDeliveryAttempts: attempts}
	}
	retry := func(least, most time.Duration) *pubsubpb.RetryPolicy {
		return &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(least), MaximumBackoff: durationpb.New(most)}
	}
	token := &pubsubpb.PushConfig_OidcToken_{OidcToken: &pubsubpb.PushConfig_OidcToken{}}
	cases := map[string]struct {
		s    *pubsubpb.Subscription
		want codes.Code
	}{
		"name":                {&pubsubpb.Subscription{Name: "send"}, codes.InvalidArgument},
		"short deadline":      {&pubsubpb.Subscription{AckDeadlineSeconds: 9}, codes.InvalidArgument},
		"long deadline":       {&pubsubpb.Subscription{AckDeadlineSeconds: 601}, codes.InvalidArgument},
		"endpoint":            {&pubsubpb.Subscription{PushConfig: &pubsubpb.PushConfig{PushEndpoint: "send:80"}}, codes.InvalidArgument},
		"token of nobody":     {&pubsubpb.Subscription{PushConfig: &pubsubpb.PushConfig{PushEndpoint: "http://a", AuthenticationMethod: token}}, codes.InvalidArgument},
		"backoff upside down": {&pubsubpb.Subscription{RetryPolicy: retry(2*time.Second, time.Second)}, codes.InvalidArgument},
		"long backoff":        {&pubsubpb.Subscription{RetryPolicy: retry(0, 601*time.Second)}, codes.InvalidArgument},
		"four attempts":       {&pubsubpb.Subscription{DeadLetterPolicy: letters(dead, 4)}, codes.InvalidArgument},
		"101 attempts":        {&pubsubpb.Subscription{DeadLetterPolicy: letters(dead, 101)}, codes.InvalidArgument},
		"dead letter name":    {&pubsubpb.Subscription{DeadLetterPolicy: letters("dead", 5)}, codes.InvalidArgument},
		"ordering":            {&pubsubpb.Subscription{EnableMessageOrdering: true}, codes.Unimplemented},
		"exactly once":        {&pubsubpb.Subscription{EnableExactlyOnceDelivery: true}, codes.Unimplemented},
		"filter":              {&pubsubpb.Subscription{Filter: "attributes:x"}, codes.Unimplemented},
		"retaining":           {&pubsubpb.Subscription{RetainAckedMessages: true}, codes.Unimplemented},
		"export":              {&pubsubpb.Subscription{BigqueryConfig: &pubsubpb.BigQueryConfig{}}, codes.Unimplemented},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.s.GetName() == "" {
				c.s.Name = sub
			}
			c.s.Topic = topic
			_, err := admin.CreateSubscription(context.Background(), c.s)
			code(t, c.want, err)
		})
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	t.Parallel()
	admin := connect(t, start(t, pubsub.Options{Config: pubsub.Config{Project: project, Topics: []string{"dte-signed"}}}).Addr()).TopicAdminClient
	one := func(m *pubsubpb.PubsubMessage) []*pubsubpb.PubsubMessage { return []*pubsubpb.PubsubMessage{m} }
	cases := map[string]struct {
		topic    string
		messages []*pubsubpb.PubsubMessage
		want     codes.Code
	}{
		"unknown topic": {dead, one(&pubsubpb.PubsubMessage{Data: []byte("x")}), codes.NotFound},
		"none":          {topic, nil, codes.InvalidArgument},
		"empty":         {topic, one(&pubsubpb.PubsubMessage{}), codes.InvalidArgument},
		"too large":     {topic, one(&pubsubpb.PubsubMessage{Data: make([]byte, 10_000_001)}), codes.InvalidArgument},
		"ordering key":  {topic, one(&pubsubpb.PubsubMessage{Data: []byte("x"), OrderingKey: "k"}), codes.Unimplemented},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := admin.Publish(context.Background(), &pubsubpb.PublishRequest{Topic: c.topic, Messages: c.messages})
			code(t, c.want, err)
		})
	}
}

func TestAdminPort(t *testing.T) {
	t.Parallel()
	server := start(t, pubsub.Options{Config: config(pubsub.Subscription{})})
	publish(t, connect(t, server.Addr()), &client.Message{Data: []byte("x")})
	var state pubsub.State
	if err := json.Unmarshal(get(t, server.AdminURL()+"/debug/state"), &state); err != nil {
		t.Fatal(err)
	}
	want := pubsub.State{Topics: 2, Subscriptions: map[string]pubsub.SubscriptionState{sub: {Pending: 1}, deadSub: {}}}
	if diff := cmp.Diff(want, state); diff != "" {
		t.Error(diff)
	}
	if got := string(get(t, server.AdminURL()+"/health")); !strings.Contains(got, "ok") {
		t.Error(got)
	}
	if got := string(get(t, server.AdminURL()+oidc.CertsPath)); !strings.Contains(got, `"RS256"`) {
		t.Error(got)
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

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	issuer, err := sharedIssuer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pubsub.Start(pubsub.Options{}); !errors.Is(err, pubsub.ErrNoDir) {
		t.Errorf("no folder: %v", err)
	}
	for _, deadline := range []time.Duration{-time.Second, time.Millisecond, 9 * time.Second, 601 * time.Second, 1 << 62} {
		bad := config(pubsub.Subscription{AckDeadline: pubsub.Duration(deadline)})
		if _, err := pubsub.Start(pubsub.Options{Dir: t.TempDir(), Issuer: issuer, Config: bad}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("ack deadline %v: %v", deadline, err)
		}
	}
	there := start(t, pubsub.Options{})
	if _, err := pubsub.Start(pubsub.Options{Dir: t.TempDir(), Addr: there.Addr()}); err == nil {
		t.Error("two servers on one port")
	}
}

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pubsub.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := config(pubsub.Subscription{
		Endpoint: "http://127.0.0.1:9001/_push/dte-signed", Audience: "http://127.0.0.1:9001", ServiceAccount: account,
		AckDeadline: pubsub.Duration(time.Minute), RetryMin: pubsub.Duration(time.Second), RetryMax: pubsub.Duration(90 * time.Second),
		DeadLetterTopic: "dte-signed-dead", MaxAttempts: 10,
	})
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	write(string(text))
	got, err := pubsub.LoadConfig(path)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, bad := range []string{`{"topic":["a"]}`, `{"subscriptions":[{"ack_deadline":"soon"}]}`, ``} {
		write(bad)
		if _, err := pubsub.LoadConfig(path); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
