package sii

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"timbre/shared/store"
)

// Date asks for the time at the SII, from the Date header of whatever it answers (RFC 9110, 6.6.1).
func (c *Client) Date(ctx context.Context, env store.Environment) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address(c.base, env, pathSeed), http.NoBody)
	if err != nil {
		return time.Time{}, err
	}
	request.Header.Set("User-Agent", userAgent)
	response, err := c.http.Do(request)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: ask for the time: %w", ErrUnavailable, err)
	}
	defer response.Body.Close()                                     //nolint:errcheck // only the header counts
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4096)) // lets the connection be used again
	at, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: ask for the time: %w", ErrUnavailable, err)
	}
	return at, nil
}
