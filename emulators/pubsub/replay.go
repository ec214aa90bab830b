package pubsub

import (
	"fmt"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"

	"timbre/emulators/pubsub/journal"
)

// The kinds of journal records. Names and body of each stand beside it.
const (
	kindTopic            = 't' // body: Topic
	kindTopicGone        = 'T' // names: topic
	kindSubscription     = 's' // body: Subscription, new or updated
	kindSubscriptionGone = 'S' // names: subscription
	kindMessage          = 'm' // names: subscriptions it is for; body: PubsubMessage
	kindAck              = 'a' // names: subscription, message ids
)

// record encodes a change. Marshal fails only for strings that are not UTF-8,
// which gRPC refuses before.
func record(kind byte, names []string, body proto.Message) (journal.Record, error) {
	if body == nil {
		return journal.Record{Kind: kind, Names: names}, nil
	}
	text, err := proto.Marshal(body)
	if err != nil {
		return journal.Record{}, fmt.Errorf("encode journal record: %w", err)
	}
	return journal.Record{Kind: kind, Names: names, Body: text}, nil
}

func ackRecord(subscription string, ids ...string) journal.Record {
	return journal.Record{Kind: kindAck, Names: append([]string{subscription}, ids...)}
}

// one is record as the answer of a change.
func one(kind byte, names []string, body proto.Message) ([]journal.Record, error) {
	r, err := record(kind, names, body)
	return []journal.Record{r}, err
}

func (b *broker) replay(r journal.Record) error {
	switch r.Kind {
	case kindTopic:
		topic := &pubsubpb.Topic{}
		return replayed(r, topic, func() { b.putTopic(topic) })
	case kindSubscription:
		config := &pubsubpb.Subscription{}
		return replayed(r, config, func() { b.putSubscription(config) })
	case kindMessage:
		message := &pubsubpb.PubsubMessage{}
		return replayed(r, message, func() { b.addMessage(message, r.Names) })
	default:
		return b.replayNames(r)
	}
}

func replayed(r journal.Record, body proto.Message, apply func()) error {
	if err := proto.Unmarshal(r.Body, body); err != nil {
		return fmt.Errorf("record of kind %q: %w", r.Kind, err)
	}
	apply()
	return nil
}

func (b *broker) replayNames(r journal.Record) error {
	if len(r.Names) == 0 {
		return fmt.Errorf("record of kind %q names nothing", r.Kind)
	}
	switch r.Kind {
	case kindTopicGone:
		b.dropTopic(r.Names[0])
	case kindSubscriptionGone:
		b.dropSubscription(r.Names[0])
	case kindAck:
		b.acknowledge(r.Names[0], r.Names[1:])
	default:
		return fmt.Errorf("record of unknown kind %q", r.Kind)
	}
	return nil
}

// snapshot gives the records that rebuild the state.
func (b *broker) snapshot(take func([]journal.Record, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	take(b.records())
}

func (b *broker) records() ([]journal.Record, error) {
	var records []journal.Record
	add := func(kind byte, names []string, body proto.Message) error {
		r, err := record(kind, names, body)
		records = append(records, r)
		return err
	}
	for _, topic := range b.topics {
		if err := add(kindTopic, nil, topic); err != nil {
			return nil, err
		}
	}
	for _, s := range b.subscriptions {
		if err := add(kindSubscription, nil, s.config); err != nil {
			return nil, err
		}
	}
	for _, m := range b.pendingMessages() {
		if err := add(kindMessage, m.targets, m.message); err != nil {
			return nil, err
		}
	}
	return records, nil
}

type pendingMessage struct {
	message *pubsubpb.PubsubMessage
	targets []string
}

func (b *broker) pendingMessages() map[string]*pendingMessage {
	messages := map[string]*pendingMessage{}
	for name, s := range b.subscriptions {
		for id, d := range s.pending {
			if messages[id] == nil {
				messages[id] = &pendingMessage{message: d.message}
			}
			messages[id].targets = append(messages[id].targets, name)
		}
	}
	return messages
}
