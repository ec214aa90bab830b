package pubsub

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"timbre/emulators/pubsub/journal"
)

// deletedTopic is the topic of a subscription whose topic is gone.
const deletedTopic = "_deleted-topic_"

// broker is the whole state. Each change is made and appended to the journal
// under one lock, so the journal's order is the order of the changes.
type broker struct {
	journal *journal.Journal // set once, before anything is served
	speed   time.Duration

	mu            sync.Mutex
	topics        map[string]*pubsubpb.Topic
	subscriptions map[string]*subscription
	lastID        int64
	onNew         func(*subscription) context.CancelFunc // nil while replaying
}

// subscription holds what is published and not acknowledged. Its config is
// replaced, never changed, so that it may be read without the lock.
type subscription struct {
	config    *pubsubpb.Subscription
	pending   map[string]*delivery // by message id
	queue     queue                // those of pending that wait for their time
	changed   chan struct{}        // closed when there may be something new to do
	stop      context.CancelFunc
	delivered int64
	dead      int64
}

func newBroker(speed int) *broker {
	return &broker{
		speed:         time.Duration(speed),
		topics:        map[string]*pubsubpb.Topic{},
		subscriptions: map[string]*subscription{},
		// Ids start at the clock, 16 digits like the real ones, so that one which
		// a snapshot no longer mentions is not given again.
		lastID: time.Now().UnixMicro(),
	}
}

// onSubscription calls start for each subscription there is and each to come.
func (b *broker) onSubscription(start func(*subscription) context.CancelFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onNew = start
	for _, s := range b.subscriptions {
		s.stop = start(s)
	}
}

// change makes a change under the lock and answers when its records are durable.
func (b *broker) change(ctx context.Context, mutate func() ([]journal.Record, error)) error {
	commit, err := b.changeNow(mutate)
	if err != nil {
		return err
	}
	return durable(commit.Wait(ctx))
}

func (b *broker) changeNow(mutate func() ([]journal.Record, error)) (*journal.Commit, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	records, err := mutate()
	if err != nil {
		return nil, err
	}
	return b.journal.Append(records...), nil
}

func durable(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	default:
		return status.Errorf(codes.Unavailable, "journal: %v", err)
	}
}

// The methods below change the state only; the lock is held. They serve the
// requests and the replay of the journal alike.

func (b *broker) putTopic(topic *pubsubpb.Topic) { b.topics[topic.GetName()] = topic }

func (b *broker) dropTopic(name string) {
	delete(b.topics, name)
	for _, s := range b.subscriptions {
		if s.config.GetTopic() == name {
			s.config = withTopic(s.config, deletedTopic)
		}
	}
}

func (b *broker) putSubscription(config *pubsubpb.Subscription) {
	if s, ok := b.subscriptions[config.GetName()]; ok {
		s.config = config
		s.notify()
		return
	}
	s := &subscription{
		config:  config,
		pending: map[string]*delivery{},
		changed: make(chan struct{}),
		stop:    func() {},
	}
	b.subscriptions[config.GetName()] = s
	if b.onNew != nil {
		s.stop = b.onNew(s)
	}
}

func (b *broker) dropSubscription(name string) {
	if s, ok := b.subscriptions[name]; ok {
		s.stop()
		delete(b.subscriptions, name)
	}
}

func (b *broker) addMessage(message *pubsubpb.PubsubMessage, targets []string) {
	if id, err := strconv.ParseInt(message.GetMessageId(), 10, 64); err == nil {
		b.lastID = max(b.lastID, id)
	}
	for _, name := range targets {
		if s, ok := b.subscriptions[name]; ok {
			s.add(message)
		}
	}
}

func (b *broker) acknowledge(name string, ids []string) {
	s, ok := b.subscriptions[name]
	if !ok {
		return
	}
	for _, id := range ids {
		s.remove(id)
	}
}

// targets are the subscriptions of a topic.
func (b *broker) targets(topic string) []string {
	var names []string
	for name, s := range b.subscriptions {
		if s.config.GetTopic() == topic {
			names = append(names, name)
		}
	}
	return names
}

func (b *broker) nextID() string {
	b.lastID++
	return strconv.FormatInt(b.lastID, 10)
}

// scaled is a duration of the API in the emulator's time.
func (b *broker) scaled(d time.Duration) time.Duration { return d / b.speed }
