package xmldsig

import (
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the SII's signatures are RSA with SHA-1 (xmldsignature_v10.xsd)
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"

	"timbre/shared/cert"
)

// signature is what a Signature says, read under the guards against wrapping attacks.
type signature struct {
	parent, signed, info *Node
	id                   string
	digest               [sha1.Size]byte
	value                []byte
	key                  *rsa.PublicKey
	certificate          *cert.Certificate
	tried                []byte // SignedInfo as tried last
}

// Bounds of keys that are accepted; below they can be factored, above they cost too much.
const (
	minModulus  = 1024
	maxModulus  = 4096
	maxExponent = 1<<31 - 1
)

func formError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrForm}, args...)...)
}

// readSignature reads the children in the order that xmldsignature_v10.xsd gives them, and no others.
func readSignature(n *Node) (*signature, error) {
	if !n.is(NamespaceDSig, "Signature") || n.Parent == nil {
		return nil, formError("not a Signature inside another element")
	}
	parts, err := children(n, "SignedInfo", "SignatureValue", "KeyInfo")
	if err != nil {
		return nil, err
	}
	s := &signature{parent: n.Parent, info: parts[0]}
	if err := s.readInfo(); err != nil {
		return nil, err
	}
	if err := s.findSigned(n); err != nil {
		return nil, err
	}
	if s.value, err = decodeBase64(parts[1].Text()); err != nil {
		return nil, formError("SignatureValue: %v", err)
	}
	return s, s.readKeys(parts[2])
}

// readInfo reads SignedInfo: one Reference, the SII's algorithms.
func (s *signature) readInfo() error {
	parts, err := children(s.info, "CanonicalizationMethod", "SignatureMethod", "Reference")
	if err != nil {
		return err
	}
	if err := algorithm(parts[0], algorithmC14N); err != nil {
		return err
	}
	if err := algorithm(parts[1], algorithmRSASHA1); err != nil {
		return err
	}
	reference := parts[2]
	uri, _ := reference.Attr("URI")
	id, ok := strings.CutPrefix(uri, "#")
	if !ok || id == "" {
		return formError("URI %q is not that of an element", clip(uri))
	}
	s.id = id
	return s.readReference(reference)
}

// readReference reads Transforms, which may be absent, and the digest. Canonical XML is what happens
// without a transform too; enveloped-signature takes out nothing, as the Signature stands outside.
func (s *signature) readReference(reference *Node) error {
	names := []string{"DigestMethod", "DigestValue"}
	transforms := reference.Child("Transforms")
	if transforms != nil {
		names = append([]string{"Transforms"}, names...)
	}
	parts, err := children(reference, names...)
	if err != nil {
		return err
	}
	for t := range transforms.Elements() {
		if err := algorithm(t, algorithmC14N, algorithmEnveloped); err != nil || t.Local != "Transform" {
			return fmt.Errorf("%w: a transform other than C14N and enveloped-signature", ErrAlgorithm)
		}
	}
	if err := algorithm(parts[len(parts)-2], algorithmSHA1); err != nil {
		return err
	}
	digest, err := decodeBase64(parts[len(parts)-1].Text())
	if err != nil || len(digest) != sha1.Size {
		return formError("DigestValue is no SHA-1")
	}
	s.digest = [sha1.Size]byte(digest)
	return nil
}

// findSigned binds the signature to the one other element beside it, which must stand before it and
// alone carry the ID. Only a Cesion has several signatures (of seller and buyer).
func (s *signature) findSigned(n *Node) error {
	signatures := 0
	for e := range s.parent.Elements() {
		switch {
		case e.is(NamespaceDSig, "Signature"):
			signatures++
		case s.signed != nil:
			return formError("%s holds more than one element to sign", clip(s.parent.Local))
		default:
			s.signed = e
		}
	}
	if s.signed == nil || s.signed.start > n.start || signatures > 1 && s.parent.Local != "Cesion" {
		return formError("%s does not hold one element and its Signature", clip(s.parent.Local))
	}
	if id, ok := s.signed.Attr("ID"); !ok || id != s.id || n.doc.ByID(s.id) != s.signed {
		return formError("%q is not the ID of %s alone", clip(s.id), clip(s.signed.Local))
	}
	return nil
}

