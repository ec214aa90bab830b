package pubsub

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"timbre/emulators/pubsub/journal"
)

// Pull leases messages for the ack deadline. It waits for the first one until
// the caller's deadline, and then answers none.
func (s subscriber) Pull(ctx context.Context, r *pubsubpb.PullRequest) (*pubsubpb.PullResponse, error) {
	if r.GetMaxMessages() <= 0 {
		return nil, invalid("max_messages is %d", r.GetMaxMessages())
	}
	for {
		leased, err := s.lease(r.GetSubscription(), int(r.GetMaxMessages()))
		if err != nil {
			return nil, err
		}
		//lint:ignore SA1019 deprecated, but the clients send it
		if len(leased.messages) > 0 || r.GetReturnImmediately() || !wait(ctx, leased.changed, leased.next) {
			return &pubsubpb.PullResponse{ReceivedMessages: leased.messages}, nil
		}
	}
}

type lease struct {
	messages []*pubsubpb.ReceivedMessage
	next     time.Duration
	changed  <-chan struct{}
}

func (b *broker) lease(name string, limit int) (lease, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.subscription(name)
	if err != nil {
		return lease{}, err
	}
	if s.config.GetPushConfig().GetPushEndpoint() != "" {
		return lease{}, status.Errorf(codes.FailedPrecondition, "subscription %s pushes", name)
	}
	leased := lease{}
	now := time.Now()
	for len(leased.messages) < limit {
		d, next := s.due(now)
		leased.next = next
		if d == nil {
			break
		}
		if exhausted(s, d) && b.forward(s, d, "") {
			continue
		}
		leased.messages = append(leased.messages, b.received(s, d, now))
	}
	leased.changed = s.changed
	return leased, nil
}

// received begins an attempt. The message's id serves as ack id: an
// acknowledgement that comes late counts too, as without exactly-once delivery.
func (b *broker) received(s *subscription, d *delivery, now time.Time) *pubsubpb.ReceivedMessage {
	d.attempts++
	s.schedule(d, now.Add(b.scaled(ackDeadline(s.config))))
	m := &pubsubpb.ReceivedMessage{AckId: d.message.GetMessageId(), Message: d.message}
	if s.config.GetDeadLetterPolicy() != nil {
		m.DeliveryAttempt = int32(d.attempts) //nolint:gosec // a count
	}
	return m
}

func ackDeadline(config *pubsubpb.Subscription) time.Duration {
	return time.Duration(config.GetAckDeadlineSeconds()) * time.Second
}

// Acknowledge ends deliveries. It answers when that is on the disk.
func (s subscriber) Acknowledge(ctx context.Context, r *pubsubpb.AcknowledgeRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.change(ctx, func() ([]journal.Record, error) {
		sub, err := s.subscription(r.GetSubscription())
		if err != nil {
			return nil, err
		}
		for _, id := range r.GetAckIds() {
			s.acked(sub, id)
		}
		return nil, nil
	})
}

// ModifyAckDeadline prolongs leases; zero gives them back.
func (s subscriber) ModifyAckDeadline(_ context.Context, r *pubsubpb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	seconds := r.GetAckDeadlineSeconds()
	if seconds < 0 || seconds > maxAckDeadline {
		return nil, invalid("ack deadline of %d s", seconds)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subscription(r.GetSubscription())
	if err != nil {
		return nil, err
	}
	for _, id := range r.GetAckIds() {
		s.prolong(sub, id, time.Duration(seconds)*time.Second)
	}
	return &emptypb.Empty{}, nil
}

func (b *broker) prolong(s *subscription, id string, by time.Duration) {
	d, ok := s.pending[id]
	switch {
	case !ok || d.index == outside:
	case by == 0:
		b.nacked(s, d, "")
	default:
		s.schedule(d, time.Now().Add(b.scaled(by)))
	}
}

// wait is true when something changed or the time is over, false when ctx ended.
func wait(ctx context.Context, changed <-chan struct{}, next time.Duration) bool {
	timer := time.NewTimer(next)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-timer.C:
	}
	return true
}
