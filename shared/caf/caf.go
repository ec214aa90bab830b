package caf

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // FRMT is RSA-SHA1 by DTE_v10.xsd, TED/FRMT/@algoritmo
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"timbre/shared/caf/flat"
)

// maxFile bounds a CAF file; real ones have about 2 kB.
const maxFile = 32 << 10

// maxFolio is the largest folio (SiiTypes_v10.xsd, FolioType).
const maxFolio = 9_999_999_999

// CAF is an authorization with its private key. It prints without the key.
type CAF struct {
	Authorization
	private *rsa.PrivateKey
}

// Parse reads a CAF file. It is taken as ISO-8859-1 whatever it declares, since the SII's files declare nothing
// and others declare wrong. The errors are those of this package, all that apply.
func Parse(file []byte, keys Keys) (*CAF, error) {
	if len(file) > maxFile {
		return nil, ErrTooLarge
	}
	var first error
	for _, form := range forms(file) {
		c, err := parseForm(form, keys)
		if !errors.Is(err, ErrFRMA) && !errors.Is(err, ErrMalformed) {
			return c, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// forms are the texts that may be the one which the SII signed, likeliest first: the file as it is; with blanks at the
// edges of values removed (editors put them there); and both read from UTF-8, into which some editors convert.
func forms(file []byte) [][]byte {
	text, marked := bytes.CutPrefix(file, []byte("\xef\xbb\xbf"))
	text = flat.Flatten(bytes.TrimSpace(text))
	all := [][]byte{text, trimValues(text)}
	if latin1, ok := fromUTF8(text); ok {
		all = append(all, latin1, trimValues(latin1))
		if marked {
			all[0], all[1], all[2], all[3] = all[2], all[3], all[0], all[1]
		}
	}
	return all
}

// trimValues removes the blanks at the edges of every value.
func trimValues(text []byte) []byte {
	var out []byte
	for i, piece := range bytes.SplitAfter(text, []byte(">")) {
		value, end, closes := bytes.Cut(piece, []byte("<"))
		if i > 0 {
			value = bytes.TrimSpace(value)
		}
		out = append(out, value...)
		if closes {
			out = append(append(out, '<'), end...)
		}
	}
	return out
}

func fromUTF8(text []byte) ([]byte, bool) {
	if !utf8.Valid(text) {
		return nil, false
	}
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		if r > 0xFF {
			return nil, false
		}
		out = append(out, byte(r))
	}
	return out, len(out) < len(text)
}

// parseForm reads one candidate and checks all that it can prove.
func parseForm(text []byte, keys Keys) (*CAF, error) {
	c, secret, err := readFile(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var keyErr error
	c.private, keyErr = parsePrivate(secret)
	if keyErr == nil {
		keyErr = c.checkPair()
	}
	if err := errors.Join(c.Verify(keys), c.checkType(), c.checkRange(), keyErr); err != nil {
		return nil, err
	}
	return c, nil
}

// readFile walks <AUTORIZACION>; secret is the content of RSASK, empty if there is none.
func readFile(text []byte) (*CAF, string, error) {
	text, err := withoutDeclaration(text)
	if err != nil {
		return nil, "", err
	}
	r := flat.NewReader(text)
	r.Open("AUTORIZACION")
	c := &CAF{Authorization: *ReadAuthorization(r)}
	values := map[string]string{}
	for name := r.Name(); name != ""; name = r.Name() {
		values[name] = r.Leaf(name)
	}
	r.Close("AUTORIZACION")
	r.End()
	return c, values["RSASK"], r.Err()
}

func withoutDeclaration(text []byte) ([]byte, error) {
	if !bytes.HasPrefix(text, []byte("<?xml")) {
		return text, nil
	}
	_, rest, found := bytes.Cut(text, []byte("?>"))
	if !found {
		return nil, fmt.Errorf("%w: XML declaration without end", flat.ErrSyntax)
	}
	return bytes.TrimSpace(rest), nil
}

// parsePrivate reads the PEM text of RSASK (PKCS#1), which some files have on one line.
func parsePrivate(text string) (*rsa.PrivateKey, error) {
	const begin, end = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
	body, hasBegin := strings.CutPrefix(strings.TrimSpace(text), begin)
	body, hasEnd := strings.CutSuffix(body, end)
	if !hasBegin || !hasEnd {
		return nil, ErrNoKey
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	if err != nil {
		return nil, ErrNoKey
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, ErrNoKey
	}
	return key, nil
}

// checkPair compares RSASK with RSAPK and proves it by a signature. RSAPUBK repeats RSAPK and is not used.
func (c *CAF) checkPair() error {
	if !c.private.PublicKey.Equal(c.key) {
		return ErrKeyMismatch
	}
	digest := sha1.Sum(c.element) //nolint:gosec // as above
	signature, err := c.Sign(digest[:])
	if err != nil || rsa.VerifyPKCS1v15(c.key, crypto.SHA1, digest[:], signature) != nil {
		return ErrKeyMismatch
	}
	return nil
}

func (c *CAF) checkType() error {
	if !c.Type.Valid() {
		return fmt.Errorf("%w: %d", ErrType, c.Type)
	}
	return nil
}

func (c *CAF) checkRange() error {
	if c.From < 1 || c.From > c.To || c.To > maxFolio {
		return fmt.Errorf("%w: %d to %d", ErrRange, c.From, c.To)
	}
	return nil
}

// Sign makes FRMT of the SHA-1 digest of a DD: RSASSA-PKCS1-v1_5, 64 bytes with the SII's keys.
func (c *CAF) Sign(digest []byte) ([]byte, error) {
	return rsa.SignPKCS1v15(nil, c.private, crypto.SHA1, digest)
}

// String names the CAF, not its key.
func (c *CAF) String() string { return c.describe() + " [redacted]" }

// GoString is String, so that %#v shows no key.
func (c *CAF) GoString() string { return c.String() }

// MarshalJSON writes String.
func (c *CAF) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
