package cert_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"timbre/shared/cert"
)

// pair is a key with a certificate of its own.
type pair struct {
	key  crypto.Signer
	cert *x509.Certificate
}

func newPair(tb testing.TB, key crypto.Signer, err error) pair {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0x7E),
		Subject:      pkix.Name{CommonName: "Prueba", SerialNumber: "49624463-K"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return pair{key, &x509.Certificate{Raw: der}}
}

func rsaPair(tb testing.TB, bits int) pair {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	return newPair(tb, key, err)
}

func encode(tb testing.TB, password string, key pair, others ...*x509.Certificate) []byte {
	tb.Helper()
	b, err := pkcs12.LegacyDES.WithIterations(10).Encode(key.key, others[0], others[1:], password)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestReadPFXMade(t *testing.T) {
	t.Parallel()
	a, ca, small := rsaPair(t, 1024), rsaPair(t, 1024), rsaPair(t, 1016)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ec := newPair(t, ecKey, err)
	negate := func(p pair) *x509.Certificate {
		return &x509.Certificate{Raw: bytes.Replace(p.cert.Raw, []byte{2, 1, 0x7E}, []byte{2, 1, 0xFE}, 1)}
	}
	negative := negate(a)
	if _, err := x509.ParseCertificate(negative.Raw); err == nil {
		t.Fatal("crypto/x509 takes negative serial numbers now")
	}
	for _, tt := range []struct {
		name string
		pfx  []byte
		err  error
	}{
		{"authority first", encode(t, "x", a, ca.cert, a.cert), nil},
		{"serial number that x509 refuses", encode(t, "x", a, negative), nil},
		{"only the authority's certificate", encode(t, "x", a, ca.cert), cert.ErrNoKey},
		{"small key", encode(t, "x", small, small.cert), cert.ErrKeyTooSmall},
		{"EC key", encode(t, "x", ec, ec.cert), cert.ErrNotRSA},
		{"EC key, serial number that x509 refuses", encode(t, "x", ec, negate(ec)), cert.ErrNotRSA},
		{"in BER", toBER(t, encode(t, "x", a, a.cert)), nil},
		{"in BER, wrong password", toBER(t, encode(t, "y", a, a.cert)), cert.ErrPassword},
		{"empty", nil, cert.ErrUnreadable},
		{"cut", encode(t, "x", a, a.cert)[:500], cert.ErrUnreadable},
		{"trailing bytes", append(encode(t, "x", a, a.cert), 0), cert.ErrUnreadable},
		{"too large", make([]byte, 2<<20), cert.ErrUnreadable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			identity, err := cert.ReadPFX(tt.pfx, "x")
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil && identity.RUT.String() != "49624463-K" {
				t.Errorf("RUT %s", identity.RUT)
			}
		})
	}
}

// A file that would keep the processor busy for hours is refused at once.
func TestReadPFXIterations(t *testing.T) {
	t.Parallel()
	a := rsaPair(t, 1024)
	const count = 1000
	b, err := pkcs12.LegacyDES.WithIterations(count).Encode(a.key, a.cert, nil, "x")
	if err != nil {
		t.Fatal(err)
	}
	few := []byte{2, 2, count >> 8, count & 0xFF}
	last := bytes.LastIndex(b, few) // that of the MAC
	if last < 0 {
		t.Fatal("no iteration count found")
	}
	// One INTEGER of 4 bytes for one of 2: the salt before it becomes shorter by 2.
	b = append(b[:last:last], append([]byte{2, 4, 0x7F, 0xFF, 0xFF, 0xFF}, b[last+len(few):]...)...)
	salt := last - 8 - 2
	if b[salt] != 4 || b[salt+1] != 8 {
		t.Fatal("no salt of 8 bytes before the count")
	}
	b = append(b[:salt+8:salt+8], b[salt+10:]...)
	b[salt+1] = 6
	start := time.Now()
	if _, err := cert.ReadPFX(b, "x"); !errors.Is(err, cert.ErrUnreadable) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
}

// Two keys in one file, as when a person exports everything: one that has its certificate is taken.
func TestReadPFXTwoKeys(t *testing.T) {
	t.Parallel()
	a, b := rsaPair(t, 1024), rsaPair(t, 1024)
	both := withBothKeys(t, encode(t, "", b, b.cert), encode(t, "", a, a.cert))
	if _, _, _, err := pkcs12.DecodeChain(both, ""); err == nil {
		t.Fatal("the library takes two keys now")
	}
	identity, err := cert.ReadPFX(both, "")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(identity.Certificate.Raw, a.cert.Raw) {
		t.Error("the identity has another key's certificate")
	}
}

