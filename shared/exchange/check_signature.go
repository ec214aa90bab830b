package exchange

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"timbre/shared/cert"
	"timbre/shared/xmldsig"
)

// failures say in Spanish why a signature does not hold.
var failures = []struct {
	err    error
	reason string
}{
	{xmldsig.ErrForm, "la firma no tiene la forma que manda el SII, o no queda unida a un solo elemento"},
	{xmldsig.ErrAlgorithm, "la firma usa algoritmos que el SII no admite"},
	{xmldsig.ErrKey, "la firma no trae una clave RSA utilizable"},
	{xmldsig.ErrDigest, "lo firmado cambió después de la firma (se probó en su lugar, recortado, sólo con el espacio de nombres del SII, sin ninguno y con el que falta)"},
	{xmldsig.ErrSignature, "la firma no fue hecha con la clave que trae"},
}

// contextNames are Spanish.
var contextNames = map[xmldsig.Context]string{
	xmldsig.InPlace: "en su lugar", xmldsig.CutOut: "recortado", xmldsig.OnlySII: "sólo con el espacio de nombres del SII",
	xmldsig.NoNamespace: "sin espacios de nombres", xmldsig.WithSII: "con el espacio de nombres del SII que le falta",
}

// signature checks the Signature beside an element, and its certificate at the time of signing. The result is nil where
// it does not hold.
func (c *Checker) signature(checks *Checks, signed *xmldsig.Node, signedAt string) (*xmldsig.Verified, Contexts) {
	signature := xmldsig.SignatureOf(signed)
	if signature == nil {
		checks.add(CheckSignature, Fail, "no está firmado")
		return nil, Contexts{}
	}
	v, err := xmldsig.Verify(signature)
	if v == nil || v.Signed != signed {
		checks.add(CheckSignature, Fail, failureOf(err))
		return nil, Contexts{}
	}
	checks.add(CheckSignature, Pass, fmt.Sprintf("la firma vale %s; SignedInfo, %s", contextNames[v.Context], contextNames[v.InfoContext]))
	c.certificate(checks, v, err, signedAt)
	return v, Contexts{v.Context, v.InfoContext}
}

func failureOf(err error) string {
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return f.reason
		}
	}
	return "la firma cubre otro elemento"
}

// certificate judges whose key it was. A certificate that cannot be read does not decide: KeyValue made the signature.
func (c *Checker) certificate(checks *Checks, v *xmldsig.Verified, err error, signedAt string) {
	if v.Certificate == nil {
		checks.add(CheckCertificate, Warn, "la firma vale, pero su certificado falta o no se puede leer: no se sabe quién firmó")
		return
	}
	checks.add(CheckCertificate, Pass, "certificado de "+cmp.Or(clip(v.Certificate.Subject), "titular sin nombre"))
	checks.judge(CheckCertificateKey, !errors.Is(err, xmldsig.ErrKeyMismatch), Fail,
		"la clave es la del certificado", "la clave que firmó (KeyValue) no es la del certificado")
	c.certificateTime(checks, v.Certificate, signedAt)
	checks.judge(CheckCertificateRUT, !v.Certificate.RUT.IsZero(), Warn,
		"firmado por "+v.Certificate.RUT.String(), "el certificado no dice el RUT de quien firma")
}

// certificateTime asks whether the certificate was valid when it signed, not now (FORMATS 10.2).
func (c *Checker) certificateTime(checks *Checks, certificate *cert.Certificate, signedAt string) {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	at, err := wallClock(signedAt, zone)
	if err != nil {
		checks.add(CheckCertificateTime, Warn, "la hora de la firma no se puede leer")
		return
	}
	switch err := certificate.ValidAt(at); {
	case errors.Is(err, cert.ErrExpired):
		checks.add(CheckCertificateTime, Fail, "el certificado venció el "+certificate.NotAfter.In(zone).Format(time.DateOnly)+", antes de la firma")
	case err != nil:
		checks.add(CheckCertificateTime, Fail, "el certificado vale desde el "+certificate.NotBefore.In(zone).Format(time.DateOnly)+", después de la firma")
	default:
		checks.add(CheckCertificateTime, Pass, "el certificado estaba vigente al firmar")
	}
}
