// Package gcsstore is a bucket of Cloud Storage as a store.Driver, through the official JSON client.
//
// The client retries nothing here: store.Bucket does, since only it can tell what an unknown outcome
// was. STORAGE_EMULATOR_HOST, which the client itself reads, names an emulator.
package gcsstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"timbre/shared/store"
)

// pageSize is how many names a page of a listing holds unless the query says less.
const pageSize = 1000

// callTimeout bounds one call. A create with all its tries must end within the grace that the sweeper
// of folios leaves (folio.Options.Grace), so that no claim lands after the sweep that covers it.
const callTimeout = 10 * time.Second

// Client opens buckets over one connection pool.
type Client struct{ storage *storage.Client }

// NewClient connects with the credentials of the environment.
func NewClient(ctx context.Context) (*Client, error) {
	c, err := storage.NewClient(ctx, storage.WithJSONReads())
	if err != nil {
		return nil, fmt.Errorf("connect to Cloud Storage: %w", err)
	}
	c.SetRetry(storage.WithPolicy(storage.RetryNever))
	return &Client{storage: c}, nil
}

// Close gives the connections back.
func (c *Client) Close() error { return c.storage.Close() }

// Bucket is the driver of one bucket.
func (c *Client) Bucket(name string) store.Driver { return driver{c.storage.Bucket(name)} }

type driver struct{ bucket *storage.BucketHandle }

func (d driver) Read(ctx context.Context, name string) (store.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := d.bucket.Object(name).NewReader(ctx)
	if err != nil {
		return store.Object{}, translate(err, store.ErrNotFound)
	}
	defer r.Close() //nolint:errcheck // the content has been read or its error is returned
	var data bytes.Buffer
	data.Grow(int(max(r.Attrs.Size, 0)) + bytes.MinRead) // a buffer that grows by and by takes several times as much
	if _, err := data.ReadFrom(r); err != nil {
		return store.Object{}, fmt.Errorf("read content: %w", err)
	}
	return store.Object{Name: name, Data: data.Bytes(), Meta: r.Metadata(), Generation: r.Attrs.Generation}, nil
}

func (d driver) Create(ctx context.Context, o store.Object) (int64, error) {
	return d.write(ctx, o, storage.Conditions{DoesNotExist: true}, store.ErrExists)
}

func (d driver) Replace(ctx context.Context, o store.Object) (int64, error) {
	return d.write(ctx, o, storage.Conditions{GenerationMatch: o.Generation}, store.ErrChanged)
}

func (d driver) write(ctx context.Context, o store.Object, c storage.Conditions, lost error) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel() // also abandons an upload whose content could not be written
	w := d.bucket.Object(o.Name).If(c).NewWriter(ctx)
	w.ChunkSize = 0 // one request, no retries of its own
	w.Metadata = o.Meta
	if _, err := w.Write(o.Data); err != nil {
		return 0, translate(err, lost)
	}
	if err := w.Close(); err != nil {
		return 0, translate(err, lost)
	}
	return w.Attrs().Generation, nil
}

func (d driver) Delete(ctx context.Context, name string, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conditions := storage.Conditions{GenerationMatch: generation}
	return translate(d.bucket.Object(name).If(conditions).Delete(ctx), store.ErrChanged)
}

func (d driver) List(ctx context.Context, q store.Query) (store.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	query := &storage.Query{Prefix: q.Prefix, StartOffset: q.Start, EndOffset: q.End, Delimiter: q.Delimiter, Projection: storage.ProjectionNoACL}
	if err := query.SetAttrSelection([]string{"Name", "Generation", "Metadata"}); err != nil {
		return store.Page{}, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = pageSize
	}
	var attrs []*storage.ObjectAttrs
	next, err := iterator.NewPager(d.bucket.Objects(ctx, query), limit, q.Token).NextPage(&attrs)
	if err != nil {
		return store.Page{}, translate(err, store.ErrNotFound)
	}
	page := store.Page{Next: next}
	for _, a := range attrs {
		if a.Prefix != "" {
			page.Prefixes = append(page.Prefixes, a.Prefix)
			continue
		}
		page.Objects = append(page.Objects, store.Object{Name: a.Name, Meta: a.Metadata, Generation: a.Generation})
	}
	return page, nil
}

// translate turns the cloud's definite answers into the store's; lost is what a failed condition means.
func translate(err, lost error) error {
	var api *googleapi.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrObjectNotExist):
		return fmt.Errorf("%w: %w", store.ErrNotFound, err)
	case !errors.As(err, &api):
		return err
	case api.Code == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", lost, err)
	case api.Code == http.StatusForbidden && retained(api):
		return fmt.Errorf("%w: %w", store.ErrRetained, err)
	}
	return err
}

func retained(err *googleapi.Error) bool {
	for _, item := range err.Errors {
		if item.Reason == "retentionPolicyNotMet" {
			return true
		}
	}
	return false
}
