package supplier

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the SII's digest (Instructivo Técnico, firma)
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
)

// Namespaces as they are written and signed: every text is canonical from the
// start (double quotes, no empty-element tags, LF).
const (
	nsSII  = `xmlns="http://www.sii.cl/SiiDte"`
	nsXSI  = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	nsDSig = `xmlns="http://www.w3.org/2000/09/xmldsig#"`
	c14n   = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
)

// signer is the person who signs for the company.
type signer struct {
	rut  string
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

var errNoPEM = errors.New("not PEM")

func loadSigner(base, rut string) (signer, error) {
	data, err := os.ReadFile(base + ".pem")
	if err != nil {
		return signer{}, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return signer{}, fmt.Errorf("%s.pem: %w", base, errNoPEM)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return signer{}, err
	}
	if data, err = os.ReadFile(base + ".key"); err != nil {
		return signer{}, err
	}
	key, err := parseKey(data)
	return signer{rut: rut, cert: cert, key: key}, err
}

func parseKey(data []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errNoPEM
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return key, nil
}

func sign(key *rsa.PrivateKey, data []byte) (string, error) {
	sum := sha1.Sum(data) //nolint:gosec // the SII's digest
	value, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA1, sum[:])
	return base64.StdEncoding.EncodeToString(value), err
}

// signature is the Signature of an element whose canonical form is given.
func (s signer) signature(uri, canonical string) (string, error) {
	sum := sha1.Sum([]byte(canonical)) //nolint:gosec // the SII's digest
	info := `><CanonicalizationMethod Algorithm="` + c14n + `"></CanonicalizationMethod><SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"></SignatureMethod>` +
		`<Reference URI="` + uri + `"><Transforms><Transform Algorithm="` + c14n + `"></Transform></Transforms><DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"></DigestMethod>` +
		`<DigestValue>` + base64.StdEncoding.EncodeToString(sum[:]) + `</DigestValue></Reference></SignedInfo>`
	value, err := sign(s.key, []byte("<SignedInfo "+nsDSig+" "+nsXSI+info))
	return `<Signature ` + nsDSig + `><SignedInfo` + info + "\n<SignatureValue>" + lines76(value) + "</SignatureValue>\n<KeyInfo><KeyValue><RSAKeyValue><Modulus>" +
		lines76(base64.StdEncoding.EncodeToString(s.key.N.Bytes())) + `</Modulus><Exponent>` + base64.StdEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes()) +
		"</Exponent></RSAKeyValue></KeyValue>\n<X509Data><X509Certificate>" + lines76(base64.StdEncoding.EncodeToString(s.cert.Raw)) + `</X509Certificate></X509Data></KeyInfo></Signature>`, err
}

// lines76 wraps base64 as the SII asks.
func lines76(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s
}
