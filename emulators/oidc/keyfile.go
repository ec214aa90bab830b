package oidc

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	keyFile  = "oidc-key.pem"
	pemBlock = "PRIVATE KEY"
)

// ErrKey tells that the key file holds no usable RSA key.
var ErrKey = errors.New("oidc: the key file holds no RSA key in PKCS#8")

// Open makes an issuer with the key kept in dir. The first process to come
// creates it, all others read that same one.
func Open(dir string) (*Issuer, error) {
	path := filepath.Join(dir, keyFile)
	issuer, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return issuer, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open token key: %w", err)
	}
	fresh, err := New()
	if err != nil {
		return nil, err
	}
	if err := create(path, fresh.key); err != nil {
		return nil, fmt.Errorf("keep token key: %w", err)
	}
	return load(path)
}

func load(path string) (*Issuer, error) {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("read token key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemBlock {
		return nil, fmt.Errorf("%s: %w", path, ErrKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrKey, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, ErrKey)
	}
	return fromKey(key), nil
}

// create links a finished file to its name: the link fails if the name is
// taken, so nobody ever reads half a key and nobody replaces one. Losing the
// race is no error.
func create(path string, key *rsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), keyFile+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	if err := write(temp, pem.EncodeToMemory(&pem.Block{Type: pemBlock, Bytes: der})); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func write(file *os.File, text []byte) error {
	_, err := file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}
