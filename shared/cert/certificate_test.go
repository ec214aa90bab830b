package cert_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"timbre/shared/cert"
)

// Tags of strings.
const (
	utf8String      = asn1.TagUTF8String
	printableString = asn1.TagPrintableString
	t61String       = asn1.TagT61String
	ia5String       = asn1.TagIA5String
	bmpString       = asn1.TagBMPString
)

func stringOf(tag int, s string) asn1.RawValue { return asn1.RawValue{Tag: tag, Bytes: []byte(s)} }

// altName is a subject alternative name with an e-mail address and one otherName.
func altName(tb testing.TB, id asn1.ObjectIdentifier, value asn1.RawValue) pkix.Extension {
	tb.Helper()
	other := append(marshal(tb, id), marshal(tb, asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: marshal(tb, value)})...)
	names := append(marshal(tb, asn1.RawValue{Class: 2, Tag: 1, Bytes: []byte("a@b.cl\xF1")}),
		marshal(tb, asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: other})...)
	return pkix.Extension{
		Id:    asn1.ObjectIdentifier{2, 5, 29, 17},
		Value: marshal(tb, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: names}),
	}
}

func makeCertificate(tb testing.TB, key pair, change func(*x509.Certificate)) []byte {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Hour)}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.key.Public(), key.key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

var (
	oidRUT       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 8321, 1}
	oidAuthority = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 8321, 2}
	oidSerial    = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidName      = asn1.ObjectIdentifier{2, 5, 4, 3}
)

func TestCertificateRUT(t *testing.T) {
	t.Parallel()
	key := rsaPair(t, 1024)
	for _, tt := range []struct {
		name    string
		id      asn1.ObjectIdentifier
		value   asn1.RawValue
		subject string
		want    string
	}{
		{"IA5String", oidRUT, stringOf(ia5String, "49624463-K"), "", "49624463-K"},
		{"UTF8String", oidRUT, stringOf(utf8String, "49624463-K"), "", "49624463-K"},
		{"PrintableString", oidRUT, stringOf(printableString, "49624463-K"), "", "49624463-K"},
		{"BMPString", oidRUT, stringOf(bmpString, "\x001\x00-\x009"), "", "1-9"},
		{"leading zero", oidRUT, stringOf(ia5String, "07880442-4"), "", "7880442-4"},
		{"small k", oidRUT, stringOf(ia5String, "49624463-k"), "", "49624463-K"},
		{"blanks and dots", oidRUT, stringOf(ia5String, " 49.624.463-K "), "", "49624463-K"},
		{"wrong digit", oidRUT, stringOf(ia5String, "49624463-1"), "", ""},
		{"no text", oidRUT, asn1.RawValue{Class: 2, Tag: 22, Bytes: []byte("49624463-K")}, "", ""},
		{"both, the alternative name counts", oidRUT, stringOf(ia5String, "49624463-K"), "7880442-4", "49624463-K"},
		{"the authority's, then the subject's", oidAuthority, stringOf(ia5String, "49624463-K"), "7880442-4", "7880442-4"},
		{"rubbish, then the subject's", oidRUT, stringOf(ia5String, "x"), "7880442-4", "7880442-4"},
		{"the authority's alone", oidAuthority, stringOf(ia5String, "49624463-K"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := cert.ReadCertificate(makeCertificate(t, key, func(template *x509.Certificate) {
				template.ExtraExtensions = []pkix.Extension{altName(t, tt.id, tt.value)}
				template.Subject = pkix.Name{SerialNumber: tt.subject}
			}))
			if err != nil || c.RUT.String() != tt.want {
				t.Errorf("got %s, %v; want %s", c.RUT, err, tt.want)
			}
		})
	}
}

// Names in alphabets that crypto/x509 refuses are read as their authors meant them.
func TestCertificateName(t *testing.T) {
	t.Parallel()
	key := rsaPair(t, 1024)
	for _, tt := range []struct {
		name  string
		value asn1.RawValue
		want  string
	}{
		{"UTF-8", stringOf(utf8String, "José Ñandú"), "José Ñandú"},
		{"Latin-1 in UTF8String", stringOf(utf8String, "Jos\xE9"), "José"},
		{"Latin-1 in PrintableString", stringOf(printableString, "Jos\xE9 @_"), "José @_"},
		{"T61String", stringOf(t61String, "Jos\xE9"), "José"},
		{"BMPString", stringOf(bmpString, "\x00J\x00\xF1"), "Jñ"},
		{"BMPString of odd length", stringOf(bmpString, "\x00J\x00"), "J"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := cert.ReadCertificate(makeCertificate(t, key, func(template *x509.Certificate) {
				template.Subject.ExtraNames = []pkix.AttributeTypeAndValue{
					{Type: oidSerial, Value: "7880442-4"}, {Type: oidName, Value: tt.value},
				}
			}))
			if err != nil || c.Subject != tt.want || c.RUT.String() != "7880442-4" {
				t.Errorf("got %q, %s, %v", c.Subject, c.RUT, err)
			}
		})
	}
}

func TestCertificateDates(t *testing.T) {
	t.Parallel()
	key := rsaPair(t, 1024)
	for _, dates := range [][2]time.Time{
		{time.Date(1951, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)},
		{time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
	} {
		c, err := cert.ReadCertificate(makeCertificate(t, key, func(template *x509.Certificate) {
			template.NotBefore, template.NotAfter = dates[0], dates[1]
		}))
		if err != nil || !c.NotBefore.Equal(dates[0]) || !c.NotAfter.Equal(dates[1]) {
			t.Errorf("got %s to %s, %v; want %v", c.NotBefore, c.NotAfter, err, dates)
			continue
		}
		for _, tt := range []struct {
			at  time.Time
			err error
		}{{dates[0], nil}, {dates[1], nil}, {dates[0].Add(-1), cert.ErrNotYetValid}, {dates[1].Add(1), cert.ErrExpired}} {
			if err := c.ValidAt(tt.at); !errors.Is(err, tt.err) {
				t.Errorf("at %s: %v, want %v", tt.at, err, tt.err)
			}
		}
	}
}

func TestReadCertificateRefuses(t *testing.T) {
	t.Parallel()
	good := rsaPair(t, 1024).cert.Raw
	if c, err := cert.ReadCertificate(append(good[:len(good):len(good)], 0)); err != nil || c.RUT.IsZero() {
		t.Errorf("a byte behind the certificate: %v", err)
	}
	for name, der := range map[string][]byte{
		"nothing": nil, "text": []byte("MIIE"), "cut": good[:len(good)/2], "empty sequence": {0x30, 0},
	} {
		if c, err := cert.ReadCertificate(der); !errors.Is(err, cert.ErrCertificate) || c != nil {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}
