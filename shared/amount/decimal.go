package amount

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Places of the kinds of amount.
const (
	PesoPlaces   = 0 // Pesos are whole (Formato DTE v2.5, "todo monto es entero").
	ExportPlaces = 4 // Amounts of 110, 111, 112 (Exportaciones, MntTotal).
)

var (
	// ErrSyntax says that a text is no decimal number.
	ErrSyntax = errors.New("amount: not a decimal number")
	// ErrRange says that a number needs more digits than an amount has.
	ErrRange = errors.New("amount: out of range")
)

const (
	maxDigits = 18 // The longest number of the SII's types: 12.6, 14.4, 16.2 and MontoType.
	maxScale  = 18
	maxUnits  = 999_999_999_999_999_999
)

// Decimal is units × 10^-scale without trailing zeros, so equal numbers are equal by ==.
// The zero value is 0.
type Decimal struct {
	units int64
	scale uint8
}

// FromInt is n as a Decimal; beyond 18 digits it is an error.
func FromInt(n int64) (Decimal, error) { return trimmed(n, 0) }

// Int is a whole number known to the program, as a rate or a tolerance.
func Int(n int32) Decimal { return Decimal{units: int64(n)} }

// trimmed drops trailing zeros and checks the range.
func trimmed(units int64, scale int) (Decimal, error) {
	for scale > 0 && units%10 == 0 {
		units /= 10
		scale--
	}
	if units < -maxUnits || units > maxUnits || scale > maxScale {
		return Decimal{}, ErrRange
	}
	return Decimal{units: units, scale: uint8(scale)}, nil
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.units < 0:
		return -1
	case d.units > 0:
		return 1
	}
	return 0
}

// IsZero tells whether d is 0.
func (d Decimal) IsZero() bool { return d.units == 0 }

// Places is the number of decimals that d needs.
func (d Decimal) Places() int { return int(d.scale) }

// Int64 is d as an integer; false if it has decimals.
func (d Decimal) Int64() (int64, bool) { return d.units, d.scale == 0 }

// Neg is -d.
func (d Decimal) Neg() Decimal { return Decimal{units: -d.units, scale: d.scale} }

// Abs is d without its sign.
func (d Decimal) Abs() Decimal {
	if d.units < 0 {
		return d.Neg()
	}
	return d
}

// Add is d + e.
func (d Decimal) Add(e Decimal) (Decimal, error) {
	scale := max(d.scale, e.scale)
	a, ok := d.at(scale)
	b, ok2 := e.at(scale)
	if !ok || !ok2 {
		return Decimal{}, fmt.Errorf("%w: %s + %s", ErrRange, d, e)
	}
	return trimmed(a+b, int(scale))
}

// Sub is d - e.
func (d Decimal) Sub(e Decimal) (Decimal, error) { return d.Add(e.Neg()) }

// at is d in units of 10^-scale; false if they pass half of an int64, so that sums stay in range.
func (d Decimal) at(scale uint8) (int64, bool) {
	units := d.units
	for s := d.scale; s < scale; s++ {
		if units > math.MaxInt64/20 || units < -math.MaxInt64/20 {
			return 0, false
		}
		units *= 10
	}
	return units, true
}

// Cmp is -1, 0 or 1 as d is below, equal to or above e.
func (d Decimal) Cmp(e Decimal) int {
	if d == e {
		return 0
	}
	if d.Sign() != e.Sign() {
		return sign(d.Sign() < e.Sign())
	}
	scale := max(d.scale, e.scale)
	a, b := widened(d, scale), widened(e, scale)
	return sign(a.less(b) == (d.units > 0))
}

func sign(below bool) int {
	if below {
		return -1
	}
	return 1
}

// Percent is d hundredths: Int(19).Percent() is 0.19.
func (d Decimal) Percent() (Decimal, error) { return trimmed(d.units, int(d.scale)+2) }

// String is the shortest decimal form, as the SII wants it: decimals only if significant, a point,
// no sign but minus, no exponent (Formato DTE v2.5, general rules on numbers).
func (d Decimal) String() string { return string(d.Append(nil)) }

// Append appends String to b.
func (d Decimal) Append(b []byte) []byte {
	if d.scale == 0 {
		return strconv.AppendInt(b, d.units, 10)
	}
	if d.units < 0 {
		b = append(b, '-')
	}
	var buffer [40]byte
	text := strconv.AppendInt(buffer[:0], d.Abs().units, 10)
	if zeros := int(d.scale) + 1 - len(text); zeros > 0 {
		b = append(b, "0."...)
		b = append(b, "000000000000000000"[:zeros-1]...)
		return append(b, text...)
	}
	point := len(text) - int(d.scale)
	b = append(append(b, text[:point]...), '.')
	return append(b, text[point:]...)
}

// MarshalJSON writes a JSON number.
func (d Decimal) MarshalJSON() ([]byte, error) { return d.Append(nil), nil }

// UnmarshalJSON reads a JSON number or a decimal string, exactly.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	s := string(text)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	parsed, err := Parse(s)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
