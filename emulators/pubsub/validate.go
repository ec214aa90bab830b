package pubsub

import (
	"net/url"
	"regexp"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Limits and defaults of the Pub/Sub v1 RPC reference: Subscription
// (ack_deadline_seconds), RetryPolicy, DeadLetterPolicy; "Quotas and limits".
const (
	minAckDeadline  = 10
	maxAckDeadline  = 600
	defaultMinRetry = 10 * time.Second
	maxRetry        = 600 * time.Second
	minAttempts     = 5
	maxAttempts     = 100
	maxMessages     = 1000
	maxMessageBytes = 10_000_000
)

// names: 3 to 255 characters, a letter first ("Guidelines to name a topic or a
// subscription").
var (
	topicName        = regexp.MustCompile(`^projects/[^/]+/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
	subscriptionName = regexp.MustCompile(`^projects/[^/]+/subscriptions/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
)

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func notEmulated(what string) error {
	return status.Errorf(codes.Unimplemented, "%s is not emulated", what)
}

func checkTopic(topic *pubsubpb.Topic) error {
	if !topicName.MatchString(topic.GetName()) {
		return invalid("topic name %q", topic.GetName())
	}
	if topic.GetSchemaSettings() != nil || topic.GetIngestionDataSourceSettings() != nil || topic.GetMessageTransforms() != nil {
		return notEmulated("a topic with schema, ingestion or transforms")
	}
	return nil
}

func checkMessages(messages []*pubsubpb.PubsubMessage) error {
	if len(messages) == 0 || len(messages) > maxMessages {
		return invalid("%d messages; 1 to %d are allowed", len(messages), maxMessages)
	}
	for _, m := range messages {
		switch {
		case len(m.GetData()) == 0 && len(m.GetAttributes()) == 0:
			return invalid("a message needs data or attributes")
		case proto.Size(m) > maxMessageBytes:
			return invalid("a message has %d bytes; %d are allowed", proto.Size(m), maxMessageBytes)
		case m.GetOrderingKey() != "":
			return notEmulated("an ordering key")
		}
	}
	return nil
}

// checkedSubscription answers the subscription with the service's defaults
// filled in.
func checkedSubscription(given *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	if err := checkSupported(given); err != nil {
		return nil, err
	}
	config := proto.CloneOf(given)
	config.State = pubsubpb.Subscription_ACTIVE
	if !subscriptionName.MatchString(config.GetName()) {
		return nil, invalid("subscription name %q", config.GetName())
	}
	config.AckDeadlineSeconds = or(config.GetAckDeadlineSeconds(), minAckDeadline)
	if d := config.GetAckDeadlineSeconds(); d < minAckDeadline || d > maxAckDeadline {
		return nil, invalid("ack deadline of %d s; %d to %d are allowed", d, minAckDeadline, maxAckDeadline)
	}
	for _, check := range []func(*pubsubpb.Subscription) error{checkPush, checkRetry, checkDeadLetter} {
		if err := check(config); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func checkSupported(s *pubsubpb.Subscription) error {
	for what, asked := range map[string]bool{
		"message ordering":      s.GetEnableMessageOrdering(),
		"exactly-once delivery": s.GetEnableExactlyOnceDelivery(),
		"a filter":              s.GetFilter() != "",
		"retaining acked":       s.GetRetainAckedMessages(),
		"a detached one":        s.GetDetached(),
		"transforms":            s.GetMessageTransforms() != nil,
		"export":                s.GetBigqueryConfig() != nil || s.GetCloudStorageConfig() != nil || s.GetBigtableConfig() != nil,
		"an unwrapped push":     s.GetPushConfig().GetNoWrapper() != nil,
	} {
		if asked {
			return notEmulated("a subscription with " + what)
		}
	}
	return nil
}

func checkPush(s *pubsubpb.Subscription) error {
	endpoint := s.GetPushConfig().GetPushEndpoint()
	if endpoint == "" {
		return nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return invalid("push endpoint %q", endpoint)
	}
	if token := s.GetPushConfig().GetOidcToken(); token != nil && token.GetServiceAccountEmail() == "" {
		return invalid("oidc_token without a service account")
	}
	return nil
}

func checkRetry(s *pubsubpb.Subscription) error {
	policy := s.GetRetryPolicy()
	if policy == nil {
		return nil
	}
	if policy.MinimumBackoff == nil {
		policy.MinimumBackoff = durationpb.New(defaultMinRetry)
	}
	if policy.MaximumBackoff == nil {
		policy.MaximumBackoff = durationpb.New(maxRetry)
	}
	least, most := policy.GetMinimumBackoff().AsDuration(), policy.GetMaximumBackoff().AsDuration()
	if least < 0 || most < least || most > maxRetry {
		return invalid("backoff from %v to %v; 0 to %v are allowed", least, most, maxRetry)
	}
	return nil
}

func checkDeadLetter(s *pubsubpb.Subscription) error {
	policy := s.GetDeadLetterPolicy()
	if policy == nil {
		return nil
	}
	if !topicName.MatchString(policy.GetDeadLetterTopic()) {
		return invalid("dead letter topic %q", policy.GetDeadLetterTopic())
	}
	policy.MaxDeliveryAttempts = or(policy.GetMaxDeliveryAttempts(), minAttempts)
	if n := policy.GetMaxDeliveryAttempts(); n < minAttempts || n > maxAttempts {
		return invalid("%d delivery attempts; %d to %d are allowed", n, minAttempts, maxAttempts)
	}
	return nil
}
