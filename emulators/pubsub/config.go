package pubsub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"timbre/emulators/pubsub/journal"
)

// ErrTopicDiffers tells that a subscription stands on another topic than the
// configuration says. The real service cannot move one either.
var ErrTopicDiffers = errors.New("pubsub: subscription has another topic")

// Config is what must be there at start; what else the journal holds stays. A
// subscription that is there is updated and keeps its messages.
type Config struct {
	Project       string         `json:"project"`
	Topics        []string       `json:"topics"` // short names
	Subscriptions []Subscription `json:"subscriptions"`
}

// Subscription is one subscription of a Config, in short names.
type Subscription struct {
	Name            string   `json:"name"`
	Topic           string   `json:"topic"`
	Endpoint        string   `json:"endpoint,omitempty"`          // empty: to be pulled
	Audience        string   `json:"audience,omitempty"`          // of the token; empty: the endpoint
	ServiceAccount  string   `json:"service_account,omitempty"`   // e-mail in the token; empty: no token
	AckDeadline     Duration `json:"ack_deadline,omitempty"`      // empty: 10s
	RetryMin        Duration `json:"retry_min,omitempty"`         // both empty: no retry policy
	RetryMax        Duration `json:"retry_max,omitempty"`         // empty: 600s
	DeadLetterTopic string   `json:"dead_letter_topic,omitempty"` // empty: no dead letter policy
	MaxAttempts     int32    `json:"max_attempts,omitempty"`      // empty: 5
}

// Duration is written as in "1m30s".
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// MarshalText writes a duration.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// LoadConfig reads a Config in JSON; unknown fields are an error.
func LoadConfig(path string) (Config, error) {
	var config Config
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return config, fmt.Errorf("read config: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		return config, fmt.Errorf("read config %s: %w", path, err)
	}
	return config, nil
}

func (c Config) apply(b *broker) error {
	for _, name := range c.Topics {
		_, err := publisher{broker: b}.CreateTopic(context.Background(), &pubsubpb.Topic{Name: c.topic(name)})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("topic %s: %w", name, err)
		}
	}
	for _, given := range c.Subscriptions {
		if err := c.have(b, given); err != nil {
			return fmt.Errorf("subscription %s: %w", given.Name, err)
		}
	}
	return nil
}

// have creates the subscription or updates the one there is.
func (c Config) have(b *broker, given Subscription) error {
	config, err := checkedSubscription(c.proto(given))
	if err != nil {
		return err
	}
	_, err = subscriber{broker: b}.CreateSubscription(context.Background(), config)
	if status.Code(err) != codes.AlreadyExists {
		return err
	}
	return b.change(context.Background(), func() ([]journal.Record, error) {
		there := b.subscriptions[config.GetName()].config
		if there.GetTopic() != config.GetTopic() {
			return nil, fmt.Errorf("%w: %s", ErrTopicDiffers, there.GetTopic())
		}
		if proto.Equal(there, config) {
			return nil, nil
		}
		b.putSubscription(config)
		return one(kindSubscription, nil, config)
	})
}

func (c Config) topic(name string) string { return "projects/" + c.Project + "/topics/" + name }

func (c Config) proto(s Subscription) *pubsubpb.Subscription {
	config := &pubsubpb.Subscription{
		Name:               "projects/" + c.Project + "/subscriptions/" + s.Name,
		Topic:              c.topic(s.Topic),
		AckDeadlineSeconds: ackSeconds(s.AckDeadline),
	}
	if s.Endpoint != "" {
		config.PushConfig = s.push()
	}
	if s.RetryMin != 0 || s.RetryMax != 0 {
		config.RetryPolicy = &pubsubpb.RetryPolicy{MinimumBackoff: optional(s.RetryMin), MaximumBackoff: optional(s.RetryMax)}
	}
	if s.DeadLetterTopic != "" {
		config.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{
			DeadLetterTopic:     c.topic(s.DeadLetterTopic),
			MaxDeliveryAttempts: s.MaxAttempts,
		}
	}
	return config
}

// ackSeconds rounds up, and stops just outside of what is allowed.
func ackSeconds(d Duration) int32 {
	if d < 0 {
		return -1
	}
	seconds := (time.Duration(d) + time.Second - 1) / time.Second
	return int32(min(seconds, maxAckDeadline+1)) //nolint:gosec // bounded
}

func (s Subscription) push() *pubsubpb.PushConfig {
	push := &pubsubpb.PushConfig{PushEndpoint: s.Endpoint}
	if s.ServiceAccount != "" {
		push.AuthenticationMethod = &pubsubpb.PushConfig_OidcToken_{
			OidcToken: &pubsubpb.PushConfig_OidcToken{ServiceAccountEmail: s.ServiceAccount, Audience: s.Audience},
		}
	}
	return push
}

func optional(d Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(time.Duration(d))
}
