package amount

import (
	"fmt"
	"math"
	"math/bits"
)

// Product multiplies the factors exactly (192 bits) and rounds the result once, half away from
// zero, to the places wanted. At most three factors: quantity × price × percentage.
//
// Source: Formato DTE v2.5 (2026-02), fields MontoItem, DescuentoMonto and IVA.
func Product(places int, factors ...Decimal) (Decimal, error) {
	if len(factors) > 3 {
		return Decimal{}, fmt.Errorf("%w: %d factors", ErrRange, len(factors))
	}
	product, scale, negative := wide{1}, 0, false
	for _, f := range factors {
		product = product.times(uint64(f.Abs().units))
		scale += int(f.scale)
		negative = negative != (f.units < 0)
	}
	return rounded(product, scale, places, negative)
}

// HalfAwayFromZero rounds d to the places wanted: 256.5 is 257, -256.5 is -257.
//
// Source: FORMATS section 6, "rounding half away from zero"; the SII answers that totals do not
// match when 256.5 was rounded to the even 256.
func (d Decimal) HalfAwayFromZero(places int) Decimal {
	r, err := rounded(wide{uint64(d.Abs().units)}, int(d.scale), places, d.units < 0)
	if err != nil {
		return d // Rounding cannot leave the range but by the carry of 18 nines, which needs no rounding.
	}
	return r
}

// Quotient is a / b, rounded once, half away from zero, to the places wanted.
// Gross amounts become net so: Quotient(0, gross, 1.19) (FORMATS section 6.4).
func Quotient(places int, a, b Decimal) (Decimal, error) {
	return divided(places, wide{uint64(a.Abs().units)}, int(a.scale), a.units < 0, b)
}

// Portion is whole × part / all, rounded once, half away from zero: what falls on a part.
func Portion(places int, whole, part, all Decimal) (Decimal, error) {
	product := wide{uint64(whole.Abs().units)}.times(uint64(part.Abs().units))
	return divided(places, product, int(whole.scale)+int(part.scale), (whole.units < 0) != (part.units < 0), all)
}

// maxShift keeps 36 digits times a power of ten within 192 bits.
const maxShift = 21

func divided(places int, n wide, scale int, negative bool, b Decimal) (Decimal, error) {
	if b.IsZero() {
		return Decimal{}, fmt.Errorf("%w: division by zero", ErrRange)
	}
	// One place more than wanted decides the rounding; the digit after a floor division is exact.
	shift := places + 1 + int(b.scale) - scale
	if shift > maxShift && n[1] != 0 {
		return Decimal{}, ErrRange
	}
	if shift > 0 {
		n, shift = n.up(shift), 0
	}
	n = n.over(uint64(b.Abs().units))
	return rounded(n, places+1-shift, places, negative != (b.units < 0))
}

// rounded is n × 10^-scale at the places wanted. Floor division composes, so the digit behind the
// last kept one is floor(n / 10^(drop-1)) mod 10, however many digits follow it.
func rounded(n wide, scale, places int, negative bool) (Decimal, error) {
	drop := scale - places
	if drop > 0 {
		n = n.down(drop - 1).plus(5).over(10)
		scale = places
	}
	for ; scale > 0 && !n.fits() && n.endsInZero(); scale-- {
		n = n.over(10)
	}
	if !n.fits() {
		return Decimal{}, ErrRange
	}
	units := int64(n[0])
	if negative {
		units = -units
	}
	return trimmed(units, scale)
}

// wide is an unsigned number of 192 bits, the lowest word first.
type wide [3]uint64

func widened(d Decimal, scale uint8) wide {
	w := wide{uint64(d.Abs().units)}
	return w.up(int(scale) - int(d.scale))
}

// tens are the powers of ten that a word holds.
var tens = func() [20]uint64 {
	powers := [20]uint64{1}
	for i := 1; i < len(powers); i++ {
		powers[i] = powers[i-1] * 10
	}
	return powers
}()

// up is w × 10^n.
func (w wide) up(n int) wide {
	for ; n >= len(tens); n -= len(tens) - 1 {
		w = w.times(tens[len(tens)-1])
	}
	return w.times(tens[n])
}

// down is floor(w / 10^n).
func (w wide) down(n int) wide {
	for ; n >= len(tens); n -= len(tens) - 1 {
		w = w.over(tens[len(tens)-1])
	}
	return w.over(tens[n])
}

func (w wide) fits() bool { return w[2] == 0 && w[1] == 0 && w[0] <= math.MaxInt64 }

func (w wide) endsInZero() bool { return w.over(10).times(10) == w }

func (w wide) less(v wide) bool {
	for i := 2; i >= 0; i-- {
		if w[i] != v[i] {
			return w[i] < v[i]
		}
	}
	return false
}

func (w wide) plus(n uint64) wide {
	var carry uint64
	w[0], carry = bits.Add64(w[0], n, 0)
	w[1], carry = bits.Add64(w[1], 0, carry)
	w[2] += carry
	return w
}

func (w wide) times(n uint64) wide {
	var carry uint64
	for i, word := range w {
		high, low := bits.Mul64(word, n)
		sum, c := bits.Add64(low, carry, 0)
		w[i], carry = sum, high+c
	}
	return w
}

func (w wide) over(n uint64) wide {
	var rest uint64
	for i := 2; i >= 0; i-- {
		w[i], rest = bits.Div64(rest, w[i], n)
	}
	return w
}