// readKeys reads KeyValue and the certificate that fits it; the certificate's key if KeyValue is absent.
func (s *signature) readKeys(info *Node) error {
	value, err := readKeyValue(info.At("KeyValue", "RSAKeyValue"))
	if err != nil {
		return err
	}
	s.key, s.certificate = value, readCertificate(info, value)
	if s.key == nil && s.certificate != nil {
		s.key, _ = s.certificate.PublicKey.(*rsa.PublicKey)
	}
	if s.key == nil {
		return fmt.Errorf("%w: neither KeyValue nor certificate", ErrKey)
	}
	if bits := s.key.N.BitLen(); bits < minModulus || bits > maxModulus {
		return fmt.Errorf("%w: RSA of %d bits", ErrKey, bits)
	}
	return nil
}

func readKeyValue(n *Node) (*rsa.PublicKey, error) {
	if n == nil {
		return nil, nil
	}
	modulus, err := decodeBase64(n.Child("Modulus").Text())
	if err != nil || len(modulus) > maxModulus/8+1 {
		return nil, fmt.Errorf("%w: bad Modulus", ErrKey)
	}
	exponent, err := decodeBase64(n.Child("Exponent").Text())
	if err != nil || len(exponent) > 8 {
		return nil, fmt.Errorf("%w: bad Exponent", ErrKey)
	}
	e := new(big.Int).SetBytes(exponent)
	if !e.IsInt64() || e.Int64() > maxExponent || e.Int64() < 3 {
		return nil, fmt.Errorf("%w: exponent out of range", ErrKey)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e.Int64())}, nil
}

// readCertificate is the certificate with this key, else the first that can be read.
func readCertificate(info *Node, key *rsa.PublicKey) *cert.Certificate {
	var first *cert.Certificate
	for data := range info.Elements() {
		for e := range data.Elements() {
			if e.Local != "X509Certificate" {
				continue
			}
			der, err := decodeBase64(e.Text())
			if err != nil {
				continue
			}
			c, err := cert.ReadCertificate(der)
			if err != nil {
				continue
			}
			if key != nil && key.Equal(c.PublicKey) {
				return c
			}
			if first == nil {
				first = c
			}
		}
	}
	return first
}

// children are the element children if they are exactly these, of XMLDSig's namespace, in this order.
func children(n *Node, names ...string) ([]*Node, error) {
	found := make([]*Node, 0, len(names))
	for e := range n.Elements() {
		if len(found) == len(names) || !e.is(NamespaceDSig, names[len(found)]) {
			return nil, formError("unexpected %s in %s", clip(e.Local), clip(n.Local))
		}
		found = append(found, e)
	}
	if len(found) < len(names) {
		return nil, formError("no %s in %s", names[len(found)], clip(n.Local))
	}
	return found, nil
}

// algorithm checks an Algorithm attribute, and that no parameters change its meaning.
func algorithm(n *Node, allowed ...string) error {
	got, _ := n.Attr("Algorithm")
	for range n.Elements() {
		return fmt.Errorf("%w: parameters in %s", ErrAlgorithm, clip(n.Local))
	}
	for _, a := range allowed {
		if got == a {
			return nil
		}
	}
	return fmt.Errorf("%w: %s %q", ErrAlgorithm, clip(n.Local), clip(got))
}

// decodeBase64 reads base64 with any white space in it; most has none but line ends, which the decoder passes over.
func decodeBase64(s string) ([]byte, error) {
	if decoded, err := base64.StdEncoding.DecodeString(s); err == nil {
		return decoded, nil
	}
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
}