// The outer shape of a PFX (RFC 7292, section 4).
type (
	pfxFile struct {
		Version int
		Safe    contentInfo
		MAC     asn1.RawValue `asn1:"optional"`
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"explicit,tag:0"`
	}
)

// withBothKeys puts the first file's key before the second's. Without a MAC, which the library allows
// for the empty password.
func withBothKeys(tb testing.TB, first, second []byte) []byte {
	tb.Helper()
	firstSafe, secondSafe := safes(tb, first), safes(tb, second)
	var one, two contentInfo
	unmarshal(tb, firstSafe[1].FullBytes, &one)
	unmarshal(tb, secondSafe[1].FullBytes, &two)
	var bag, other []asn1.RawValue
	unmarshal(tb, one.Content, &bag)
	unmarshal(tb, two.Content, &other)
	two.Content = marshal(tb, append(bag, other...))
	secondSafe[1] = asn1.RawValue{FullBytes: marshal(tb, two)}
	file := pfxFile{Version: 3}
	file.Safe = contentInfo{two.Type, marshal(tb, secondSafe)}
	return marshal(tb, file)
}

func safes(tb testing.TB, pfx []byte) []asn1.RawValue {
	tb.Helper()
	var file pfxFile
	unmarshal(tb, pfx, &file)
	var parts []asn1.RawValue
	unmarshal(tb, file.Safe.Content, &parts)
	return parts
}

func unmarshal(tb testing.TB, der []byte, v any) {
	tb.Helper()
	if rest, err := asn1.Unmarshal(der, v); err != nil || len(rest) > 0 {
		tb.Fatalf("unmarshal: %v", err)
	}
}

func marshal(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// toBER writes DER with indefinite lengths and octet strings in pieces, as old Firefox does.
func toBER(tb testing.TB, der []byte) []byte {
	tb.Helper()
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(der, &v)
	if err != nil {
		tb.Fatal(err)
	}
	var out []byte
	switch {
	case v.IsCompound:
		out = append([]byte{der[0], 0x80}, toBERs(tb, v.Bytes)...)
		out = append(out, 0, 0)
	case v.Tag == asn1.TagOctetString && len(v.Bytes) > 20:
		out = []byte{der[0] | 0x20, 0x80}
		for piece := v.Bytes; len(piece) > 0; {
			n := min(100, len(piece))
			out = append(append(out, 4, byte(n)), piece[:n]...)
			piece = piece[n:]
		}
		out = append(out, 0, 0)
	default:
		out = v.FullBytes
	}
	if len(rest) > 0 {
		tb.Fatal("trailing bytes")
	}
	return out
}

func toBERs(tb testing.TB, der []byte) []byte {
	tb.Helper()
	var out []byte
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			tb.Fatal(err)
		}
		out, der = append(out, toBER(tb, v.FullBytes)...), rest
	}
	return out
}

func FuzzReadPFX(f *testing.F) {
	a := rsaPair(f, 1024)
	plain := encode(f, "x", a, a.cert)
	f.Add(plain, "x")
	f.Add(toBER(f, plain), "x")
	f.Add(encode(f, "", a, a.cert), "")
	f.Add([]byte{0x30, 0x80, 0, 0}, "")
	f.Fuzz(func(t *testing.T, pfx []byte, password string) {
		identity, err := cert.ReadPFX(pfx, password)
		if (identity == nil) == (err == nil) {
			t.Errorf("got %v and %v", identity, err)
		}
	})
}

func FuzzReadCertificate(f *testing.F) {
	f.Add(rsaPair(f, 1024).cert.Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		got, err := cert.ReadCertificate(der)
		if want, strict := x509.ParseCertificate(der); strict == nil {
			if _, isRSA := want.PublicKey.(*rsa.PublicKey); isRSA && err != nil {
				t.Errorf("x509 reads it, we do not: %v", err)
			}
			if err == nil && (!got.NotBefore.Equal(want.NotBefore) || !got.NotAfter.Equal(want.NotAfter)) {
				t.Errorf("valid %s to %s; x509 says %s to %s", got.NotBefore, got.NotAfter, want.NotBefore, want.NotAfter)
			}
		}
	})
}
