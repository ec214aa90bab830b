// Package bus publishes the product's messages on Cloud Pub/Sub. PUBSUB_EMULATOR_HOST, which the
// official client itself reads, names an emulator.
package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"timbre/shared/event"
	"timbre/shared/trace"
)

// publishTimeout bounds a publish: a message is a wake-up, the tick finds what none announced.
const publishTimeout = 5 * time.Second

// Bus implements event.Publisher.
type Bus struct {
	client *pubsub.Client

	mu         sync.Mutex
	publishers map[event.Topic]*pubsub.Publisher
}

// New connects to a project with the credentials of the environment.
func New(ctx context.Context, project string) (*Bus, error) {
	client, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return nil, fmt.Errorf("connect to Pub/Sub: %w", err)
	}
	return &Bus{client: client, publishers: map[event.Topic]*pubsub.Publisher{}}, nil
}

// Close sends what waits and gives the connection back.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.publishers {
		p.Stop()
	}
	return b.client.Close()
}

// Publish sends a message as JSON and waits for the service's word that it is kept.
func (b *Bus) Publish(ctx context.Context, topic event.Topic, message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode a message of %s: %w", topic, err)
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	m := &pubsub.Message{Data: data}
	if parent := trace.Parent(ctx); parent != "" {
		m.Attributes = map[string]string{event.TraceAttribute: parent}
	}
	if _, err := b.publisher(topic).Publish(ctx, m).Get(ctx); err != nil {
		return fmt.Errorf("publish on %s: %w", topic, err)
	}
	return nil
}

func (b *Bus) publisher(topic event.Topic) *pubsub.Publisher {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, found := b.publishers[topic]
	if !found {
		p = b.client.Publisher(string(topic))
		p.PublishSettings.DelayThreshold = time.Millisecond // an answer waits for it
		b.publishers[topic] = p
	}
	return p
}
