package amount

import (
	"fmt"
	"strconv"
	"strings"
)

// maxText bounds what Parse looks at: longer texts are hostile, not numbers.
const maxText = 64

// Parse reads a decimal number: digits, perhaps a minus, a point, and an exponent as JSON allows it.
// Nothing is rounded: what needs more than 18 digits is ErrRange, what is no number is ErrSyntax.
func Parse(s string) (Decimal, error) {
	if len(s) > maxText {
		return Decimal{}, fmt.Errorf("%w: %q…", ErrRange, s[:maxText])
	}
	mantissa, exponent, err := cutExponent(s)
	if err != nil {
		return Decimal{}, err
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	if whole == "" || !digits(whole) || !digits(fraction) || strings.HasSuffix(mantissa, ".") {
		return Decimal{}, fmt.Errorf("%w: %q", ErrSyntax, s)
	}
	d, err := build(whole+fraction, len(fraction)-exponent)
	if err != nil {
		return Decimal{}, fmt.Errorf("%w: %q", err, s)
	}
	if mantissa[0] == '-' {
		d = d.Neg()
	}
	return d, nil
}

// MustParse is Parse for constants of programs and tests; it panics on a bad text.
func MustParse(s string) Decimal {
	d, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

func cutExponent(s string) (string, int, error) {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return s, 0, nil
	}
	text := s[i+1:]
	if text == "" || len(text) > 4 || !digits(strings.TrimLeft(text[:1], "+-")+text[1:]) {
		return "", 0, fmt.Errorf("%w: %q", ErrSyntax, s)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %q", ErrSyntax, s)
	}
	return s[:i], n, nil
}

// build makes digits × 10^-scale, after dropping zeros that say nothing at either end.
func build(text string, scale int) (Decimal, error) {
	text = strings.TrimLeft(text, "0")
	for strings.HasSuffix(text, "0") {
		text = text[:len(text)-1]
		scale--
	}
	if text == "" {
		return Decimal{}, nil
	}
	if scale < 0 && len(text)-scale <= maxDigits {
		text += strings.Repeat("0", -scale)
		scale = 0
	}
	if scale < 0 || scale > maxScale || len(text) > maxDigits {
		return Decimal{}, ErrRange
	}
	units, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Decimal{}, ErrRange
	}
	return Decimal{units: units, scale: uint8(scale)}, nil
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
