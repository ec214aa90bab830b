package cert

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"software.sslmate.com/src/go-pkcs12"
)

// contents are the keys and certificates of a PFX, in its order.
type contents struct {
	keys  []crypto.Signer
	certs []*Certificate
}

// maxSize bounds the file; one with a long chain has 10 kB.
const maxSize = 1 << 20

// open decrypts a PFX, in both ways that the library knows.
func open(pfx []byte, password string) (*contents, error) {
	if len(pfx) > maxSize {
		return nil, fmt.Errorf("%w: too large", ErrUnreadable)
	}
	der, err := normalize(pfx, password)
	if err != nil {
		return nil, err
	}
	c, err := openChain(der, password)
	if err == nil {
		return c, nil
	}
	if again, second := openBags(der, password); second == nil {
		return again, nil
	}
	return nil, classify(err, password)
}

// normalize makes DER of BER, outside and inside.
func normalize(pfx []byte, password string) ([]byte, error) {
	der, err := toDER(pfx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if err := checkWork(der, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	inside, err := normalizeContent(der, password)
	if err != nil {
		return nil, err
	}
	if err := checkWork(inside, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return inside, nil
}

// classify turns the library's errors into ours. It has no sentinel for a file without key.
func classify(err error, password string) error {
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption), !inBMP(password):
		return ErrPassword
	case strings.HasSuffix(err.Error(), "private key missing"):
		return ErrNoKey
	}
	return fmt.Errorf("%w: %w", ErrUnreadable, err)
}

// inBMP tells whether PKCS#12 can hold the password at all: as UTF-8 text of two-byte characters.
func inBMP(password string) bool {
	return utf8.ValidString(password) && !strings.ContainsFunc(password, func(r rune) bool { return r > 0xFFFF })
}

// openChain reads a file with one key and certificates that crypto/x509 takes.
func openChain(der []byte, password string) (*contents, error) {
	key, leaf, others, err := pkcs12.DecodeChain(der, password)
	if err != nil {
		return nil, err
	}
	c := &contents{}
	c.addKey(key)
	for _, x := range append([]*x509.Certificate{leaf}, others...) {
		c.addCertificate(x.Raw)
	}
	return c, nil
}

// openBags reads files with no key or several, and with certificates that crypto/x509 refuses.
func openBags(der []byte, password string) (*contents, error) {
	//lint:ignore SA1019 the one reader of several keys and of certificates that crypto/x509 refuses; its PEM is not used as such
	blocks, err := pkcs12.ToPEM(der, password)
	if err != nil {
		return nil, err
	}
	c := &contents{}
	for _, b := range blocks {
		if b.Type == "CERTIFICATE" {
			c.addCertificate(b.Bytes)
			continue
		}
		c.addKey(parseKey(b))
	}
	return c, nil
}

func parseKey(b *pem.Block) any {
	if key, err := x509.ParsePKCS1PrivateKey(b.Bytes); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(b.Bytes); err == nil {
		return key
	}
	return nil
}

func (c *contents) addKey(key any) {
	if signer, ok := key.(crypto.Signer); ok {
		c.keys = append(c.keys, signer)
	}
}

func (c *contents) addCertificate(der []byte) {
	if read, err := ReadCertificate(der); err == nil {
		c.certs = append(c.certs, read)
	}
}

// choose takes the first key that has its certificate in the file and can sign: the order of bags
// says nothing, some programs put the authority's certificate first.
func choose(c *contents) (*Identity, error) {
	reason := ErrNoKey
	for _, key := range c.keys {
		for _, candidate := range c.certs {
			identity, err := New(key, candidate)
			if err == nil {
				return identity, nil
			}
			if !errors.Is(err, ErrNoKey) {
				reason = err
			}
		}
	}
	return nil, reason
}
