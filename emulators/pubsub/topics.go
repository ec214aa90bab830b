package pubsub

import (
	"context"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"timbre/emulators/pubsub/journal"
)

// publisher serves google.pubsub.v1.Publisher.
type publisher struct {
	pubsubpb.UnimplementedPublisherServer
	*broker
}

// CreateTopic makes a topic.
func (p publisher) CreateTopic(ctx context.Context, topic *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	if err := checkTopic(topic); err != nil {
		return nil, err
	}
	return topic, p.change(ctx, func() ([]journal.Record, error) {
		if _, ok := p.topics[topic.GetName()]; ok {
			return nil, status.Errorf(codes.AlreadyExists, "topic %s exists", topic.GetName())
		}
		p.putTopic(topic)
		return one(kindTopic, nil, topic)
	})
}

// GetTopic answers one topic.
func (p publisher) GetTopic(_ context.Context, r *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	topic, ok := p.topics[r.GetTopic()]
	if !ok {
		return nil, noTopic(r.GetTopic())
	}
	return topic, nil
}

// ListTopics answers all topics of a project in one page.
func (p publisher) ListTopics(_ context.Context, r *pubsubpb.ListTopicsRequest) (*pubsubpb.ListTopicsResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := &pubsubpb.ListTopicsResponse{}
	for name, topic := range p.topics {
		if strings.HasPrefix(name, r.GetProject()+"/") {
			list.Topics = append(list.Topics, topic)
		}
	}
	slices.SortFunc(list.Topics, func(a, b *pubsubpb.Topic) int { return strings.Compare(a.GetName(), b.GetName()) })
	return list, nil
}

// DeleteTopic removes a topic; its subscriptions keep what they have.
func (p publisher) DeleteTopic(ctx context.Context, r *pubsubpb.DeleteTopicRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, p.change(ctx, func() ([]journal.Record, error) {
		if _, ok := p.topics[r.GetTopic()]; !ok {
			return nil, noTopic(r.GetTopic())
		}
		p.dropTopic(r.GetTopic())
		return one(kindTopicGone, []string{r.GetTopic()}, nil)
	})
}

// Publish answers when the messages are on the disk.
func (p publisher) Publish(ctx context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	if err := checkMessages(r.GetMessages()); err != nil {
		return nil, err
	}
	answer := &pubsubpb.PublishResponse{}
	return answer, p.change(ctx, func() ([]journal.Record, error) {
		if _, ok := p.topics[r.GetTopic()]; !ok {
			return nil, noTopic(r.GetTopic())
		}
		records := make([]journal.Record, 0, len(r.GetMessages()))
		for _, message := range r.GetMessages() {
			published, err := p.publish(r.GetTopic(), message)
			if err != nil {
				return nil, err
			}
			records = append(records, published)
			answer.MessageIds = append(answer.MessageIds, message.GetMessageId())
		}
		return records, nil
	})
}

// publish names a message and hands it to the topic's subscriptions. The lock is
// held.
func (b *broker) publish(topic string, message *pubsubpb.PubsubMessage) (journal.Record, error) {
	message.MessageId = b.nextID()
	message.PublishTime = timestamppb.New(time.Now().Truncate(time.Millisecond))
	targets := b.targets(topic)
	r, err := record(kindMessage, targets, message)
	if err == nil {
		b.addMessage(message, targets)
	}
	return r, err
}

func noTopic(name string) error {
	return status.Errorf(codes.NotFound, "topic %s does not exist", name)
}

func withTopic(config *pubsubpb.Subscription, topic string) *pubsubpb.Subscription {
	changed := proto.CloneOf(config)
	changed.Topic = topic
	return changed
}
