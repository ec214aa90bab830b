package authority

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // CAFs are signed with SHA1withRSA (Formato DTE, CAF/FRMA)
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"
)

// CAFOrder asks for one CAF.
type CAFOrder struct {
	RUT, Name string
	Type      int
	From, To  int
	Day       string // FA, the date of authorization, AAAA-MM-DD
	IDK       int    // 100 certification, 300 production; default 100
}

// IssueCAF makes one more CAF with the SII key of the world in dir; it does not
// write it. The bytes are those of an AUTORIZACION file.
func IssueCAF(dir string, order CAFOrder) ([]byte, error) {
	if order.IDK == 0 {
		order.IDK = 100
	}
	if order.Day == "" {
		day, err := chileanDay(time.Now())
		if err != nil {
			return nil, err
		}
		order.Day = day
	}
	data, err := os.ReadFile(filepath.Join(dir, "sii", serial(order.IDK)+".key"))
	if err != nil {
		return nil, fmt.Errorf("issue CAF: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("issue CAF: SII key is not PEM")
	}
	key, err := parseKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("issue CAF: %w", err)
	}
	return writeCAF(key, order)
}

func parseKey(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse key: %w", err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("key is not RSA")
	}
	return key, nil
}

// writeCAF writes the file as the SII does. FRMA covers <DA>…</DA> without the
// white space between tags, in ISO-8859-1.
func writeCAF(sii *rsa.PrivateKey, order CAFOrder) ([]byte, error) {
	key, err := newCAFKey()
	if err != nil {
		return nil, err
	}
	da, err := charmap.ISO8859_1.NewEncoder().String(authorizationData(order, &key.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("write CAF: %w", err)
	}
	sum := sha1.Sum([]byte(strings.ReplaceAll(da, ">\n<", "><"))) //nolint:gosec // see import
	frma, err := rsa.SignPKCS1v15(nil, sii, crypto.SHA1, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign CAF: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("write CAF: %w", err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "<?xml version=\"1.0\"?>\n<AUTORIZACION>\n<CAF version=\"1.0\">\n%s\n<FRMA algoritmo=\"SHA1withRSA\">%s</FRMA>\n</CAF>\n<RSASK>%s</RSASK>\n\n<RSAPUBK>%s</RSAPUBK>\n</AUTORIZACION>\n",
		da, base64.StdEncoding.EncodeToString(frma),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	return out.Bytes(), nil
}

func authorizationData(order CAFOrder, key *rsa.PublicKey) string {
	return fmt.Sprintf("<DA>\n<RE>%s</RE>\n<RS>%s</RS>\n<TD>%d</TD>\n<RNG><D>%d</D><H>%d</H></RNG>\n<FA>%s</FA>\n<RSAPK><M>%s</M><E>%s</E></RSAPK>\n<IDK>%d</IDK>\n</DA>",
		order.RUT, escape(first(order.Name, 40)), order.Type, order.From, order.To, order.Day,
		base64.StdEncoding.EncodeToString(key.N.Bytes()),
		base64.StdEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()), order.IDK)
}

// escape writes the three characters that text must escape; the SII leaves
// quotes and apostrophes of RS bare.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func first(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// newCAFKey makes a key like those of real CAFs: 512 bits, public exponent 3.
// crypto/rsa only makes keys with 65537, so the primes are put together here.
func newCAFKey() (*rsa.PrivateKey, error) {
	for {
		p, err := primeFor3(256)
		if err != nil {
			return nil, err
		}
		q, err := primeFor3(256)
		if err != nil {
			return nil, err
		}
		n := new(big.Int).Mul(p, q)
		if p.Cmp(q) == 0 || n.BitLen() != 512 {
			continue
		}
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 3}, D: new(big.Int).ModInverse(big.NewInt(3), phi), Primes: []*big.Int{p, q}}
		key.Precompute()
		return key, key.Validate()
	}
}

// primeFor3 finds a prime p with p-1 not divisible by 3, so that 3 has an inverse.
func primeFor3(bits int) (*big.Int, error) {
	three := big.NewInt(3)
	for {
		p, err := rand.Prime(rand.Reader, bits)
		if err != nil {
			return nil, fmt.Errorf("find prime: %w", err)
		}
		if new(big.Int).Mod(p, three).Int64() == 2 {
			return p, nil
		}
	}
}
