package company

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"timbre/shared/recent"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// ErrUnknown says that a company is not registered.
var ErrUnknown = errors.New("company: not registered")

// maxAge is how old a configuration may be when it is used (DESIGN, Secrets).
const maxAge = 30 * time.Second

// Directory reads configurations. Callers share what it gives out and must not change it.
type Directory struct {
	bucket *store.Bucket
	kept   *recent.Cache[rut.RUT, *Company]
}

// NewDirectory reads from the state bucket.
func NewDirectory(state *store.Bucket, now func() time.Time) *Directory {
	d := &Directory{bucket: state}
	d.kept = recent.New(recent.Options[rut.RUT, *Company]{Load: d.read, For: maxAge, Now: now})
	return d
}

// Load gives a configuration at most 30 seconds old; ErrUnknown if there is none.
func (d *Directory) Load(ctx context.Context, r rut.RUT) (*Company, error) {
	return d.kept.Get(ctx, r)
}

// Reload reads a configuration anew: before a refusal that a change of a moment ago would mend.
func (d *Directory) Reload(ctx context.Context, r rut.RUT) (*Company, error) {
	d.kept.Forget(r)
	return d.kept.Get(ctx, r)
}

// List names every company, for ticks.
func (d *Directory) List(ctx context.Context) ([]rut.RUT, error) {
	var all []rut.RUT
	for o, err := range d.bucket.List(ctx, store.Query{Prefix: store.CompanyPrefix}) {
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(o.Name, store.CompanyPrefix), ".json")
		r, err := rut.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("list companies: %s: %w", o.Name, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func (d *Directory) read(ctx context.Context, r rut.RUT) (*Company, error) {
	var c Company
	_, err := d.bucket.ReadJSON(ctx, store.CompanyConfig(r), &c)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, r)
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}
