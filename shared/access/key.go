package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"timbre/shared/recent"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	// KeyPrefix begins every API key, so that people and scanners know one when they see it.
	KeyPrefix = "timbre_"
	keyBytes  = 32
	keyLength = len(KeyPrefix) + 43 // base64url of keyBytes
	// idLength is how much of the key's SHA-256 (in hex) serves as its public id.
	idLength = 16
	// keyAge is how long a key is remembered: a revoked one is dead within a minute.
	keyAge = 30 * time.Second
)

// ErrNoKey says that there is no API key of an id.
var ErrNoKey = errors.New("access: no such API key")

// Key is what is known of an API key; the key itself is with its owner only.
type Key struct {
	ID      string    `json:"id"`
	RUTs    []rut.RUT `json:"ruts"`
	Scopes  []Scope   `json:"scopes"`
	Label   string    `json:"label,omitempty"`
	Created time.Time `json:"created"`
}

// Keys are the API keys in the state bucket.
type Keys struct {
	bucket *store.Bucket
	now    func() time.Time
	kept   *recent.Cache[[sha256.Size]byte, *Key]
}

// NewKeys reads and writes keys in the state bucket.
func NewKeys(state *store.Bucket, now func() time.Time) *Keys {
	k := &Keys{bucket: state, now: now}
	k.kept = recent.New(recent.Options[[sha256.Size]byte, *Key]{Load: k.read, For: keyAge, Max: 10_000, Now: now})
	return k
}

// Issue makes an API key. The answer is the only time that the key itself is seen.
func (k *Keys) Issue(ctx context.Context, ruts []rut.RUT, scopes []Scope, label string) (string, Key, error) {
	random := make([]byte, keyBytes)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	text := KeyPrefix + base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(text))
	key := Key{ID: hex.EncodeToString(sum[:])[:idLength], RUTs: ruts, Scopes: scopes, Label: label, Created: k.now().UTC()}
	if _, err := k.bucket.CreateJSON(ctx, store.APIKey(sum), key, keyMeta(key)); err != nil {
		return "", Key{}, err
	}
	return text, key, nil
}

const metaRUTs = "ruts"

// keyMeta lets List pass over other companies' keys without reading them.
func keyMeta(k Key) map[string]string {
	texts := make([]string, len(k.RUTs))
	for i, r := range k.RUTs {
		texts[i] = r.String()
	}
	return map[string]string{metaRUTs: strings.Join(texts, ",")}
}

// List gives the keys that may act for a company, the oldest first.
func (k *Keys) List(ctx context.Context, r rut.RUT) ([]Key, error) {
	keys := []Key{}
	for o, err := range k.bucket.List(ctx, store.Query{Prefix: store.APIKeyPrefix}) {
		if err != nil {
			return nil, err
		}
		if !slices.Contains(strings.Split(o.Meta[metaRUTs], ","), r.String()) {
			continue
		}
		key, _, err := k.load(ctx, o)
		if errors.Is(err, store.ErrNotFound) { // revoked meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b Key) int { return a.Created.Compare(b.Created) })
	return keys, nil
}

// Revoke deletes the key of an id if allow lets it; ErrNoKey if there is none.
func (k *Keys) Revoke(ctx context.Context, id string, allow func(Key) error) error {
	if _, err := hex.DecodeString(id); err != nil || len(id) != idLength {
		return ErrNoKey
	}
	for o, err := range k.bucket.List(ctx, store.Query{Prefix: store.APIKeyPrefix + id}) {
		if err != nil {
			return err
		}
		key, generation, err := k.load(ctx, o)
		if err != nil {
			return err
		}
		if err := allow(key); err != nil {
			return err
		}
		sum, err := sumOf(o.Name)
		if err != nil {
			return err
		}
		defer k.kept.Forget(sum)
		return k.bucket.Delete(ctx, store.APIKey(sum), generation)
	}
	return ErrNoKey
}

// Leave takes a company out of every key: a key of that company alone is deleted.
func (k *Keys) Leave(ctx context.Context, r rut.RUT) error {
	keys, err := k.List(ctx, r)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := k.leave(ctx, key.ID, r); err != nil && !errors.Is(err, ErrNoKey) {
			return err
		}
	}
	return nil
}

func (k *Keys) leave(ctx context.Context, id string, r rut.RUT) error {
	for o, err := range k.bucket.List(ctx, store.Query{Prefix: store.APIKeyPrefix + id}) {
		if err != nil {
			return err
		}
		sum, err := sumOf(o.Name)
		if err != nil {
			return err
		}
		defer k.kept.Forget(sum)
		key, generation, err := k.load(ctx, o)
		if err != nil {
			return err
		}
		key.RUTs = slices.DeleteFunc(key.RUTs, func(of rut.RUT) bool { return of == r })
		if len(key.RUTs) == 0 {
			return k.bucket.Delete(ctx, store.APIKey(sum), generation)
		}
		_, err = k.bucket.ReplaceJSON(ctx, store.APIKey(sum), generation, key, keyMeta(key))
		return err
	}
	return ErrNoKey
}

// find gives the key of a text; nil if there is none. What cannot be a key costs no look.
func (k *Keys) find(ctx context.Context, text string) (*Key, error) {
	if len(text) != keyLength {
		return nil, nil //nolint:nilnil // no key is an answer here
	}
	return k.kept.Get(ctx, sha256.Sum256([]byte(text)))
}

// read remembers also what does not exist, so that guessing costs the bucket nothing twice.
func (k *Keys) read(ctx context.Context, sum [sha256.Size]byte) (*Key, error) {
	var key Key
	_, err := k.bucket.ReadJSON(ctx, store.APIKey(sum), &key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // no key is an answer here
	}
	if err != nil {
		return nil, err
	}
	return &key, nil
}

func (k *Keys) load(ctx context.Context, o store.Object) (Key, int64, error) {
	sum, err := sumOf(o.Name)
	if err != nil {
		return Key{}, 0, err
	}
	var key Key
	generation, err := k.bucket.ReadJSON(ctx, store.APIKey(sum), &key)
	return key, generation, err
}

// sumOf reads the SHA-256 out of a name that store.APIKey made.
func sumOf(name string) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	text := strings.TrimSuffix(strings.TrimPrefix(name, store.APIKeyPrefix), ".json")
	if n, err := hex.Decode(sum[:], []byte(text)[:min(len(text), 2*len(sum))]); err != nil || n != len(sum) {
		return sum, fmt.Errorf("access: %s names no API key", name)
	}
	return sum, nil
}
