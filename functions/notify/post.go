package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"timbre/shared/company"
	"timbre/shared/trace"
)

const (
	// postTimeout bounds a post from the name's resolution to the end of the answer.
	postTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read, so that its connection can be used again.
	maxAnswer = 64 << 10
)

// failure says why a receiver did not take an event.
type failure struct {
	// dead tells that the receiver is likely to take no other event either.
	dead  bool
	cause error
}

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

var (
	errScheme   = errors.New("notify: the webhook is not https")
	errUnsigned = errors.New("notify: the webhook has no secret (POST …/webhook:rotate)")
	errAnswer   = errors.New("notify: the receiver did not answer 2xx")
)

// newClient makes the client for webhooks: no proxy, no redirects, no waiting.
func newClient(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Timeout:       postTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dial, TLSHandshakeTimeout: postTimeout, ResponseHeaderTimeout: postTimeout,
			MaxResponseHeaderBytes: maxAnswer, MaxIdleConnsPerHost: atOnce, IdleConnTimeout: 30 * time.Second,
		},
	}
}

// post sends a body, signed. The error is one of ours.
func (s *service) post(ctx context.Context, c *company.Company, body []byte) (*failure, error) {
	address, err := url.Parse(c.WebhookURL)
	if err != nil || address.Scheme != "https" && !(s.cfg.AllowPrivateHosts && address.Scheme == "http") {
		return &failure{cause: errScheme}, nil //nolint:nilerr // err would quote the URL, which may hold a secret
	}
	if len(c.WebhookSecrets) == 0 {
		return &failure{cause: errUnsigned}, nil
	}
	timestamp := strconv.FormatInt(s.Now().Unix(), 10)
	signature, err := s.sign(ctx, c, timestamp, body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "timbre-notify/1")
	request.Header.Set(trace.Header, trace.Parent(ctx))
	request.Header.Set(TimestampHeader, timestamp)
	request.Header.Set(SignatureHeader, signature)
	return s.send(request), nil
}

// send tells what a receiver makes of a request.
func (s *service) send(request *http.Request) *failure {
	answer, err := s.client.Do(request)
	if err != nil {
		var quoted *url.Error // its text holds the URL, which may hold a secret
		if errors.As(err, &quoted) {
			err = quoted.Err
		}
		return &failure{dead: true, cause: err}
	}
	defer answer.Body.Close() //nolint:errcheck // the status has been read
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	switch code := answer.StatusCode; code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &failure{dead: true, cause: fmt.Errorf("%w: %d", errAnswer, code)}
	default:
		if code/100 == 2 {
			return nil
		}
		return &failure{cause: fmt.Errorf("%w: %d", errAnswer, code)}
	}
}

// sign makes the signature header, a part for each live secret.
func (s *service) sign(ctx context.Context, c *company.Company, timestamp string, body []byte) (string, error) {
	parts := make([]string, 0, len(c.WebhookSecrets))
	for _, ref := range c.WebhookSecrets {
		secret, err := s.secrets.Get(ctx, ref)
		if err != nil {
			return "", err
		}
		parts = append(parts, Signature(secret, timestamp, body))
	}
	return strings.Join(parts, ","), nil
}

// Signature is what a receiver with the secret must find in SignatureHeader.
func Signature(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}
