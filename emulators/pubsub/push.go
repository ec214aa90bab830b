package pubsub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"timbre/emulators/oidc"
)

const userAgent = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"

// ackCodes acknowledge a push, and so does the interim 102 ("Push
// subscriptions", Receive messages).
var ackCodes = []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}

// pusher posts due messages to the endpoints.
type pusher struct {
	broker  *broker
	issuer  *oidc.Issuer
	client  *http.Client
	workers int
	log     *slog.Logger
}

func newPusher(o Options, b *broker) *pusher {
	return &pusher{
		broker:  b,
		issuer:  o.Issuer,
		workers: o.Workers,
		log:     o.Logger,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 2 * o.Workers, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// run pushes what is due of one subscription until ctx ends, so many at once.
func (p *pusher) run(ctx context.Context, s *subscription) {
	var pushes sync.WaitGroup
	defer pushes.Wait()
	slots := make(chan struct{}, p.workers)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		next, ok := p.next(ctx, s)
		if !ok {
			return
		}
		pushes.Go(func() {
			p.deliver(ctx, s, next)
			<-slots
		})
	}
}

// attempt is one push: what to send, and where.
type attempt struct {
	delivery *delivery
	config   *pubsubpb.Subscription
	number   int
}

// next waits for a message that is due; false when ctx ended.
func (p *pusher) next(ctx context.Context, s *subscription) (attempt, bool) {
	for {
		begun, changed, after := p.broker.begin(s)
		if begun.delivery != nil {
			return begun, true
		}
		if !wait(ctx, changed, after) {
			return begun, false
		}
	}
}

// begin takes the first due message out of the queue.
func (b *broker) begin(s *subscription) (attempt, <-chan struct{}, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.config.GetPushConfig().GetPushEndpoint() == "" {
		return attempt{}, s.changed, idle
	}
	d, after := s.due(time.Now())
	if d == nil {
		return attempt{}, s.changed, after
	}
	s.unqueue(d)
	d.attempts++
	return attempt{delivery: d, config: s.config, number: d.attempts}, nil, 0
}

func (p *pusher) deliver(ctx context.Context, s *subscription, a attempt) {
	err := p.push(ctx, a)
	if err != nil && ctx.Err() != nil {
		return // the emulator stops or the subscription is gone: no fault of the endpoint
	}
	if err != nil {
		p.log.Warn("push_failed", "subscription", a.config.GetName(), "message_id", a.delivery.message.GetMessageId(),
			"attempt", a.number, "error", err)
	}
	p.broker.settle(s, a.delivery, err)
}

func (b *broker) settle(s *subscription, d *delivery, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := d.message.GetMessageId()
	switch {
	case s.pending[id] != d:
	case err == nil:
		b.acked(s, id)
	default:
		b.nacked(s, d, err.Error())
	}
}

// push posts the message once; nil means acknowledged. The ack deadline is the
// time that the endpoint has.
func (p *pusher) push(ctx context.Context, a attempt) error {
	ctx, cancel := context.WithTimeout(ctx, p.broker.scaled(ackDeadline(a.config)))
	defer cancel()
	var processing atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			processing.CompareAndSwap(false, code == http.StatusProcessing)
			return nil
		},
	})
	request, err := p.request(ctx, a)
	if err != nil {
		return err
	}
	code, err := p.post(request)
	if processing.Load() || slices.Contains(ackCodes, code) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("endpoint answered %d", code)
}

// post answers the status even when the rest of the answer fails to come.
func (p *pusher) post(request *http.Request) (int, error) {
	response, err := p.client.Do(request)
	if err != nil {
		return 0, err
	}
	// Reading to the end frees the connection for the next push.
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	_ = response.Body.Close()
	return response.StatusCode, err
}

func (p *pusher) request(ctx context.Context, a attempt) (*http.Request, error) {
	body, err := json.Marshal(wrap(a))
	if err != nil {
		return nil, fmt.Errorf("encode push: %w", err)
	}
	endpoint := a.config.GetPushConfig().GetPushEndpoint()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make push: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	if identity := a.config.GetPushConfig().GetOidcToken(); identity != nil {
		token, err := p.issuer.Token(or(identity.GetAudience(), endpoint), identity.GetServiceAccountEmail())
		if err != nil {
			return nil, fmt.Errorf("sign push: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// wrapped is the body of a push. The service writes two names twice.
type wrapped struct {
	DeliveryAttempt int            `json:"deliveryAttempt,omitempty"`
	Message         wrappedMessage `json:"message"`
	Subscription    string         `json:"subscription"`
}

type wrappedMessage struct {
	Attributes       map[string]string `json:"attributes"`
	Data             []byte            `json:"data"`
	MessageID        string            `json:"messageId"`
	MessageIDSnake   string            `json:"message_id"`
	PublishTime      string            `json:"publishTime"`
	PublishTimeSnake string            `json:"publish_time"`
}

func wrap(a attempt) wrapped {
	m := a.delivery.message
	body := wrapped{
		Subscription: a.config.GetName(),
		Message: wrappedMessage{
			Attributes:       m.GetAttributes(),
			Data:             m.GetData(),
			MessageID:        m.GetMessageId(),
			MessageIDSnake:   m.GetMessageId(),
			PublishTime:      publishTime(m),
			PublishTimeSnake: publishTime(m),
		},
	}
	if body.Message.Attributes == nil {
		body.Message.Attributes = map[string]string{}
	}
	if body.Message.Data == nil {
		body.Message.Data = []byte{}
	}
	if a.config.GetDeadLetterPolicy() != nil {
		body.DeliveryAttempt = a.number
	}
	return body
}
