package cert

import (
	"encoding/asn1"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"timbre/shared/rut"
)

var (
	oidCommonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSerialNumber = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidAltName      = asn1.ObjectIdentifier{2, 5, 29, 17}
	// oidRUT marks the holder's RUT in the subject alternative name (SII; 8321.2 is the authority's).
	oidRUT = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 8321, 1}
)

// otherName is a GeneralName of choice [0] (RFC 5280, 4.2.1.6).
type otherName struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue `asn1:"tag:0"` // [0] EXPLICIT: holds the value
}

// readRUT takes the RUT from the subject alternative name, else from the subject's serialNumber.
func readRUT(tbs *tbsCertificate) rut.RUT {
	for _, e := range tbs.Extensions {
		if !e.ID.Equal(oidAltName) {
			continue
		}
		if r := altNameRUT(e.Value); !r.IsZero() {
			return r
		}
	}
	return parseRUT(nameAttribute(tbs.Subject, oidSerialNumber))
}

func altNameRUT(der []byte) rut.RUT {
	for _, name := range elements(der) {
		if name.Class != asn1.ClassContextSpecific || name.Tag != 0 {
			continue
		}
		var other otherName
		if _, err := asn1.UnmarshalWithParams(name.FullBytes, &other, "tag:0"); err != nil || !other.ID.Equal(oidRUT) {
			continue
		}
		for _, value := range elements(other.Value.FullBytes) {
			return parseRUT(text(value))
		}
	}
	return rut.RUT{}
}

// parseRUT is the zero RUT for what is none: a certificate without a RUT is still a certificate.
func parseRUT(s string) rut.RUT {
	r, err := rut.Parse(s)
	if err != nil {
		return rut.RUT{}
	}
	return r
}

// nameAttribute is the first attribute of this kind in a Name: a sequence of sets of (kind, value).
func nameAttribute(name asn1.RawValue, kind asn1.ObjectIdentifier) string {
	for _, set := range elements(name.FullBytes) {
		for _, pair := range elements(set.FullBytes) {
			var attribute struct {
				ID    asn1.ObjectIdentifier
				Value asn1.RawValue
			}
			if _, err := asn1.Unmarshal(pair.FullBytes, &attribute); err == nil && attribute.ID.Equal(kind) {
				return text(attribute.Value)
			}
		}
	}
	return ""
}

// elements are the values inside a constructed one, up to the first that cannot be read.
func elements(der []byte) []asn1.RawValue {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil || !outer.IsCompound {
		return nil
	}
	var found []asn1.RawValue
	for rest := outer.Bytes; len(rest) > 0; {
		var v asn1.RawValue
		after, err := asn1.Unmarshal(rest, &v)
		if err != nil {
			break
		}
		found, rest = append(found, v), after
	}
	return found
}

// text reads any of ASN.1's strings; what is not UTF-8 is taken for Latin-1, as authorities mean it.
func text(v asn1.RawValue) string {
	if v.Class != asn1.ClassUniversal {
		return ""
	}
	if v.Tag == asn1.TagBMPString {
		return bmp(v.Bytes)
	}
	if utf8.Valid(v.Bytes) {
		return string(v.Bytes)
	}
	var b strings.Builder
	for _, c := range v.Bytes {
		b.WriteRune(rune(c))
	}
	return b.String()
}

func bmp(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return string(utf16.Decode(units))
}
