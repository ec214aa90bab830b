package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ReadJSON reads an object into v and tells its generation.
func (b *Bucket) ReadJSON(ctx context.Context, name Name, v any) (int64, error) {
	o, err := b.Read(ctx, name)
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(o.Data, v); err != nil {
		return 0, fmt.Errorf("decode %s: %w", name.s, err)
	}
	return o.Generation, nil
}

// CreateJSON is Create of v as JSON.
func (b *Bucket) CreateJSON(ctx context.Context, name Name, v any, meta map[string]string) (int64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", name.s, err)
	}
	return b.Create(ctx, name, data, meta)
}

// ReplaceJSON is Replace by v as JSON.
func (b *Bucket) ReplaceJSON(ctx context.Context, name Name, generation int64, v any, meta map[string]string) (int64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", name.s, err)
	}
	return b.Replace(ctx, name, generation, data, meta)
}

// ErrUnchanged is what an Update's change returns to leave the object as it is.
var ErrUnchanged = errors.New("store: nothing to change")

// Update reads, changes and replaces an object until nobody came between; change may run several times
// and gets a fresh value each time. meta (may be nil) derives the metadata of the new value.
func Update[T any](ctx context.Context, b *Bucket, name Name, change func(*T) error, meta func(*T) map[string]string) (T, error) {
	for try := 0; ; try++ {
		var value T
		generation, err := b.ReadJSON(ctx, name, &value)
		if err != nil {
			return value, err
		}
		if err := change(&value); err != nil {
			if errors.Is(err, ErrUnchanged) {
				err = nil
			}
			return value, err
		}
		var m map[string]string
		if meta != nil {
			m = meta(&value)
		}
		_, err = b.ReplaceJSON(ctx, name, generation, value, m)
		if !errors.Is(err, ErrChanged) || try == attempts-1 {
			return value, err
		}
		if err := b.pause(ctx, try); err != nil {
			return value, err
		}
	}
}
