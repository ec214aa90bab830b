package pubsub_test

import (
	"bytes"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"

	"timbre/emulators/pubsub"
)

// BenchmarkPush is publish with the official client, fsync, signed push and
// acknowledgement of messages of 256 bytes.
func BenchmarkPush(b *testing.B) {
	url, _ := endpoint(b, ok)
	server := start(b, pubsub.Options{Config: config(pubsub.Subscription{Endpoint: url, ServiceAccount: account, DeadLetterTopic: "dte-signed-dead"})})
	publisher := connect(b, server.Addr()).Publisher(topic)
	defer publisher.Stop()
	data := bytes.Repeat([]byte("x"), 256)
	begin := time.Now() // the benchmark's own clock stops with the last publish
	for b.Loop() {
		publisher.Publish(b.Context(), &client.Message{Data: data})
	}
	publisher.Flush()
	waitFor(b, server, sub, func(s pubsub.SubscriptionState) bool { return s.Delivered == int64(b.N) })
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "pushes/s")
}
