package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the SII's signatures are RSA with SHA-1 (xmldsignature_v10.xsd)
	"errors"
	"fmt"
	"slices"
	"sync"

	"timbre/shared/cert"
)

// Why a signature does not hold. The last two come together with a Verified: the mathematics hold, but
// not by the certificate that the signature names.
var (
	// ErrForm says that the signature is not of the SII's form, or that its place does not bind it to
	// exactly one element.
	ErrForm = errors.New("xmldsig: malformed or misplaced signature")
	// ErrAlgorithm says that it uses other algorithms than the SII allows.
	ErrAlgorithm = errors.New("xmldsig: algorithm not allowed")
	// ErrKey says that it brings no usable RSA key of 1024 to 4096 bits.
	ErrKey = errors.New("xmldsig: no usable key")
	// ErrDigest says that the element was changed after signing.
	ErrDigest = errors.New("xmldsig: signed element was changed")
	// ErrSignature says that the key did not make this signature.
	ErrSignature = errors.New("xmldsig: signature value is wrong")
	// ErrKeyMismatch says that KeyValue made the signature, and that the certificate has another key.
	ErrKeyMismatch = errors.New("xmldsig: key is not the certificate's")
	// ErrCertificate says that the key made the signature, and that the certificate is absent or unreadable.
	ErrCertificate = errors.New("xmldsig: no readable certificate")
)

// Verified is what a signature was found to cover. Only Signed and what is below it is signed: read
// data from nothing else.
type Verified struct {
	Signed      *Node
	Digest      [sha1.Size]byte
	Context     Context // in which the digest matched
	InfoContext Context // in which SignedInfo matched
	Key         *rsa.PublicKey
	// Certificate is what KeyInfo holds; nil if that cannot be read. Whether it was valid at the time of
	// signing, whose it is and who issued it is for the caller to ask.
	Certificate *cert.Certificate
}

// Canonical are the signed bytes.
func (v *Verified) Canonical() []byte { return v.Signed.AppendCanonical(nil, v.Context) }

// Signatures are all Signature elements of a document, in its order.
func Signatures(d *Document) []*Node {
	var found []*Node
	for e := range d.root.All() {
		if e.is(NamespaceDSig, "Signature") {
			found = append(found, e)
		}
	}
	return found
}

// SignatureOf is the Signature beside an element, as beside Documento; nil if there is none.
func SignatureOf(signed *Node) *Node {
	if signed == nil {
		return nil
	}
	for e := range signed.Parent.Elements() {
		if e.is(NamespaceDSig, "Signature") {
			return e
		}
	}
	return nil
}

// Verify checks one Signature against the element beside it. The contexts are tried in turn, for the
// digest and for SignedInfo each on its own; without any given all are. With ErrKeyMismatch and ErrCertificate the result
// is not nil: those are for the caller to weigh. With all other errors nothing is verified.
func Verify(signature *Node, contexts ...Context) (*Verified, error) {
	if len(contexts) == 0 {
		contexts = []Context{InPlace, CutOut, OnlySII, NoNamespace, WithSII}
	}
	s, err := readSignature(signature)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", signature.Line(), err)
	}
	v, err := s.verify(contexts)
	if err != nil {
		return v, fmt.Errorf("line %d: %s: %w", signature.Line(), clip(s.id), err)
	}
	return v, nil
}

func (s *signature) verify(contexts []Context) (*Verified, error) {
	v := &Verified{Signed: s.signed, Digest: s.digest, Key: s.key, Certificate: s.certificate}
	if !slices.ContainsFunc(contexts, func(c Context) bool { return s.digestMatches(v, c) }) {
		return nil, ErrDigest
	}
	if !slices.ContainsFunc(contexts, func(c Context) bool { return s.valueMatches(v, c) }) {
		return nil, ErrSignature
	}
	switch {
	case s.certificate == nil:
		return v, ErrCertificate
	case !s.key.Equal(s.certificate.PublicKey):
		return v, ErrKeyMismatch
	}
	return v, nil
}

func (s *signature) digestMatches(v *Verified, c Context) bool {
	b := buffers.Get().(*[]byte) //nolint:errcheck,forcetypeassert // nothing else is in there
	out := s.signed.appendCanonical(slices.Grow((*b)[:0], s.signed.canonicalSize()), s.parent, c)
	matches := sha1.Sum(out) == s.digest //nolint:gosec // see the import
	if cap(out) <= maxBuffer {
		*b = out
		buffers.Put(b)
	}
	if matches {
		v.Context = c
	}
	return matches
}

// buffers are for canonical forms that are only digested; larger ones are left to the collector.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxBuffer = 64 << 10

func (s *signature) valueMatches(v *Verified, c Context) bool {
	info := s.info.appendCanonical(make([]byte, 0, s.info.canonicalSize()), s.parent, c)
	if bytes.Equal(info, s.tried) {
		return false
	}
	s.tried = info
	hash := sha1.Sum(info) //nolint:gosec // see the import
	if rsa.VerifyPKCS1v15(s.key, crypto.SHA1, hash[:], s.value) != nil {
		return false
	}
	v.InfoContext = c
	return true
}
