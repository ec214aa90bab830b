package pubsub

import (
	"maps"
	"path"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// The attributes of a forwarded message ("Dead-letter topics", Forwarded
// messages).
const (
	deadCount       = "CloudPubSubDeadLetterSourceDeliveryCount"
	deadSource      = "CloudPubSubDeadLetterSourceSubscription"
	deadProject     = "CloudPubSubDeadLetterSourceSubscriptionProject"
	deadPublishTime = "CloudPubSubDeadLetterSourceTopicPublishTime"
	deadError       = "CloudPubSubDeadLetterSourceDeliveryErrorMessage"
)

// Backoff of a push subscription without a retry policy ("Push backoff").
const (
	pushBackoffMin = 100 * time.Millisecond
	pushBackoffMax = 60 * time.Second
)

// acked ends a delivery well. Nobody waits for the record: a lost one means one
// more delivery. The lock is held.
func (b *broker) acked(s *subscription, id string) {
	if s.remove(id) {
		s.delivered++
		b.journal.Append(ackRecord(s.config.GetName(), id))
	}
}

// nacked ends an attempt badly: once more later, or to the dead letter topic.
// The lock is held.
func (b *broker) nacked(s *subscription, d *delivery, reason string) {
	if exhausted(s, d) && b.forward(s, d, reason) {
		return
	}
	s.schedule(d, time.Now().Add(b.scaled(backoff(s.config, d.attempts))))
}

func exhausted(s *subscription, d *delivery) bool {
	policy := s.config.GetDeadLetterPolicy()
	return policy != nil && d.attempts >= int(policy.GetMaxDeliveryAttempts())
}

// forward publishes a copy to the dead letter topic and acknowledges the
// original. Without that topic the message stays, as in the cloud.
func (b *broker) forward(s *subscription, d *delivery, reason string) bool {
	topic := s.config.GetDeadLetterPolicy().GetDeadLetterTopic()
	if _, ok := b.topics[topic]; !ok {
		return false
	}
	published, err := b.publish(topic, deadLetter(s, d, reason))
	if err != nil {
		return false // cannot be: the message was encoded once already
	}
	id := d.message.GetMessageId()
	s.remove(id)
	s.dead++
	b.journal.Append(published, ackRecord(s.config.GetName(), id))
	return true
}

func deadLetter(s *subscription, d *delivery, reason string) *pubsubpb.PubsubMessage {
	name := s.config.GetName()
	m := &pubsubpb.PubsubMessage{Data: d.message.GetData(), Attributes: maps.Clone(d.message.GetAttributes())}
	if m.Attributes == nil {
		m.Attributes = map[string]string{}
	}
	m.Attributes[deadCount] = strconv.Itoa(d.attempts)
	m.Attributes[deadSource] = path.Base(name)
	m.Attributes[deadProject] = strings.Split(name, "/")[1]
	m.Attributes[deadPublishTime] = publishTime(d.message)
	if reason != "" {
		m.Attributes[deadError] = reason
	}
	return m
}

// backoff doubles from the least to the most with each failed attempt.
func backoff(config *pubsubpb.Subscription, attempts int) time.Duration {
	wait, most := pushBackoffMin, pushBackoffMax
	if policy := config.GetRetryPolicy(); policy != nil {
		wait, most = policy.GetMinimumBackoff().AsDuration(), policy.GetMaximumBackoff().AsDuration()
	}
	for range attempts - 1 {
		wait = min(2*wait, most)
	}
	return wait
}

func publishTime(m *pubsubpb.PubsubMessage) string {
	return m.GetPublishTime().AsTime().Format("2006-01-02T15:04:05.000Z07:00")
}
