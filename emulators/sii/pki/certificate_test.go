package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"timbre/emulators/sii/pki"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func issue(t *testing.T, template *x509.Certificate, by *issued) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(1), now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert: cert, key: key}
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true}
}

func person(t *testing.T, san, serial string) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "Ñ", SerialNumber: serial}}
	if san != "" {
		extensions, err := pki.RUTExtensions(san, "99999999-9")
		if err != nil {
			t.Fatal(err)
		}
		c.ExtraExtensions = extensions
	}
	return c
}

func TestSignerRUT(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, san, serial, want string }{
		{"in the SAN", "49624463-K", "", "49624463-K"},
		{"small k", "49624463-k", "", "49624463-K"},
		{"leading zero", "07880442-4", "", "7880442-4"},
		{"only in the subject", "", "49624463-K", "49624463-K"},
		{"SAN wins", "49624463-K", "7880442-4", "49624463-K"},
		{"none", "", "no RUT", ""},
	}
	for _, tt := range tests {
		if got := pki.SignerRUT(issue(t, person(t, tt.san, tt.serial), nil).cert); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	root := issue(t, authority("root"), nil)
	middle := issue(t, authority("middle"), root)
	leaf := issue(t, person(t, "1-9", ""), middle)
	stranger := issue(t, person(t, "1-9", ""), issue(t, authority("middle"), nil))
	byPerson := issue(t, person(t, "1-9", ""), leaf)
	whole := pki.Pool{Roots: []*x509.Certificate{root.cert}, Intermediates: []*x509.Certificate{middle.cert, leaf.cert}}
	tests := []struct {
		name string
		pool pki.Pool
		cert *x509.Certificate
		at   time.Time
		want error
	}{
		{"whole chain", whole, leaf.cert, now, nil},
		{"no intermediate", pki.Pool{Roots: whole.Roots}, leaf.cert, now, pki.ErrUntrusted},
		{"same name, other key", whole, stranger.cert, now, pki.ErrUntrusted},
		{"issued by a person", whole, byPerson.cert, now, pki.ErrUntrusted},
		{"before its time", whole, leaf.cert, now.AddDate(-2, 0, 0), pki.ErrExpired},
		{"after its time", whole, leaf.cert, now.AddDate(2, 0, 0), pki.ErrExpired},
	}
	for _, tt := range tests {
		if err := tt.pool.Trust(tt.cert, tt.at); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestParsePEM(t *testing.T) {
	t.Parallel()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issue(t, authority("root"), nil).cert.Raw})
	if certs, err := pki.ParsePEM(append(block, block...)); err != nil || len(certs) != 2 {
		t.Errorf("got %d certificates, %v, want 2", len(certs), err)
	}
	for _, bad := range []string{"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if _, err := pki.ParsePEM([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
