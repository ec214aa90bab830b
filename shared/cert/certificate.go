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

// The parts of a certificate (RFC 5280, 4.1), left raw where crypto/x509 is stricter than life.
type (
	certificate struct {
		TBS       tbsCertificate
		Algorithm asn1.RawValue
		Signature asn1.RawValue
	}
	tbsCertificate struct {
		Version    asn1.RawValue `asn1:"optional,tag:0"`
		Serial     asn1.RawValue
		Algorithm  asn1.RawValue
		Issuer     asn1.RawValue
		Validity   struct{ NotBefore, NotAfter asn1.RawValue }
		Subject    asn1.RawValue
		PublicKey  asn1.RawValue
		IssuerUID  asn1.RawValue `asn1:"optional,tag:1"`
		SubjectUID asn1.RawValue `asn1:"optional,tag:2"`
		Extensions asn1.RawValue `asn1:"optional,tag:3"`
	}
)

// ReadCertificate reads a certificate in DER. It takes serial numbers, alphabets and extensions as they
// come, needs a known public key and readable dates, and checks no signature. Errors wrap ErrCertificate.
func ReadCertificate(der []byte) (*Certificate, error) {
	var c certificate
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	key, err := readPublicKey(c.TBS.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("%w: public key: %w", ErrCertificate, err)
	}
	out := &Certificate{Raw: der, PublicKey: key, RUT: readRUT(&c.TBS)}
	if out.NotBefore, err = readTime(c.TBS.Validity.NotBefore); err != nil {
		return nil, err
	}
	if out.NotAfter, err = readTime(c.TBS.Validity.NotAfter); err != nil {
		return nil, err
	}
	out.Subject, out.Issuer = nameAttribute(c.TBS.Subject, commonName), nameAttribute(c.TBS.Issuer, commonName)
	return out, nil
}

// readPublicKey reads a SubjectPublicKeyInfo: the algorithm, and the key in a BIT STRING (RFC 5280, 4.1.2.7).
func readPublicKey(info asn1.RawValue) (crypto.PublicKey, error) {
	var algorithm, key asn1.RawValue
	for v := range elements(info.FullBytes) {
		algorithm, key = key, v
	}
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
