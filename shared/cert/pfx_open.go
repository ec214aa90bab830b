package cert

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// contents are the keys and certificates of a PFX, in its order.
type contents struct {
	keys  []crypto.Signer
	certs []*Certificate
}

// open decrypts a PFX: first as it is, then with its lengths made definite, each in both ways that
// the library knows.
func open(pfx []byte, password string) (*contents, error) {
	der, err := toDER(pfx)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreadable, err) //nolint:errorlint // the sentinel is what callers ask for
	}
	c, err := openChain(der, password)
	if err == nil {
		return c, nil
	}
	if again, second := openBags(der, password); second == nil {
		return again, nil
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) || errors.Is(err, pkcs12.ErrDecryption) {
		return nil, ErrPassword
	}
	return nil, fmt.Errorf("%w: %v", ErrUnreadable, err) //nolint:errorlint // as above
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
