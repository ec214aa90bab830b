package cert

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"time"

	"timbre/shared/rut"
)

// Why a PFX cannot be read or an identity must not sign.
var (
	ErrPassword    = errors.New("cert: wrong password")
	ErrUnreadable  = errors.New("cert: not a readable PKCS#12 file")
	ErrNoKey       = errors.New("cert: no private key with its certificate")
	ErrNotRSA      = errors.New("cert: not an RSA key")
	ErrKeyTooSmall = errors.New("cert: RSA key below 1024 bits")
	ErrExpired     = errors.New("cert: certificate has expired")
	ErrNotYetValid = errors.New("cert: certificate is not valid yet")
	ErrNoRUT       = errors.New("cert: certificate names no RUT")
	ErrOtherRUT    = errors.New("cert: certificate names another RUT")
)

// MinBits is the smallest RSA key of a signer; certificates of the 2010s have no more.
const MinBits = 1024

// Identity is who signs. It prints as [redacted].
type Identity struct {
	Key         crypto.Signer // RSA; may be a file's key or one in a KMS
	Certificate *Certificate
	RUT         rut.RUT // of the person who signs; zero if the certificate names none and none was given
}

// New makes an identity of a key and its certificate. It refuses what the SII cannot accept: keys that
// are not RSA, are too small, or are not the certificate's.
func New(key crypto.Signer, c *Certificate) (*Identity, error) {
	public, ok := key.Public().(*rsa.PublicKey)
	switch {
	case !ok:
		return nil, ErrNotRSA
	case public.N.BitLen() < MinBits:
		return nil, fmt.Errorf("%w: %d", ErrKeyTooSmall, public.N.BitLen())
	case !public.Equal(c.PublicKey):
		return nil, ErrNoKey
	}
	return &Identity{Key: key, Certificate: c, RUT: c.RUT}, nil
}

// WithRUT is the identity with the signer's RUT given, for certificates that name none. Where the
// certificate names one it must be the same (ErrOtherRUT), as the SII compares RutEnvia with it.
func (i *Identity) WithRUT(r rut.RUT) (*Identity, error) {
	if named := i.Certificate.RUT; !named.IsZero() && named != r {
		return nil, fmt.Errorf("%w: %s", ErrOtherRUT, named)
	}
	with := *i
	with.RUT = r
	return &with, nil
}

// Check tells whether the identity may sign at a time: ErrExpired, ErrNotYetValid, ErrNoRUT or nil.
func (i *Identity) Check(at time.Time) error {
	if err := i.Certificate.ValidAt(at); err != nil {
		return err
	}
	if i.RUT.IsZero() {
		return ErrNoRUT
	}
	return nil
}

const redacted = "[redacted]"

// Format keeps the key out of logs, whatever the verb.
func (i Identity) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// String keeps the key out of logs.
func (i Identity) String() string { return redacted }

// GoString keeps the key out of logs.
func (i Identity) GoString() string { return redacted }

// MarshalJSON keeps the key out of logs and answers.
func (i Identity) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
