package judge

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // xmldsignature_v10.xsd admits no other digest
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

const (
	algorithmC14N      = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	algorithmRSA       = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	algorithmSHA1      = "http://www.w3.org/2000/09/xmldsig#sha1"
	algorithmEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	namespaceSII       = "http://www.sii.cl/SiiDte"
)

// Faults of a signature, each told apart because getToken answers differently.
var (
	ErrNoSignature   = errors.New("no hay Signature")
	ErrNoCertificate = errors.New("certificado ausente o ilegible")
	ErrKeyMismatch   = errors.New("KeyValue no es la llave del certificado")
	ErrBadSignature  = errors.New("firma inválida")
	errNoCAF         = errors.New("TED sin CAF")
)

// reading is one way to read a signed element with its signature: the namespaces
// in scope differ, and with them the canonical form.
type reading struct{ signed, signature *etree.Element }

// Canonical is inclusive C14N 1.0 of an element where it stands, without the
// excluded child. Namespaces in scope are put on the apex here, since goxmldsig
// would overwrite an element's own declarations with its ancestor's.
func Canonical(el, without *etree.Element) ([]byte, error) {
	apex := el.Copy()
	if without != nil {
		apex.RemoveChildAt(without.Index())
	}
	own := map[string]bool{}
	for _, a := range apex.Attr {
		own[a.FullKey()] = true
	}
	for up := el.Parent(); up != nil; up = up.Parent() {
		for _, a := range up.Attr {
			if (a.Space == "xmlns" || a.FullKey() == "xmlns") && !own[a.FullKey()] {
				own[a.FullKey()] = true
				apex.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return dsig.MakeC14N10RecCanonicalizer().Canonicalize(apex)
}

// verify checks a signature over all its readings: one must give the digest and
// one the signature value (real documents need different contexts for the two).
func verify(readings []reading) (*x509.Certificate, error) {
	sig := readings[0].signature
	if sig == nil || readings[0].signed == nil {
		return nil, ErrNoSignature
	}
	if err := checkForm(readings[0]); err != nil {
		return nil, err
	}
	cert, key, err := certificateOf(sig)
	if err != nil {
		return nil, err
	}
	digest := decode64(get(sig, "SignedInfo/Reference/DigestValue"))
	value := decode64(get(sig, "SignatureValue"))
	digestOK, valueOK := false, false
	for _, r := range readings {
		digestOK = digestOK || hasDigest(r, digest)
		valueOK = valueOK || signedBy(r.signature, key, value)
	}
	switch {
	case !digestOK:
		return nil, fmt.Errorf("%w: DigestValue no corresponde", ErrBadSignature)
	case !valueOK:
		return nil, fmt.Errorf("%w: SignatureValue no corresponde", ErrBadSignature)
	}
	return cert, nil
}

// checkForm demands the algorithms of xmldsignature_v10.xsd, exactly one
// Reference, and that it points to the element beside the signature.
func checkForm(r reading) error {
	sig := r.signature
	info := sig.SelectElement("SignedInfo")
	if info == nil || len(info.SelectElements("Reference")) != 1 {
		return fmt.Errorf("%w: SignedInfo sin una Reference", ErrBadSignature)
	}
	ref := info.SelectElement("Reference")
	want := map[string]string{"CanonicalizationMethod": algorithmC14N, "SignatureMethod": algorithmRSA}
	for name, algorithm := range want {
		if el := info.SelectElement(name); el == nil || el.SelectAttrValue("Algorithm", "") != algorithm {
			return fmt.Errorf("%w: %s", ErrBadSignature, name)
		}
	}
	if el := ref.SelectElement("DigestMethod"); el == nil || el.SelectAttrValue("Algorithm", "") != algorithmSHA1 {
		return fmt.Errorf("%w: DigestMethod", ErrBadSignature)
	}
	for _, t := range ref.FindElements("Transforms/Transform") {
		if a := t.SelectAttrValue("Algorithm", ""); a != algorithmC14N && a != algorithmEnveloped {
			return fmt.Errorf("%w: Transform %s", ErrBadSignature, a)
		}
	}
	uri := ""
	if id := r.signed.SelectAttrValue("ID", ""); id != "" {
		uri = "#" + id
	}
	if got := ref.SelectAttrValue("URI", "-"); got != uri {
		return fmt.Errorf("%w: Reference URI %q, ID %q", ErrBadSignature, got, uri)
	}
	return nil
}

func hasDigest(r reading, digest []byte) bool {
	var without *etree.Element
	if r.signature.Parent() == r.signed {
		without = r.signature // enveloped, as in getToken
	}
	data, err := Canonical(r.signed, without)
	if err != nil {
		return false
	}
	sum := sha1.Sum(data) //nolint:gosec // see import
	return bytes.Equal(sum[:], digest)
}

func signedBy(sig *etree.Element, key *rsa.PublicKey, value []byte) bool {
	data, err := Canonical(sig.SelectElement("SignedInfo"), nil)
	if err != nil {
		return false
	}
	return verifySHA1(key, data, value)
}

// verifySHA1 is RSASSA-PKCS1-v1_5 with SHA-1. crypto/rsa builds the whole padded
// block and compares it, which matters with the CAF's exponent 3; its refusal of
// 512-bit keys is lifted by godebug rsa1024min=0 in go.mod.
func verifySHA1(key *rsa.PublicKey, data, signature []byte) bool {
	sum := sha1.Sum(data) //nolint:gosec // see import
	return rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature) == nil
}

// certificateOf reads KeyInfo: KeyValue and certificate must hold the same key.
func certificateOf(sig *etree.Element) (*x509.Certificate, *rsa.PublicKey, error) {
	der := decode64(get(sig, "KeyInfo/X509Data/X509Certificate"))
	if len(der) == 0 {
		return nil, nil, ErrNoCertificate
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNoCertificate, err)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 1024 {
		return nil, nil, fmt.Errorf("%w: se espera una llave RSA de 1024 bits o más", ErrNoCertificate)
	}
	n := new(big.Int).SetBytes(decode64(get(sig, "KeyInfo/KeyValue/RSAKeyValue/Modulus")))
	e := new(big.Int).SetBytes(decode64(get(sig, "KeyInfo/KeyValue/RSAKeyValue/Exponent")))
	if n.Cmp(key.N) != 0 || e.Cmp(big.NewInt(int64(key.E))) != 0 {
		return nil, nil, ErrKeyMismatch
	}
	return cert, key, nil
}

// decode64 reads base64 with any white space; garbage gives nothing.
func decode64(s string) []byte {
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil
	}
	return data
}

// VerifySeed checks the signature of a getToken document and returns its seed
// and the certificate. The signature is enveloped: Reference URI is empty.
func VerifySeed(root *etree.Element) (string, *x509.Certificate, error) {
	cert, err := verify([]reading{{signed: root, signature: root.SelectElement("Signature")}})
	return strings.TrimSpace(get(root, "item/Semilla")), cert, err
}

// VerifyBeside checks the signature that stands beside a signed child of an element, both where they stand.
func VerifyBeside(parent *etree.Element, signed string) (*x509.Certificate, error) {
	return verify([]reading{{signed: parent.SelectElement(signed), signature: parent.SelectElement("Signature")}})
}

// VerifyEnvelope checks the signature of SetDTE where it stands.
func (e *Envelope) VerifyEnvelope() (*x509.Certificate, error) {
	return VerifyBeside(e.Root, "SetDTE")
}

var (
	startTag      = regexp.MustCompile(`^<DTE[^>]*>`)
	anyDeclares   = regexp.MustCompile(`\sxmlns(:\w+)?\s*=\s*("[^"]*"|'[^']*')`)
	defaultScoped = regexp.MustCompile(`\sxmlns\s*=`)
)

// VerifyAlone checks the signature of the DTE cut out of its envelope, as the
// SII and serious receivers do: as it is written, with the SII's namespace put
// on it where it has none, and without any.
func (d *Document) VerifyAlone() (*x509.Certificate, error) {
	readings := []reading{signedPart(d.alone)}
	start := startTag.FindString(d.text)
	variants := []string{anyDeclares.ReplaceAllString(start, "")}
	if !defaultScoped.MatchString(start) {
		variants = append(variants, strings.Replace(start, "<DTE", `<DTE xmlns="`+namespaceSII+`"`, 1))
	}
	for _, v := range variants {
		if v == start {
			continue
		}
		if el, err := parse(v + d.text[len(start):]); err == nil {
			readings = append(readings, signedPart(el))
		}
	}
	return verify(readings)
}

// VerifyInPlace checks it inside the envelope, where xmlns:xsi is in scope. Most
// real software signs without it, so the SII cannot ask for this.
func (d *Document) VerifyInPlace() error {
	_, err := verify([]reading{signedPart(d.placed)})
	return err
}

func signedPart(dte *etree.Element) reading {
	for _, name := range []string{"Documento", "Liquidacion", "Exportaciones"} {
		if el := dte.SelectElement(name); el != nil {
			return reading{signed: el, signature: dte.SelectElement("Signature")}
		}
	}
	return reading{signed: dte, signature: dte.SelectElement("Signature")}
}

// Parse reads a small XML document from decoded text, with the same strictness.
func Parse(text string) (*etree.Element, error) { return parse(text) }
