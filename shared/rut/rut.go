// Package rut holds Chilean tax numbers (Rol Único Tributario): a number of up to eight digits and
// a check digit (dígito verificador, DV) by módulo 11.
//
// Source: SII, Formato DTE v2.5 (2026-02), type RUTType of SiiTypes_v10.xsd: no dots, no leading
// zeros, one hyphen, capital K. Parse is the only way to a RUT; the zero value is no RUT.
package rut

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrSyntax says that a text is not number, hyphen, check digit.
var ErrSyntax = errors.New("rut: not of the form 76192083-9")

// ErrDigit says that the check digit is not the one of the number.
var ErrDigit = errors.New("rut: wrong check digit")

// maxNumber is the largest number that eight digits hold, as RUTType allows.
const maxNumber = 99_999_999

// RUT is a valid tax number.
type RUT struct{ number uint32 }

// Known RUTs that the SII's texts name.
var (
	// SII receives every envelope that goes to the tax authority (RutReceptor of the Caratula).
	SII = RUT{60803000}
	// Foreign stands for receivers without a RUT (exports, tourist invoices).
	Foreign = RUT{55555555}
	// Anonymous stands for the buyer of a boleta who gives no RUT.
	Anonymous = RUT{66666666}
)

// Parse reads a RUT with or without dots, with a small or a capital K. Errors wrap ErrSyntax or ErrDigit.
func Parse(s string) (RUT, error) {
	number, digit, found := strings.Cut(strings.ReplaceAll(strings.TrimSpace(s), ".", ""), "-")
	if !found || len(digit) != 1 || !allDigits(number) {
		return RUT{}, fmt.Errorf("%w: %q", ErrSyntax, clip(s))
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 || n > maxNumber {
		return RUT{}, fmt.Errorf("%w: %q", ErrSyntax, clip(s))
	}
	r := RUT{uint32(n)}
	if want := r.Digit(); strings.ToUpper(digit) != want {
		return RUT{}, fmt.Errorf("%w: %q ends in %s", ErrDigit, clip(s), want)
	}
	return r, nil
}

// MustParse is Parse for constants of programs and tests; it panics on a bad text.
func MustParse(s string) RUT {
	r, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return r
}

// Number is the RUT without its check digit.
func (r RUT) Number() int { return int(r.number) }

// Digit is the check digit: "0" to "9" or "K".
func (r RUT) Digit() string {
	sum, weight := 0, 2
	for n := r.number; n > 0; n /= 10 {
		sum += int(n%10) * weight
		if weight++; weight > 7 {
			weight = 2
		}
	}
	return string("0123456789K0"[(11-sum%11)%11])
}

// Equal tells whether two RUTs are the same, for comparing what holds them.
func (r RUT) Equal(other RUT) bool { return r == other }

// IsZero tells whether r holds no RUT.
func (r RUT) IsZero() bool { return r.number == 0 }

// String is the SII's form, as 76192083-9; empty for the zero value.
func (r RUT) String() string {
	if r.IsZero() {
		return ""
	}
	return strconv.Itoa(int(r.number)) + "-" + r.Digit()
}

// MarshalText writes the SII's form.
func (r RUT) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what Parse reads; an empty text is the zero value.
func (r *RUT) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = RUT{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// clip keeps hostile input out of error texts.
func clip(s string) string {
	if len(s) > 20 {
		return s[:20] + "…"
	}
	return s
}
