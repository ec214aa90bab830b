package cert_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"timbre/shared/cert"
)

func ExampleReadPFX() {
	pfx := exportPFX("clave")
	_, err := cert.ReadPFX(pfx, "otra")
	fmt.Println(errors.Is(err, cert.ErrPassword))
	identity, err := cert.ReadPFX(pfx, "clave")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(identity, identity.RUT, identity.Certificate.Subject)
	fmt.Println(identity.Check(time.Date(2041, 1, 1, 0, 0, 0, 0, time.UTC)))
	// Output:
	// true
	// [redacted] 49624463-K José Ñancupil
	// cert: certificate has expired: on 2040-01-01
}

func exportPFX(password string) []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "José Ñancupil", SerialNumber: "49624463-K"},
		NotAfter:     time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	pfx, err := pkcs12.Modern.WithIterations(1000).Encode(key, &x509.Certificate{Raw: der}, nil, password)
	if err != nil {
		panic(err)
	}
	return pfx
}
