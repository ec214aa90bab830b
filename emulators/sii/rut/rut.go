// Package rut checks Chilean tax numbers for the simulator.
//
// It is written apart from the product's own package on purpose: two readings
// of the same rule (SiiTypes RUTType, modulo 11) must agree.
package rut

import (
	"regexp"
	"strconv"
	"strings"
)

// shape is RUTType of SiiTypes_v10.xsd: digits, hyphen, check digit 0-9 or K.
var shape = regexp.MustCompile(`^[0-9]+-[0-9K]$`)

// CheckDigit computes the check digit of a number by modulo 11 (weights 2 to 7
// from the right; 10 is written K, 11 is written 0).
func CheckDigit(number int) string {
	sum, weight := 0, 2
	for ; number > 0; number /= 10 {
		sum += number % 10 * weight
		if weight++; weight > 7 {
			weight = 2
		}
	}
	switch digit := 11 - sum%11; digit {
	case 11:
		return "0"
	case 10:
		return "K"
	default:
		return strconv.Itoa(digit)
	}
}

// Format writes a number with its check digit.
func Format(number int) string {
	return strconv.Itoa(number) + "-" + CheckDigit(number)
}

// Valid says whether s is written as the SII demands and its digit is right.
func Valid(s string) bool {
	if !shape.MatchString(s) || len(s) > 10 {
		return false
	}
	number, digit, _ := strings.Cut(s, "-")
	n, err := strconv.Atoi(number)
	return err == nil && n > 0 && number[0] != '0' && CheckDigit(n) == digit
}

// Normal strips what certificates and old systems put around a RUT: leading
// zeros, a lower-case k, blanks, dots. The result need not be valid.
func Normal(s string) string {
	s = strings.ToUpper(strings.NewReplacer(".", "", " ", "").Replace(s))
	return strings.TrimLeft(s, "0")
}
