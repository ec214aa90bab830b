package store

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// attempts bounds the tries of one call: about six seconds with the backoff below.
const attempts = 8

// Bucket is a Driver whose unknown outcomes are resolved.
type Bucket struct {
	driver Driver
	pause  func(ctx context.Context, try int) error
}

// NewBucket wraps a driver.
func NewBucket(d Driver) *Bucket { return &Bucket{driver: d, pause: backoff} }

// Read returns the object; ErrNotFound if there is none.
func (b *Bucket) Read(ctx context.Context, name Name) (Object, error) {
	var object Object
	err := b.retry(ctx, func() error {
		var err error
		object, err = b.driver.Read(ctx, name.s)
		return err
	})
	return object, wrap("read", name, err)
}

// Exists tells whether the object is there.
func (b *Bucket) Exists(ctx context.Context, name Name) (bool, error) {
	page, err := b.list(ctx, Query{Prefix: name.s, Limit: 1})
	if err != nil {
		return false, wrap("look for", name, err)
	}
	return len(page.Objects) > 0 && page.Objects[0].Name == name.s, nil
}

// Create writes an object that must not exist yet. If one with the same bytes is there, that is
// success (an earlier try, or somebody who did the same); with other bytes ErrExists.
func (b *Bucket) Create(ctx context.Context, name Name, data []byte, meta map[string]string) (int64, error) {
	o, err := b.CreateOrRead(ctx, name, data, meta)
	if err != nil {
		return 0, err
	}
	return o.Generation, nil
}

// CreateOrRead is Create that gives with ErrExists the object that is there.
func (b *Bucket) CreateOrRead(ctx context.Context, name Name, data []byte, meta map[string]string) (Object, error) {
	o := Object{Name: name.s, Data: data, Meta: meta}
	standing, err := b.settle(ctx, o, func() (int64, error) { return b.driver.Create(ctx, o) }, ErrExists)
	return standing, wrap("create", name, err)
}

// Replace overwrites the generation that was read. If the object already holds these bytes, that is
// success; ErrChanged if it is another generation with other bytes, ErrNotFound if it is gone.
func (b *Bucket) Replace(ctx context.Context, name Name, generation int64, data []byte, meta map[string]string) (int64, error) {
	o := Object{Name: name.s, Data: data, Meta: meta, Generation: generation}
	next, err := b.settle(ctx, o, func() (int64, error) { return b.driver.Replace(ctx, o) }, ErrChanged)
	return next.Generation, wrap("replace", name, err)
}

// Renew gives an object of no content a new generation, or creates it: whoever read it before cannot delete it.
func (b *Bucket) Renew(ctx context.Context, name Name) error {
	nonce := []byte(crand.Text())
	for {
		_, err := b.Create(ctx, name, nonce, nil)
		if !errors.Is(err, ErrExists) {
			return err
		}
		standing, err := b.Read(ctx, name)
		if err == nil {
			_, err = b.Replace(ctx, name, standing.Generation, nonce, nil)
		}
		if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrChanged) {
			return err
		}
	}
}

// Delete removes the generation that was read; an object that is gone is success, ErrChanged if it is another one.
func (b *Bucket) Delete(ctx context.Context, name Name, generation int64) error {
	err := b.retry(ctx, func() error { return b.driver.Delete(ctx, name.s, generation) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return wrap("delete", name, err)
}

// List walks over the names of a query in order, page by page.
func (b *Bucket) List(ctx context.Context, q Query) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for {
			page, err := b.list(ctx, q)
			if err != nil {
				yield(Object{}, fmt.Errorf("list %s: %w", q.Prefix, err))
				return
			}
			for _, o := range page.Objects {
				if !yield(o, nil) {
					return
				}
			}
			if q.Token = page.Next; q.Token == "" {
				return
			}
		}
	}
}

// Prefixes lists what stands directly below a prefix (which ends in "/"), each with its slash.
func (b *Bucket) Prefixes(ctx context.Context, prefix string) ([]string, error) {
	var all []string
	q := Query{Prefix: prefix, Delimiter: "/"}
	for {
		page, err := b.list(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list below %s: %w", prefix, err)
		}
		all = append(all, page.Prefixes...)
		if q.Token = page.Next; q.Token == "" {
			return all, nil
		}
	}
}

func (b *Bucket) list(ctx context.Context, q Query) (Page, error) {
	var page Page
	err := b.retry(ctx, func() error {
		var err error
		page, err = b.driver.List(ctx, q)
		return err
	})
	return page, err
}

// settle writes until the outcome is known, and gives the object that stands then: lost is what the driver says
// when it is another's.
func (b *Bucket) settle(ctx context.Context, o Object, write func() (int64, error), lost error) (Object, error) {
	for try := 0; ; try++ {
		generation, err := write()
		if err == nil {
			o.Generation = generation
			return o, nil
		}
		// Which of retention and condition Cloud Storage looks at first is written nowhere: what is
		// retained stands there, perhaps by our own write.
		found, readErr := b.driver.Read(ctx, o.Name)
		switch {
		case readErr == nil && bytes.Equal(found.Data, o.Data):
			return found, nil
		case readErr == nil && found.Generation != o.Generation:
			return found, lost
		case errors.Is(readErr, ErrNotFound) && o.Generation != 0:
			return Object{}, ErrNotFound
		case errors.Is(err, ErrRetained):
			return Object{}, err
		}
		if try == attempts-1 {
			return Object{}, fmt.Errorf("unknown outcome: %w", err)
		}
		if err := b.pause(ctx, try); err != nil {
			return Object{}, err
		}
	}
}

// retry repeats a call whose failure leaves nothing behind.
func (b *Bucket) retry(ctx context.Context, call func() error) error {
	for try := 0; ; try++ {
		err := call()
		if err == nil || definite(err) || try == attempts-1 {
			return err
		}
		if err := b.pause(ctx, try); err != nil {
			return err
		}
	}
}

func definite(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) || errors.Is(err, ErrChanged) || errors.Is(err, ErrRetained)
}

// backoff waits 25 ms, 50 ms, … with jitter, at most two seconds.
func backoff(ctx context.Context, try int) error {
	wait := min(25*time.Millisecond<<try, 2*time.Second)
	timer := time.NewTimer(wait/2 + rand.N(wait))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func wrap(operation string, name Name, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", operation, name.s, err)
}
