package cert

import (
	"encoding/asn1"
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"timbre/shared/rut"
)

// Object identifiers, as encoded.
const (
	commonName    = "\x55\x04\x03"                         // 2.5.4.3
	serialNumber  = "\x55\x04\x05"                         // 2.5.4.5
	altName       = "\x55\x1D\x11"                         // 2.5.29.17
	rsaEncryption = "\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01" // 1.2.840.113549.1.1.1
	// holderRUT marks the holder's RUT in the subject alternative name (SII; 8321.2 is the authority's).
	holderRUT = "\x2B\x06\x01\x04\x01\xC1\x01\x01" // 1.3.6.1.4.1.8321.1
)

// readRUT takes the RUT from the subject alternative name, else from the subject's serialNumber.
func readRUT(s *signed) rut.RUT {
	for list := range elements(s.extensions.FullBytes) {
		for extension := range elements(list.FullBytes) {
			id, value := pair(extension)
			if id != altName || value.Tag != asn1.TagOctetString {
				continue
			}
			if r := altNameRUT(value.Bytes); !r.IsZero() {
				return r
			}
		}
	}
	return parseRUT(nameAttribute(s.subject, serialNumber))
}

// altNameRUT is in an otherName, a GeneralName of choice [0] that holds its kind and, in [0], the value (RFC 5280, 4.2.1.6).
func altNameRUT(der []byte) rut.RUT {
	for name := range elements(der) {
		if name.Class != asn1.ClassContextSpecific || name.Tag != 0 {
			continue
		}
		id, wrapped := pair(name)
		if id != holderRUT || wrapped.Class != asn1.ClassContextSpecific || wrapped.Tag != 0 {
			continue
		}
		for value := range elements(wrapped.FullBytes) {
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
func nameAttribute(name asn1.RawValue, kind string) string {
	for set := range elements(name.FullBytes) {
		for attribute := range elements(set.FullBytes) {
			if id, value := pair(attribute); id == kind {
				return text(value)
			}
		}
	}
	return ""
}

// pair is the object identifier that a constructed value begins with, as encoded, and the last value in it.
func pair(v asn1.RawValue) (string, asn1.RawValue) {
	var id string
	var last asn1.RawValue
	first := true
	for e := range elements(v.FullBytes) {
		if first && (e.Class != asn1.ClassUniversal || e.Tag != asn1.TagOID) {
			return "", asn1.RawValue{}
		}
		if first {
			id, first = string(e.Bytes), false
		}
		last = e
	}
	return id, last
}

// elements are the values inside a constructed one, up to the first that cannot be read. It does without encoding/asn1,
// whose reflection costs more than all else of a certificate.
func elements(der []byte) iter.Seq[asn1.RawValue] {
	return func(yield func(asn1.RawValue) bool) {
		outer, _, ok := nextValue(der)
		if !ok || !outer.IsCompound {
			return
		}
		for rest := outer.Bytes; len(rest) > 0; {
			var v asn1.RawValue
			if v, rest, ok = nextValue(rest); !ok || !yield(v) {
				return
			}
		}
	}
}

// nextValue reads one value in DER, and what follows it.
func nextValue(der []byte) (asn1.RawValue, []byte, bool) {
	h, err := readHeader(der)
	if err != nil || h.length < 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v) // which knows tags above 30
		return v, rest, err == nil
	}
	end := h.headerSize + h.length
	v := asn1.RawValue{
		Class: int(h.tag >> 6), Tag: int(h.tag & 0x1F), IsCompound: h.compound,
		Bytes: der[h.headerSize:end], FullBytes: der[:end],
	}
	return v, der[end:], true
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
