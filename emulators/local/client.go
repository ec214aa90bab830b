package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Client calls the product's API as an ERP does.
type Client struct {
	Base, Key string
	http      http.Client
}

// NewClient makes a client of a gateway.
func NewClient(base, key string) *Client {
	return &Client{Base: base, Key: key, http: http.Client{Timeout: time.Minute}}
}

// Timeout bounds each call, answer included; a minute if it is not set.
func (c *Client) Timeout(d time.Duration) { c.http.Timeout = d }

// APIError is an answer that is not 2xx.
type APIError struct {
	Method, Path string
	Status       int
	Body         []byte
}

func (e *APIError) Error() string {
	return fmt.Sprintf("%s %s: %d %s", e.Method, e.Path, e.Status, bytes.TrimSpace(e.Body))
}

// Call sends a body (JSON of v, bytes as they are, or none for nil) and returns the answer's.
func (c *Client) Call(ctx context.Context, method, path string, v any, headers ...string) ([]byte, error) {
	body, err := encode(v)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	if v != nil {
		request.Header.Set("Content-Type", contentType(v))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if answer.StatusCode/100 != 2 {
		return nil, &APIError{Method: method, Path: path, Status: answer.StatusCode, Body: got}
	}
	return got, nil
}

func encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []byte:
		return v, nil
	default:
		return json.Marshal(v)
	}
}

func contentType(v any) string {
	if _, raw := v.([]byte); raw {
		return "application/xml"
	}
	return "application/json"
}
