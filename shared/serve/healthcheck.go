package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// ErrNotReady says that the function of this container cannot do its work.
var ErrNotReady = errors.New("serve: the function is not ready")

// CheckHealth asks the function that serves on a port of this machine, 8080 for "", whether it is ready.
// It is the health check of a container, whose image has neither shell nor curl.
func CheckHealth(ctx context.Context, port string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort("127.0.0.1", cmp.Or(port, "8080")) + ReadyPath
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // only the status counts
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s", ErrNotReady, answer.Status)
	}
	return nil
}
