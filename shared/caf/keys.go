package caf

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
)

// Environment is one of the SII's two worlds.
type Environment string

// The environments by the names that the whole product uses.
const (
	Certificacion Environment = "certificacion" // maullin.sii.cl
	Produccion    Environment = "produccion"    // palena.sii.cl
)

// The IDK, known in DA as "identificador de la clave": which key of the SII signed a CAF.
const (
	IDKCertificacion = 100
	IDKProduccion    = 300
)

var environmentByIDK = map[int]Environment{IDKCertificacion: Certificacion, IDKProduccion: Produccion}

// Keys are the SII's public keys by IDK.
type Keys map[int]*rsa.PublicKey

// The public keys of the SII's certificates 100.cer and 300.cer (2003), in use to this day.
const (
	siiKey100 = `-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMj78A3LIaVQAKWFUixd5SinPgzhbMA6
seXqfeSyooER41L6743LfVHjSavUsQXc1PZ8+eExFQWMnwFUKRuMcVMCAwEAAQ==
-----END PUBLIC KEY-----`
	siiKey300 = `-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJ3uv8XuvZbfTHz1Pxv6Fdhdc+8ExnGP
jAez94Xv7nXntO9aOuB5wyZakA5F9gKJCvb7T6+iuNaTj38BHDWFszUCAwEAAQ==
-----END PUBLIC KEY-----`
)

// SIIKeys are the keys with which the real SII signs CAFs.
func SIIKeys() Keys {
	return Keys{IDKCertificacion: mustKey(siiKey100), IDKProduccion: mustKey(siiKey300)}
}

func mustKey(text string) *rsa.PublicKey {
	key, err := ParseKey([]byte(text))
	if err != nil {
		panic(err) // a constant of this file
	}
	return key
}

// ParseKey reads a public key of the SII: a PEM public key, or a certificate (.cer) as PEM or DER.
func ParseKey(file []byte) (*rsa.PublicKey, error) {
	der := file
	if block, _ := pem.Decode(file); block != nil {
		der = block.Bytes
	}
	if info, err := publicKeyInfo(der); err == nil {
		der = info
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("read a key of the SII: %w", err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("read a key of the SII: not RSA")
	}
	return key, nil
}

// publicKeyInfo cuts SubjectPublicKeyInfo out of a certificate. x509.ParseCertificate does not serve:
// the SII's own certificates say version 4, which it refuses.
func publicKeyInfo(der []byte) ([]byte, error) {
	var certificate struct {
		Body struct {
			Version                                       int `asn1:"optional,explicit,default:0,tag:0"`
			Serial                                        asn1.RawValue
			Algorithm, Issuer, Validity, Subject, KeyInfo asn1.RawValue
			Extensions                                    asn1.RawValue `asn1:"optional,tag:3"`
		}
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &certificate); err != nil {
		return nil, err
	}
	return certificate.Body.KeyInfo.FullBytes, nil
}
