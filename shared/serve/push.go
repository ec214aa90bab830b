package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"slices"

	"timbre/shared/event"
	"timbre/shared/problem"
)

// PushPath is the route of Pub/Sub pushes; {topic} names one of event.Topics.
const PushPath = "/_push/{topic}"

// maxPush bounds a push: a message of the product has some hundred bytes.
const maxPush = 1 << 20

// PushFunc does what a message wakes it up for; attempt counts deliveries, 0 if the sender does not say.
type PushFunc func(ctx context.Context, topic event.Topic, message json.RawMessage, attempt int) error

// Permanent marks a fault that no redelivery mends: the message is acknowledged. The caller has
// recorded what matters; the fault is logged here.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// Push answers deliveries of Pub/Sub. Only 2xx acknowledges: done, or refused for good (204); every
// other error is delivered again (the status of its problem, 500 if it has none).
func Push(logger *slog.Logger, do PushFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		topic := event.Topic(r.PathValue("topic"))
		if !slices.Contains(event.Topics(), topic) {
			problem.Write(w, r, problem.New(problem.NotFound, ""), logger)
			return
		}
		m, err := readPush(w, r)
		ctx := adopt(r.Context(), m.parent)
		if err == nil {
			err = do(ctx, topic, m.data, m.attempt)
		}
		var forGood *permanent
		if errors.As(err, &forGood) {
			logger.ErrorContext(ctx, "message given up", "topic", topic, "attempt", m.attempt, "error", err)
			err = nil
		}
		if err != nil {
			problem.Write(w, r, redeliver(err), logger)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// redeliver makes sure that a push function's problem is no 4xx, which would read as the sender's fault.
func redeliver(err error) error {
	if problem.Of(err).Code.Status() >= http.StatusInternalServerError {
		return err
	}
	return &problem.Error{Code: problem.Internal, Cause: err}
}

// pushed is the body of a wrapped push and the data of Eventarc's messagePublished.
type pushed struct {
	DeliveryAttempt int `json:"deliveryAttempt"`
	Message         *struct {
		Data       []byte            `json:"data"`
		Attributes map[string]string `json:"attributes"`
	} `json:"message"`
}

// message is what a push brings.
type message struct {
	data    json.RawMessage
	attempt int
	parent  string // the traceparent of who published it
}

// readPush decodes a wrapped push, or a CloudEvent of Eventarc in binary or structured mode.
func readPush(w http.ResponseWriter, r *http.Request) (message, error) {
	text, err := ReadBody(w, r, maxPush)
	if err != nil {
		return message{}, err
	}
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == "application/cloudevents+json" {
		var event struct {
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(text, &event); err != nil {
			return message{}, Permanent(fmt.Errorf("decode a CloudEvent: %w", err))
		}
		text = event.Data
	}
	var p pushed
	if err := json.Unmarshal(text, &p); err != nil {
		return message{}, Permanent(fmt.Errorf("decode a push: %w", err))
	}
	m := message{attempt: p.DeliveryAttempt}
	if p.Message == nil || !json.Valid(p.Message.Data) {
		return m, Permanent(errors.New("push without a JSON message"))
	}
	m.data, m.parent = p.Message.Data, p.Message.Attributes[event.TraceAttribute]
	return m, nil
}
