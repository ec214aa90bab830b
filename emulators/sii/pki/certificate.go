// Package pki reads the certificates of Chilean signers as the SII does: the
// person's RUT stands in the subject alternative name, the chain ends in a
// trusted root, SHA-1 signatures of older authorities still count.
package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"timbre/emulators/sii/rut"
)

// Object identifiers of the Chilean practice: Decreto 181 (2002) art. 30 puts
// the signer's RUT in an otherName of the SAN and the authority's in the IAN.
var (
	OIDSignerRUT = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 8321, 1}
	OIDIssuerRUT = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 8321, 2}
	oidSAN       = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidIAN       = asn1.ObjectIdentifier{2, 5, 29, 18}
)

// Faults of a certificate, in the order in which Trust looks for them.
var (
	ErrUntrusted = errors.New("certificate chain does not end in a trusted root")
	ErrExpired   = errors.New("certificate is not valid at that time")
)

type otherName struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue `asn1:"explicit,tag:0"`
}

// SignerRUT finds the person's RUT: SAN first, then the subject's serialNumber
// as newer authorities write it. Empty when the certificate names none.
func SignerRUT(cert *x509.Certificate) string {
	for _, ext := range cert.Extensions {
		if !ext.Id.Equal(oidSAN) {
			continue
		}
		if found := otherNameValue(ext.Value, OIDSignerRUT); found != "" {
			return rut.Normal(found)
		}
	}
	if s := rut.Normal(cert.Subject.SerialNumber); rut.Valid(s) {
		return s
	}
	return ""
}

// otherNameValue walks a GeneralNames sequence for one otherName (class 2, tag 0).
func otherNameValue(der []byte, id asn1.ObjectIdentifier) string {
	var names asn1.RawValue
	if _, err := asn1.Unmarshal(der, &names); err != nil {
		return ""
	}
	for rest := names.Bytes; len(rest) > 0; {
		var name asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &name); err != nil {
			return ""
		}
		if name.Class != asn1.ClassContextSpecific || name.Tag != 0 {
			continue
		}
		if v := stringOf(name, id); v != "" {
			return v
		}
	}
	return ""
}

func stringOf(name asn1.RawValue, id asn1.ObjectIdentifier) string {
	var on otherName
	if _, err := asn1.UnmarshalWithParams(name.FullBytes, &on, "tag:0"); err != nil || !on.ID.Equal(id) {
		return ""
	}
	var text asn1.RawValue
	if _, err := asn1.Unmarshal(on.Value.Bytes, &text); err != nil {
		return ""
	}
	return string(text.Bytes)
}

// RUTExtensions makes the two extensions that carry the signer's and the
// authority's RUT.
func RUTExtensions(signer, issuer string) ([]pkix.Extension, error) {
	san, err := generalNames(OIDSignerRUT, signer)
	if err != nil {
		return nil, err
	}
	ian, err := generalNames(OIDIssuerRUT, issuer)
	if err != nil {
		return nil, err
	}
	return []pkix.Extension{{Id: oidSAN, Value: san}, {Id: oidIAN, Value: ian}}, nil
}

func generalNames(id asn1.ObjectIdentifier, value string) ([]byte, error) {
	text, err := asn1.MarshalWithParams(value, "ia5")
	if err != nil {
		return nil, fmt.Errorf("marshal RUT %q: %w", value, err)
	}
	name, err := asn1.MarshalWithParams(otherName{ID: id, Value: asn1.RawValue{FullBytes: explicit0(text)}}, "tag:0")
	if err != nil {
		return nil, fmt.Errorf("marshal otherName: %w", err)
	}
	return asn1.Marshal([]asn1.RawValue{{FullBytes: name}})
}

// explicit0 wraps a short DER value in the explicit tag [0].
func explicit0(der []byte) []byte {
	return append([]byte{0xA0, byte(len(der))}, der...)
}

// Pool holds the authorities that the simulated SII accepts.
type Pool struct {
	Roots         []*x509.Certificate
	Intermediates []*x509.Certificate
}

// Trust says whether cert was valid at a time and hangs from one of the roots.
// crypto/x509's own chain building refuses SHA-1, which accredited Chilean
// authorities used until 2018, so the chain is walked here.
func (p Pool) Trust(cert *x509.Certificate, at time.Time) error {
	if !p.chains(cert, 4) {
		return ErrUntrusted
	}
	if at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
		return fmt.Errorf("%w: %s to %s", ErrExpired, cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly))
	}
	return nil
}

func (p Pool) chains(cert *x509.Certificate, depth int) bool {
	for _, root := range p.Roots {
		if signedBy(cert, root) {
			return true
		}
	}
	if depth == 0 {
		return false
	}
	for _, ca := range p.Intermediates {
		if signedBy(cert, ca) && p.chains(ca, depth-1) {
			return true
		}
	}
	return false
}

func signedBy(cert, ca *x509.Certificate) bool {
	return ca.IsCA && string(cert.RawIssuer) == string(ca.RawSubject) &&
		ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// ParsePEM reads every certificate of a PEM file.
func ParsePEM(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse certificate: %w", err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errors.New("no certificate in PEM")
	}
	return certs, nil
}
