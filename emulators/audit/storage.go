package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// readsAtOnce bounds the calls at a time.
const readsAtOnce = 16

// object is one of a bucket; data is nil where only its name was asked for.
type object struct {
	name string
	meta map[string]string
	data []byte
}

// bucket speaks the JSON API of Cloud Storage.
type bucket struct{ base, name string }

// list names all objects below a prefix.
func (b bucket) list(ctx context.Context, prefix string) ([]object, error) {
	var all []object
	query := url.Values{"prefix": {prefix}, "maxResults": {"1000"}}
	for {
		var page struct {
			Items []struct {
				Name     string            `json:"name"`
				Metadata map[string]string `json:"metadata"`
			} `json:"items"`
			Next string `json:"nextPageToken"`
		}
		text, err := get(ctx, fmt.Sprintf("%s/storage/v1/b/%s/o?%s", b.base, b.name, query.Encode()))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, err)
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, item := range page.Items {
			all = append(all, object{name: item.Name, meta: item.Metadata})
		}
		if page.Next == "" {
			return all, nil
		}
		query.Set("pageToken", page.Next)
	}
}

// readAll lists and reads all objects below a prefix, in the order of their names.
func (b bucket) readAll(ctx context.Context, prefix string) ([]object, error) {
	all, err := b.list(ctx, prefix)
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i := range all {
		g.Go(func() error {
			var err error
			all[i].data, err = get(ctx, fmt.Sprintf("%s/storage/v1/b/%s/o/%s?alt=media", b.base, b.name, url.PathEscape(all[i].name)))
			return err
		})
	}
	return all, g.Wait()
}

// each reads all objects below a prefix as JSON.
func each[T any](ctx context.Context, b bucket, prefix string, do func(name string, v T) error) error {
	all, err := b.readAll(ctx, prefix)
	if err != nil {
		return err
	}
	for _, o := range all {
		var v T
		if err := json.Unmarshal(o.data, &v); err != nil {
			return fmt.Errorf("decode %s: %w", o.name, err)
		}
		if err := do(o.name, v); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return nil
}

var client = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readsAtOnce}}
})

func get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client().Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %d %s", address, answer.StatusCode, strings.TrimSpace(string(text)))
	}
	return text, nil
}
