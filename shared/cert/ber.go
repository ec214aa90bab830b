package cert

import (
	"encoding/asn1"
	"errors"
)

// maxDepth bounds the nesting of BER; a PFX needs about ten.
const maxDepth = 40

// Tags as bytes of the encoding.
const (
	compoundBit = 0x20
	tagSequence = 0x30
	tagContext0 = 0xA0
)

var errBER = errors.New("malformed BER")

// toDER gives every value a definite length and joins strings that come in pieces: Firefox and some
// Java programs export PKCS#12 in BER, which go-pkcs12 does not read. DER comes out as it went in.
func toDER(ber []byte) ([]byte, error) {
	out, rest, err := appendDER(nil, ber, false, 0)
	if err != nil || len(rest) > 0 {
		return nil, errBER
	}
	return out, nil
}

// header is the beginning of a value.
type header struct {
	tag        byte
	length     int // -1: indefinite
	compound   bool
	isBytes    bool // OCTET STRING
	headerSize int
}

// appendDER copies one value from ber to out and returns out and what follows in ber. An implicit
// value is an OCTET STRING whatever its tag says.
func appendDER(out, ber []byte, implicit bool, depth int) ([]byte, []byte, error) {
	h, err := readHeader(ber)
	if err != nil || depth > maxDepth {
		return nil, nil, errBER
	}
	h.isBytes = h.isBytes || implicit
	body := ber[h.headerSize:]
	var rest []byte
	if h.length >= 0 {
		body, rest = body[:h.length], body[h.length:]
	}
	if !h.compound {
		return appendValue(out, h.tag, body), rest, nil
	}
	content, tail, err := h.content(body, depth)
	if err != nil {
		return nil, nil, err
	}
	if h.length < 0 {
		rest = tail
	}
	if h.isBytes {
		h.tag &^= compoundBit
	}
	return appendValue(out, h.tag, content), rest, nil
}

// content is what a compound value holds, in DER, and what follows an indefinite one.
func (h header) content(body []byte, depth int) ([]byte, []byte, error) {
	var content []byte
	for i := 0; len(body) > 0; i++ {
		if h.length < 0 && len(body) >= 2 && body[0] == 0 && body[1] == 0 {
			return content, body[2:], nil
		}
		// The third part of EncryptedContentInfo, [0] IMPLICIT, is the only such string (RFC 2315, 10.1).
		implicit := i == 2 && h.tag == tagSequence && body[0] == tagContext0
		piece, rest, err := appendDER(nil, body, implicit, depth+1)
		if err != nil {
			return nil, nil, err
		}
		if h.isBytes {
			inner, err := readHeader(piece)
			if err != nil || !inner.isBytes {
				return nil, nil, errBER
			}
			piece = piece[inner.headerSize:]
		}
		content, body = append(content, piece...), rest
	}
	if h.length < 0 {
		return nil, nil, errBER
	}
	return content, nil, nil
}

// readHeader reads tag and length, and checks that a definite length fits.
func readHeader(b []byte) (header, error) {
	if len(b) < 2 || b[0]&0x1F == 0x1F { // tags above 30 do not occur in PKCS#12
		return header{}, errBER
	}
	h := header{tag: b[0], compound: b[0]&compoundBit != 0, isBytes: b[0]&^compoundBit == asn1.TagOctetString, headerSize: 2}
	switch first := b[1]; {
	case first == 0x80 && h.compound:
		h.length = -1
		return h, nil
	case first < 0x80:
		h.length = int(first)
	default:
		n := int(first & 0x7F)
		if n == 0 || n > 4 || len(b) < 2+n {
			return header{}, errBER
		}
		for _, c := range b[2 : 2+n] {
			h.length = h.length<<8 | int(c)
		}
		h.headerSize += n
	}
	if h.length > len(b)-h.headerSize {
		return header{}, errBER
	}
	return h, nil
}

func appendValue(out []byte, tag byte, content []byte) []byte {
	out = append(out, tag)
	n := len(content)
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 1<<8:
		out = append(out, 0x81, byte(n))
	case n < 1<<16:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, content...)
}
