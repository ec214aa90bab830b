package xmldsig

// What canonical XML writes for a character; empty where it stands for itself.
var (
	textEscapes  = escapes(map[byte]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#xD;"})
	valueEscapes = escapes(map[byte]string{'&': "&amp;", '<': "&lt;", '"': "&quot;", '\t': "&#x9;", '\n': "&#xA;", '\r': "&#xD;"})
)

func escapes(m map[byte]string) *[256]string {
	var t [256]string
	for b, s := range m {
		t[b] = s
	}
	return &t
}

// AppendText appends s as text of an element in canonical form: & < > and CR escaped, ' and " bare.
func AppendText(dst []byte, s string) []byte { return appendEscaped(dst, s, textEscapes) }

// AppendValue appends s as value of an attribute, for double quotes, in canonical form.
func AppendValue(dst []byte, s string) []byte { return appendEscaped(dst, s, valueEscapes) }

func appendEscaped(dst []byte, s string, table *[256]string) []byte {
	done := 0
	for i := range len(s) {
		if e := table[s[i]]; e != "" {
			dst = append(append(dst, s[done:i]...), e...)
			done = i + 1
		}
	}
	return append(dst, s[done:]...)
}
