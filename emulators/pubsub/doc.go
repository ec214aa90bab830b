// Package pubsub is a stand-in for Cloud Pub/Sub on one machine, for the
// official client (cloud.google.com/go/pubsub/v2 with PUBSUB_EMULATOR_HOST).
//
// It publishes, and pushes what was published to HTTP endpoints as the real
// service does: wrapped bodies, an ID token per subscription, ack deadline,
// retry policy with exponential backoff, dead letter topics. Pull is there to
// look into dead letters. What Publish has answered survives kill -9: topics,
// subscriptions, messages and acknowledgements are kept in a journal.
//
// Delivery is at least once and in no order, as in the cloud. What the product
// does not use is refused, never ignored: ordering keys, filters, exactly-once,
// schemas, snapshots, seek, streaming pull.
//
// Start with Start(Options{Dir: dir}); cmd is the same as a process.
//
// It follows the Pub/Sub v1 RPC reference (google/pubsub/v1/pubsub.proto) and
// the guides "Push subscriptions", "Authenticate for push subscriptions",
// "Handle message failures" and "Dead-letter topics" of cloud.google.com/pubsub.
package pubsub
