package pubsub

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"timbre/emulators/pubsub/journal"
)

// subscriber serves google.pubsub.v1.Subscriber.
type subscriber struct {
	pubsubpb.UnimplementedSubscriberServer
	*broker
}

// CreateSubscription attaches a subscription to a topic.
func (s subscriber) CreateSubscription(ctx context.Context, config *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	config, err := checkedSubscription(config)
	if err != nil {
		return nil, err
	}
	return config, s.change(ctx, func() ([]journal.Record, error) {
		if _, ok := s.subscriptions[config.GetName()]; ok {
			return nil, status.Errorf(codes.AlreadyExists, "subscription %s exists", config.GetName())
		}
		if _, ok := s.topics[config.GetTopic()]; !ok {
			return nil, noTopic(config.GetTopic())
		}
		s.putSubscription(config)
		return one(kindSubscription, nil, config)
	})
}

// GetSubscription answers one subscription.
func (s subscriber) GetSubscription(_ context.Context, r *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subscription(r.GetSubscription())
	if err != nil {
		return nil, err
	}
	return sub.config, nil
}

// ListSubscriptions answers all subscriptions of a project in one page.
func (s subscriber) ListSubscriptions(_ context.Context, r *pubsubpb.ListSubscriptionsRequest) (*pubsubpb.ListSubscriptionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &pubsubpb.ListSubscriptionsResponse{}
	for name, sub := range s.subscriptions {
		if strings.HasPrefix(name, r.GetProject()+"/") {
			list.Subscriptions = append(list.Subscriptions, sub.config)
		}
	}
	slices.SortFunc(list.Subscriptions, func(a, b *pubsubpb.Subscription) int { return strings.Compare(a.GetName(), b.GetName()) })
	return list, nil
}

// DeleteSubscription forgets a subscription and its messages.
func (s subscriber) DeleteSubscription(ctx context.Context, r *pubsubpb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.change(ctx, func() ([]journal.Record, error) {
		if _, err := s.subscription(r.GetSubscription()); err != nil {
			return nil, err
		}
		s.dropSubscription(r.GetSubscription())
		return one(kindSubscriptionGone, []string{r.GetSubscription()}, nil)
	})
}

// UpdateSubscription replaces the fields that the mask names.
func (s subscriber) UpdateSubscription(ctx context.Context, r *pubsubpb.UpdateSubscriptionRequest) (*pubsubpb.Subscription, error) {
	return s.update(ctx, r.GetSubscription().GetName(), func(config *pubsubpb.Subscription) error {
		for _, path := range r.GetUpdateMask().GetPaths() {
			if err := replaceField(config, r.GetSubscription(), path); err != nil {
				return err
			}
		}
		return nil
	})
}

// ModifyPushConfig replaces the endpoint and its token.
func (s subscriber) ModifyPushConfig(ctx context.Context, r *pubsubpb.ModifyPushConfigRequest) (*emptypb.Empty, error) {
	_, err := s.update(ctx, r.GetSubscription(), func(config *pubsubpb.Subscription) error {
		config.PushConfig = r.GetPushConfig()
		return nil
	})
	return &emptypb.Empty{}, err
}

func (s subscriber) update(ctx context.Context, name string, edit func(*pubsubpb.Subscription) error) (*pubsubpb.Subscription, error) {
	var updated *pubsubpb.Subscription
	err := s.change(ctx, func() ([]journal.Record, error) {
		sub, err := s.subscription(name)
		if err != nil {
			return nil, err
		}
		updated = proto.CloneOf(sub.config)
		if err := edit(updated); err != nil {
			return nil, err
		}
		if updated, err = checkedSubscription(updated); err != nil {
			return nil, err
		}
		s.putSubscription(updated)
		return one(kindSubscription, nil, updated)
	})
	return updated, err
}

func replaceField(dst, src *pubsubpb.Subscription, path string) error {
	switch path {
	case "push_config":
		dst.PushConfig = src.GetPushConfig()
	case "ack_deadline_seconds":
		dst.AckDeadlineSeconds = src.GetAckDeadlineSeconds()
	case "retry_policy":
		dst.RetryPolicy = src.GetRetryPolicy()
	case "dead_letter_policy":
		dst.DeadLetterPolicy = src.GetDeadLetterPolicy()
	default:
		return status.Errorf(codes.Unimplemented, "update of %s is not emulated", path)
	}
	return nil
}

// subscription finds a subscription. The lock is held.
func (b *broker) subscription(name string) (*subscription, error) {
	sub, ok := b.subscriptions[name]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "subscription %s does not exist", name)
	}
	return sub, nil
}
