package cert

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"timbre/shared/rut"
)

// Certificate is what the SII's documents need of an X.509 certificate.
type Certificate struct {
	Raw       []byte // DER, as found
	PublicKey crypto.PublicKey
	NotBefore time.Time
	NotAfter  time.Time
	RUT       rut.RUT // of the holder; zero if it names none
	Subject   string  // the holder's name (CN)
	Issuer    string  // the authority's name (CN)
}

// ErrCertificate says that bytes are no certificate.
var ErrCertificate = errors.New("cert: not a readable certificate")

// ValidAt is nil, ErrNotYetValid or ErrExpired.
func (c *Certificate) ValidAt(at time.Time) error {
	switch {
	case at.Before(c.NotBefore):
		return fmt.Errorf("%w: from %s", ErrNotYetValid, c.NotBefore.Format(time.DateOnly))
	case at.After(c.NotAfter):
		return fmt.Errorf("%w: on %s", ErrExpired, c.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// signed are the parts of a certificate that are used (RFC 5280, 4.1, TBSCertificate), left raw where crypto/x509 is
// stricter than life.
type signed struct{ issuer, notBefore, notAfter, subject, publicKey, extensions asn1.RawValue }

// readSigned finds the parts in a certificate; false if it has not all that must be there.
func readSigned(der []byte) (*signed, bool) {
	s := &signed{}
	for tbs := range elements(der) {
		n := 0
		for v := range elements(tbs.FullBytes) {
			if v.Class == asn1.ClassContextSpecific { // version [0], unique IDs [1] and [2], extensions [3]
				if v.Tag == 3 {
					s.extensions = v
				}
				continue
			}
			switch n++; n { // after serial number and algorithm
			case 3:
				s.issuer = v
			case 4:
				s.notBefore, s.notAfter = both(v)
			case 5:
				s.subject = v
			case 6:
				s.publicKey = v
			}
		}
		return s, n >= 6
	}
	return nil, false
}

// both are the two values inside a constructed one.
func both(v asn1.RawValue) (asn1.RawValue, asn1.RawValue) {
	var first, second asn1.RawValue
	for e := range elements(v.FullBytes) {
		first, second = second, e
	}
	return first, second
}

// ReadCertificate reads a certificate in DER. It takes serial numbers, alphabets and extensions as they
// come, needs a known public key and readable dates, and checks no signature. Errors wrap ErrCertificate.
func ReadCertificate(der []byte) (*Certificate, error) {
	s, whole := readSigned(der)
	if !whole {
		return nil, fmt.Errorf("%w: not the parts of one", ErrCertificate)
	}
	key, err := readPublicKey(s.publicKey)
	if err != nil {
		return nil, fmt.Errorf("%w: public key: %w", ErrCertificate, err)
	}
	out := &Certificate{Raw: der, PublicKey: key, RUT: readRUT(s)}
	if out.NotBefore, err = readTime(s.notBefore); err != nil {
		return nil, err
	}
	if out.NotAfter, err = readTime(s.notAfter); err != nil {
		return nil, err
	}
	out.Subject, out.Issuer = nameAttribute(s.subject, commonName), nameAttribute(s.issuer, commonName)
	return out, nil
}

// readPublicKey reads a SubjectPublicKeyInfo: the algorithm, and the key in a BIT STRING (RFC 5280, 4.1.2.7).
func readPublicKey(info asn1.RawValue) (crypto.PublicKey, error) {
	algorithm, key := both(info)
	id, _ := pair(algorithm)
	if id == rsaEncryption && key.Tag == asn1.TagBitString && len(key.Bytes) > 0 && key.Bytes[0] == 0 {
		return x509.ParsePKCS1PublicKey(key.Bytes[1:])
	}
	return x509.ParsePKIXPublicKey(info.FullBytes)
}

// readTime reads UTCTime and GeneralizedTime, with or without seconds, in UTC or with an offset.
func readTime(v asn1.RawValue) (time.Time, error) {
	layouts := []string{"060102150405Z0700", "0601021504Z0700"}
	if v.Tag == asn1.TagGeneralizedTime {
		layouts = []string{"20060102150405Z0700", "200601021504Z0700"}
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, string(v.Bytes))
		if err != nil {
			continue
		}
		if v.Tag == asn1.TagUTCTime && t.Year() >= 2050 { // RFC 5280, 4.1.2.5.1: 50 to 99 are 19YY
			t = t.AddDate(-100, 0, 0)
		}
		return t.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%w: date %q", ErrCertificate, v.Bytes)
}
