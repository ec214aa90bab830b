package gcs_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"timbre/emulators/gcs"
)

const (
	state   = "timbre-state"
	archive = "timbre-archive"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashEnv) != "" {
		os.Exit(serveUntilKilled())
	}
	os.Exit(m.Run())
}

// options has a bucket without and one with retention, in memory.
func options() gcs.Options {
	return gcs.Options{Buckets: []gcs.Bucket{{Name: state}, {Name: archive, Retention: 24 * time.Hour}}}
}

func start(tb testing.TB, opt gcs.Options) *gcs.Server {
	tb.Helper()
	srv, err := gcs.Start(opt)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := srv.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return srv
}

// client is the official one, without its retries: a test wants to see the first
// answer.
func client(tb testing.TB, url string, opts ...option.ClientOption) *storage.Client {
	tb.Helper()
	opts = append([]option.ClientOption{
		option.WithEndpoint(url + "/storage/v1/"), option.WithoutAuthentication(), storage.WithJSONReads(),
		option.WithHTTPClient(&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}),
	}, opts...)
	c, err := storage.NewClient(context.Background(), opts...)
	if err != nil {
		tb.Fatal(err)
	}
	c.SetRetry(storage.WithPolicy(storage.RetryNever))
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func put(ctx context.Context, o *storage.ObjectHandle, content string) (*storage.ObjectAttrs, error) {
	w := o.NewWriter(ctx)
	w.ChunkSize = 0
	if _, err := io.WriteString(w, content); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return w.Attrs(), nil
}

func mustPut(tb testing.TB, o *storage.ObjectHandle, content string) *storage.ObjectAttrs {
	tb.Helper()
	a, err := put(tb.Context(), o, content)
	if err != nil {
		tb.Fatalf("put %s: %v", o.ObjectName(), err)
	}
	return a
}

func get(ctx context.Context, o *storage.ObjectHandle) (string, *storage.Reader, error) {
	r, err := o.NewReader(ctx)
	if err != nil {
		return "", nil, err
	}
	b, err := io.ReadAll(r)
	return string(b), r, errors.Join(err, r.Close())
}

// status is the HTTP status in err; 200 for nil, 0 if it holds none.
func status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	var e *googleapi.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func reason(err error) string {
	var e *googleapi.Error
	if !errors.As(err, &e) || len(e.Errors) == 0 {
		return ""
	}
	return e.Errors[0].Reason
}

// clock is a time that moves only when told.
type clock struct {
	mu    sync.Mutex
	since time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).Add(c.since)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since += d
}
