package secrets

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/protobuf/encoding/protojson"

	"timbre/emulators/durable"
)

// secret is one secret with its versions; number n stands at n-1. It is never
// changed: a write makes a new one.
type secret struct {
	meta     *pb.Secret
	versions []version
}

type version struct {
	meta    *pb.SecretVersion
	payload []byte // nil once destroyed
}

// vault holds all secrets by their full names. Writers go one after the other;
// readers never wait for the disk.
type vault struct {
	dir string // empty: memory
	now func() time.Time

	writing sync.Mutex // held from the check of a change until it is stored

	mu     sync.RWMutex
	byName map[string]*secret
}

func openVault(dir string, now func() time.Time) (*vault, error) {
	v := &vault{dir: dir, now: now, byName: make(map[string]*secret)}
	if dir == "" {
		return v, nil
	}
	if err := durable.Mkdir(filepath.Join(dir, "secrets")); err != nil {
		return nil, err
	}
	names, err := durable.Clean(filepath.Join(dir, "secrets"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		s, err := readSecret(filepath.Join(dir, "secrets", name))
		if err != nil {
			return nil, fmt.Errorf("load secret %s: %w", name, err)
		}
		v.byName[s.meta.GetName()] = s
	}
	return v, nil
}

// get returns a secret, or nil.
func (v *vault) get(name string) *secret {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.byName[name]
}

// names are in order.
func (v *vault) names() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Sorted(maps.Keys(v.byName))
}

// change replaces the secret called name (nil: none) by what edit makes of it
// (nil: delete it). When it returns nil the change cannot be lost.
func (v *vault) change(name string, edit func(*secret) (*secret, error)) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	old := v.get(name)
	next, err := edit(old)
	if err != nil || next == old {
		return err
	}
	if err := v.store(name, next); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if next == nil {
		delete(v.byName, name)
		return nil
	}
	v.byName[name] = next
	return nil
}

func (v *vault) store(name string, s *secret) error {
	if v.dir == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(name))
	path := filepath.Join(v.dir, "secrets", hex.EncodeToString(sum[:])+".json")
	if s == nil {
		return durable.Remove(path)
	}
	text, err := s.encode()
	if err != nil {
		return fmt.Errorf("store secret: %w", err)
	}
	return durable.WriteFile(path, text)
}

// secretFile is a secret on disk.
type secretFile struct {
	Secret   json.RawMessage `json:"secret"`
	Versions []versionFile   `json:"versions"`
}

type versionFile struct {
	Version json.RawMessage `json:"version"`
	Payload []byte          `json:"payload"`
}

func (s *secret) encode() ([]byte, error) {
	meta, err := protojson.Marshal(s.meta)
	if err != nil {
		return nil, err
	}
	f := secretFile{Secret: meta}
	for _, ver := range s.versions {
		text, err := protojson.Marshal(ver.meta)
		if err != nil {
			return nil, err
		}
		f.Versions = append(f.Versions, versionFile{Version: text, Payload: ver.payload})
	}
	return json.Marshal(f)
}

func readSecret(path string) (*secret, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return decodeSecret(text)
}

func decodeSecret(text []byte) (*secret, error) {
	var f secretFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	s := &secret{meta: &pb.Secret{}}
	if err := protojson.Unmarshal(f.Secret, s.meta); err != nil {
		return nil, err
	}
	for _, ver := range f.Versions {
		meta := &pb.SecretVersion{}
		if err := protojson.Unmarshal(ver.Version, meta); err != nil {
			return nil, err
		}
		s.versions = append(s.versions, version{meta: meta, payload: ver.Payload})
	}
	return s, nil
}
