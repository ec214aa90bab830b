package xmldsig

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the SII's signatures are RSA with SHA-1 (xmldsignature_v10.xsd)
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"timbre/shared/cert"
)

// Namespaces says what the element around a signed one declares, and so what the canonical
// forms of the signed element and of SignedInfo inherit. As text it is the setting namespace_form of a
// company.
type Namespaces uint8

const (
	// Both, the default, declares the SII's namespace and xsi on DTE or Recibo itself: the canonical form
	// is then the same in an envelope and cut out. The envelopes declare both too.
	Both Namespaces = iota
	// SII declares the SII's namespace alone: verifies only when cut out, as most real documents do.
	SII
	// None declares nothing: the seed.
	None
)

// ErrNamespaces says that a text names no form that a company may choose.
var ErrNamespaces = errors.New("xmldsig: namespace form is neither both nor sii")

// Attributes is the text of the declarations, with a blank before each, in canonical order.
func (n Namespaces) Attributes() string {
	switch n {
	case Both:
		return ` xmlns="` + NamespaceSII + `"` + xsiAttribute
	case SII:
		return ` xmlns="` + NamespaceSII + `"`
	}
	return ""
}

// String is "both", "sii" or "none".
func (n Namespaces) String() string {
	switch n {
	case Both:
		return "both"
	case SII:
		return "sii"
	}
	return "none"
}

// MarshalText writes what String says.
func (n Namespaces) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads "both", "sii", or nothing for the default.
func (n *Namespaces) UnmarshalText(text []byte) error {
	switch string(text) {
	case "", "both":
		*n = Both
	case "sii":
		*n = SII
	default:
		return fmt.Errorf("%w: %q", ErrNamespaces, clip(string(text)))
	}
	return nil
}

// Identifiers of xmldsignature_v10.xsd; there are no others for RSA.
const (
	algorithmC14N      = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	algorithmEnveloped = NamespaceDSig + "enveloped-signature"
	algorithmRSASHA1   = NamespaceDSig + "rsa-sha1"
	algorithmSHA1      = NamespaceDSig + "sha1"
)

const (
	xsiAttribute = ` xmlns:xsi="` + NamespaceXSI + `"`
	lineLength   = 76 // SII, Instructivo Técnico: base64 in lines of at most 76 characters
)

// Sign writes the Signature of an element whose canonical form has this digest, in canonical form
// itself. It begins with "<Signature" and ends with "</Signature>", and goes right after the signed
// element. The uri names that element, as "#F17T33". The identity is used as it is: its owner asks
// Identity.Check first.
func Sign(signer *cert.Identity, digest [sha1.Size]byte, uri string, ns Namespaces) ([]byte, error) {
	w := writer{breakLine: "\n", transform: algorithmC14N}
	return w.sign(signer, digest, uri, ns)
}

// SignSeed writes the request for a token: the seed (semilla) with an enveloped signature of the
// whole document, without any white space.
func SignSeed(signer *cert.Identity, seed string) ([]byte, error) {
	body := AppendText([]byte("<getToken><item><Semilla>"), seed)
	body = append(body, "</Semilla></item>"...)
	const end = "</getToken>"
	w := writer{transform: algorithmEnveloped}
	signature, err := w.sign(signer, sha1.Sum([]byte(string(body)+end)), "", None) //nolint:gosec // see the import
	if err != nil {
		return nil, err
	}
	return append(append(body, signature...), end...), nil
}

// writer puts a signature together. The parts come in the order of xmldsignature_v10.xsd: KeyValue
// before X509Data, one certificate, no chain.
type writer struct {
	out       []byte
	breakLine string // between elements, and between lines of base64
	transform string
}

func (w *writer) sign(signer *cert.Identity, digest [sha1.Size]byte, uri string, ns Namespaces) ([]byte, error) {
	key, ok := signer.Key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("sign %q: %w", uri, cert.ErrNotRSA)
	}
	der := signer.Certificate.Raw
	w.out = make([]byte, 0, 1536+4*key.Size()+len(der)*3/2)
	hash := w.hashInfo(digest, uri, ns)
	value, err := signer.Key.Sign(rand.Reader, hash[:], crypto.SHA1)
	if err != nil {
		return nil, fmt.Errorf("sign %q: %w", uri, err)
	}
	w.text(`<Signature xmlns="`, NamespaceDSig, `">`, w.breakLine)
	w.signedInfo("", digest, uri)
	w.text(w.breakLine, "<SignatureValue>")
	w.base64(value)
	w.text("</SignatureValue>", w.breakLine)
	w.keyInfo(key, der)
	w.text(w.breakLine, "</Signature>")
	return w.out, nil
}

// hashInfo digests SignedInfo in canonical form: as written, with the namespaces that it inherits.
func (w *writer) hashInfo(digest [sha1.Size]byte, uri string, ns Namespaces) [sha1.Size]byte {
	scope := ` xmlns="` + NamespaceDSig + `"`
	if ns == Both {
		scope += xsiAttribute
	}
	w.signedInfo(scope, digest, uri)
	hash := sha1.Sum(w.out) //nolint:gosec // see the import
	w.out = w.out[:0]
	return hash
}

func (w *writer) signedInfo(scope string, digest [sha1.Size]byte, uri string) {
	w.text("<SignedInfo", scope, ">", w.breakLine)
	w.algorithm("CanonicalizationMethod", algorithmC14N)
	w.text(w.breakLine)
	w.algorithm("SignatureMethod", algorithmRSASHA1)
	w.text(w.breakLine, `<Reference URI="`)
	w.out = AppendValue(w.out, uri)
	w.text(`">`, w.breakLine, "<Transforms>")
	w.algorithm("Transform", w.transform)
	w.text("</Transforms>", w.breakLine)
	w.algorithm("DigestMethod", algorithmSHA1)
	w.text(w.breakLine, "<DigestValue>")
	w.base64(digest[:])
	w.text("</DigestValue>", w.breakLine, "</Reference>", w.breakLine, "</SignedInfo>")
}

func (w *writer) keyInfo(key *rsa.PublicKey, der []byte) {
	w.text("<KeyInfo>", w.breakLine, "<KeyValue><RSAKeyValue><Modulus>")
	w.base64(key.N.Bytes())
	w.text("</Modulus><Exponent>")
	w.base64(big.NewInt(int64(key.E)).Bytes())
	w.text("</Exponent></RSAKeyValue></KeyValue>", w.breakLine, "<X509Data><X509Certificate>")
	w.base64(der)
	w.text("</X509Certificate></X509Data>", w.breakLine, "</KeyInfo>")
}

func (w *writer) algorithm(element, uri string) {
	w.text("<", element, ` Algorithm="`, uri, `"></`, element, ">")
}

func (w *writer) text(parts ...string) {
	for _, s := range parts {
		w.out = append(w.out, s...)
	}
}

// base64 writes b in lines that fit, or in one where lines are not broken.
func (w *writer) base64(b []byte) {
	const bytesPerLine = lineLength / 4 * 3
	for w.breakLine != "" && len(b) > bytesPerLine {
		w.out = base64.StdEncoding.AppendEncode(w.out, b[:bytesPerLine])
		w.text(w.breakLine)
		b = b[bytesPerLine:]
	}
	w.out = base64.StdEncoding.AppendEncode(w.out, b)
}
