package cert

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the MAC of PKCS#12 files in use (RFC 7292, appendix B)
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
	"unicode/utf16"
)

// The outer shape of a PFX (RFC 7292, section 4).
type (
	pfxFile struct {
		Version int
		Safe    struct {
			Type    asn1.ObjectIdentifier
			Content []byte `asn1:"explicit,tag:0"`
		}
		MAC macData `asn1:"optional"`
	}
	macData struct {
		Mac struct {
			Algorithm pkix.AlgorithmIdentifier
			Digest    []byte
		}
		Salt       []byte
		Iterations int `asn1:"optional,default:1"`
	}
)

// normalizeContent makes DER of the content, which Firefox writes in BER too. As the MAC covers the
// bytes of the content, it is checked before and computed anew after. Files that need nothing, or are
// of a kind that go-pkcs12 has to judge, come back as they are.
func normalizeContent(der []byte, password string) ([]byte, error) {
	var file pfxFile
	if rest, err := asn1.Unmarshal(der, &file); err != nil || len(rest) > 0 {
		return der, nil //nolint:nilerr // go-pkcs12 says what is wrong
	}
	content, err := toDER(file.Safe.Content)
	if err != nil || bytes.Equal(content, file.Safe.Content) {
		return der, nil //nolint:nilerr // as above
	}
	key, newHash, ok := file.macKey(password)
	if !ok {
		return nil, ErrPassword
	}
	file.Safe.Content = content
	if newHash != nil {
		file.MAC.Mac.Digest = digest(newHash, key, content)
	}
	out, err := asn1.Marshal(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return out, nil
}

// macKey derives the key of the MAC and checks with it that the password is right. The empty password
// is met in two forms. The hash is nil where there is no MAC.
func (f *pfxFile) macKey(password string) ([]byte, func() hash.Hash, bool) {
	newHash := macHash(f.MAC.Mac.Algorithm.Algorithm)
	if newHash == nil {
		return nil, nil, len(f.MAC.Mac.Algorithm.Algorithm) == 0
	}
	forms := [][]byte{bmpPassword(password)}
	if password == "" {
		forms = append(forms, nil)
	}
	for _, form := range forms {
		key := deriveMACKey(newHash, form, f.MAC.Salt, f.MAC.Iterations)
		if hmac.Equal(digest(newHash, key, f.Safe.Content), f.MAC.Mac.Digest) {
			return key, newHash, true
		}
	}
	return nil, nil, false
}

func digest(newHash func() hash.Hash, key, content []byte) []byte {
	mac := hmac.New(newHash, key)
	mac.Write(content)
	return mac.Sum(nil)
}

func macHash(id asn1.ObjectIdentifier) func() hash.Hash {
	switch id.String() {
	case "1.3.14.3.2.26":
		return sha1.New
	case "2.16.840.1.101.3.4.2.1":
		return sha256.New
	case "2.16.840.1.101.3.4.2.2":
		return sha512.New384
	case "2.16.840.1.101.3.4.2.3":
		return sha512.New
	}
	return nil
}

// deriveMACKey is the key derivation of RFC 7292, appendix B.2, for purpose 3 and a key as long as the
// hash, which takes one block.
func deriveMACKey(newHash func() hash.Hash, password, salt []byte, iterations int) []byte {
	const purpose = 3
	h := newHash()
	h.Write(bytes.Repeat([]byte{purpose}, h.BlockSize()))
	h.Write(fill(salt, h.BlockSize()))
	h.Write(fill(password, h.BlockSize()))
	key := h.Sum(nil)
	for range iterations - 1 {
		h.Reset()
		h.Write(key)
		key = h.Sum(key[:0])
	}
	return key
}

// fill repeats b up to a multiple of the block size.
func fill(b []byte, block int) []byte {
	if len(b) == 0 {
		return nil
	}
	size := (len(b) + block - 1) / block * block
	return bytes.Repeat(b, size/len(b)+1)[:size]
}

// bmpPassword is the password in two-byte characters with two zero bytes behind.
func bmpPassword(password string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(password)) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return append(out, 0, 0)
}
