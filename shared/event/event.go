// Package event holds the messages between functions and the states of a document.
//
// Messages are wake-ups: they carry no truth and may be lost, doubled or late. The truth is in the
// buckets, and each function's tick finds what no message announced.
package event

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"timbre/shared/store"
)

// Topic is a Pub/Sub topic; each has a dead-letter topic with the suffix -dead.
type Topic string

// The topics.
const (
	DTESigned    Topic = "dte-signed"
	DTESent      Topic = "dte-sent"
	DTEStatus    Topic = "dte-status"
	DTEReceived  Topic = "dte-received"
	CompanyAlert Topic = "company-alert"
)

// Topics lists all of them.
func Topics() []Topic { return []Topic{DTESigned, DTESent, DTEStatus, DTEReceived, CompanyAlert} }

// TraceAttribute is the attribute of a message with the traceparent of who published it, as Google's own
// clients name it.
const TraceAttribute = "googclient_traceparent"

// Signed says that documents of a chain wait in the outbox.
type Signed struct {
	store.DocumentID
}

// Sent says that an envelope has a track id.
type Sent struct {
	store.EnvelopeID
}

// StatusChanged says that a document's state is another; Seq grows by one per change of the document.
type StatusChanged struct {
	store.DocumentID
	Seq int `json:"seq"`
}

// AlertRaised says that a due entry of notify holds an event about a company; Due is the entry's minute.
type AlertRaised struct {
	store.Company
	ID  store.EventID `json:"id"`
	Due time.Time     `json:"due"`
}

// Publisher sends a wake-up; an error means that it may not have been sent.
type Publisher interface {
	Publish(ctx context.Context, topic Topic, message any) error
}

// Memory collects what is published, for tests.
type Memory struct {
	mu   sync.Mutex
	sent map[Topic][]json.RawMessage
}

// Publish implements Publisher.
func (m *Memory) Publish(_ context.Context, topic Topic, message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode %s: %w", topic, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sent == nil {
		m.sent = map[Topic][]json.RawMessage{}
	}
	m.sent[topic] = append(m.sent[topic], data)
	return nil
}

// Take returns and forgets what was published on a topic.
func (m *Memory) Take(topic Topic) []json.RawMessage {
	m.mu.Lock()
	defer m.mu.Unlock()
	sent := m.sent[topic]
	delete(m.sent, topic)
	return sent
}
