package parts

import "bytes"

// decode undoes a transfer encoding. It is false if the result would be larger than limit. Bytes that
// do not belong there are skipped; what names an encoding but is not in it stays as it is.
func decode(body []byte, encoding string, limit int) ([]byte, bool) {
	text := bytes.TrimLeft(body, " \t\r\n")
	looksXML := bytes.HasPrefix(text, []byte("<")) || bytes.HasPrefix(text, []byte("\xef\xbb\xbf<"))
	var out []byte
	switch {
	case encoding == "base64" && !looksXML, encoding != "base64" && isBareBase64(text):
		if len(body)/4*3 > limit*2 {
			return nil, false
		}
		out = decodeBase64(body)
	case encoding == "quoted-printable":
		if len(body) > limit*3 {
			return nil, false
		}
		out = decodeQuoted(body)
	case len(body) > limit:
		return nil, false
	default:
		out = bytes.Clone(body)
	}
	return out, len(out) <= limit
}

// isBareBase64 tells the start of an XML document in base64 whose header forgot to say so.
func isBareBase64(text []byte) bool {
	return bytes.HasPrefix(text, []byte("PD94bWwg")) || bytes.HasPrefix(text, []byte("77u/PD94bW"))
}

// base64Values are the values of the alphabet and of its URL form plus one; 0 is no member.
var base64Values = func() (t [256]byte) {
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = byte(i + 1)
	}
	t['-'], t['_'] = t['+'], t['/']
	return t
}()

// decodeBase64 skips what is no base64 and goes on after padding, as where two pieces were joined.
func decodeBase64(in []byte) []byte {
	out := make([]byte, 0, len(in)/4*3+3)
	var group uint32
	n := 0
	flush := func() {
		for ; n > 1; n-- {
			out = append(out, byte(group>>24))
			group <<= 8
		}
		group, n = 0, 0
	}
	for _, c := range in {
		v := base64Values[c]
		if v == 0 {
			if c == '=' {
				flush()
			}
			continue
		}
		group |= uint32(v-1) << (26 - 6*n)
		if n++; n == 4 {
			flush()
		}
	}
	flush()
	return out
}

// decodeQuoted takes a "=" that encodes nothing for itself.
func decodeQuoted(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		if in[i] != '=' {
			out = append(out, in[i])
			continue
		}
		if n := softBreak(in[i+1:]); n > 0 {
			i += n
			continue
		}
		if hi, lo, ok := hexPair(in[i+1:]); ok {
			out = append(out, hi<<4|lo)
			i += 2
			continue
		}
		out = append(out, '=')
	}
	return out
}

// softBreak is how many bytes after "=" make a line break that is none.
func softBreak(in []byte) int {
	blank := len(in) - len(bytes.TrimLeft(in, " \t"))
	switch rest := in[blank:]; {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		return blank + 2
	case bytes.HasPrefix(rest, []byte("\n")):
		return blank + 1
	}
	return 0
}

func hexPair(in []byte) (hi, lo byte, ok bool) {
	if len(in) < 2 {
		return 0, 0, false
	}
	hi, ok = hexValue(in[0])
	if !ok {
		return 0, 0, false
	}
	lo, ok = hexValue(in[1])
	return hi, lo, ok
}

func hexValue(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
