// Package xmldsig reads XML that strangers wrote, puts it in canonical form, signs and verifies it
// as the SII wants.
//
// It has three parts. Parse is a small strict reader: no DTD, bounded in everything (Limits), and
// each Node knows its bytes in the input. Canonical is inclusive Canonical XML 1.0 without comments,
// of a document or of an element where it stands or in another namespace Context. Sign writes a
// <Signature> as text, and Verify checks one and returns what was signed.
//
// Why an own reader and canonicalizer: a DTE is signed beside the signed element, in varying
// namespace contexts, and must be read with exactly the meaning that the signer's parser gave it;
// encoding/xml takes what is not XML and loses bytes, and canonical forms made on top of it differ
// from libxml2's. It is compared byte for byte with xmllint --c14n in the tests.
//
// Start with Parse (ParseString for XML that came inside other XML), then Signatures and Verify; use only data below Verified.Signed afterwards.
// Writers compute the SHA-1 of the canonical element and call Sign.
//
// Sources: W3C Canonical XML 1.0 (2001-03-15) and XML-Signature (RFC 3275); SII, Instructivo Técnico
// de Emisión (2021-10-28), firma electrónica, and xmldsignature_v10.xsd, which is stricter than the
// W3C; for the seed the SII's manual of automatic authentication (autenticación automática).
// SHA-1 with RSA is the SII's choice, there is no other.
package xmldsig
