package format

import (
	"strings"
	"unicode/utf8"
)

// Simple is the type of an element that holds text: a row of types.csv.
type Simple struct {
	Name                 string
	base                 base
	minLength, maxLength int // in characters; 0 no limit
	digits, places       int // significant digits, decimals; 0 no limit of digits
	min, max             string
	pattern              bool // the pattern of RUTType, the only one
	values               []string

	// Of a number: min, max and values, read; nil is no bound.
	low, high *decimal
	numbers   []decimal
}

type base uint8

const (
	baseString base = iota
	baseInteger
	baseDecimal
	baseDate
	baseDateTime
	baseTime
	baseBase64
	baseLong
	baseUnsignedLong
)

var bases = map[string]base{
	"string": baseString, "integer": baseInteger, "decimal": baseDecimal, "date": baseDate,
	"dateTime": baseDateTime, "time": baseTime, "base64Binary": baseBase64, "long": baseLong,
	"unsignedLong": baseUnsignedLong,
}

// IsNumber tells whether values are numbers, which are compared and written by value.
func (s *Simple) IsNumber() bool {
	return s.base == baseInteger || s.base == baseDecimal || s.base == baseLong || s.base == baseUnsignedLong
}

// IsText tells whether values are free text.
func (s *Simple) IsText() bool { return s.base == baseString }

// IsRUT tells whether values are RUTs.
func (s *Simple) IsRUT() bool { return s.pattern }

// IsDate tells whether values are dates without a time.
func (s *Simple) IsDate() bool { return s.base == baseDate }

// MaxLength is the longest text in characters; 0 is no limit.
func (s *Simple) MaxLength() int { return s.maxLength }

// Places is how many decimals a number may have.
func (s *Simple) Places() int { return s.places }

// Columns of types.csv.
const (
	colTypeName = iota
	colBase
	colMinLength
	colMaxLength
	colDigits
	colPlaces
	colMin
	colMax
	colPattern
	colValues
)

func readTypes() map[string]*Simple {
	out := map[string]*Simple{}
	for _, row := range rows("types")[1:] {
		s := &Simple{Name: row[colTypeName], base: bases[row[colBase]], min: row[colMin], max: row[colMax]}
		s.minLength, s.maxLength = optional(row[colMinLength]), optional(row[colMaxLength])
		s.digits, s.places = optional(row[colDigits]), optional(row[colPlaces])
		s.pattern = row[colPattern] != ""
		if row[colValues] != "" {
			s.values = strings.Split(strings.ReplaceAll(row[colValues], "%2C", ","), "|")
		}
		s.readNumbers()
		out[s.Name] = s
	}
	return out
}

func optional(s string) int {
	if s == "" {
		return 0
	}
	return number(s)
}

// Check tells what is wrong with a value, empty if nothing is.
func (s *Simple) Check(text string) Fault {
	if s.base == baseString {
		return s.checkString(text)
	}
	switch s.base {
	case baseDate, baseDateTime, baseTime:
		return s.checkTime(text)
	case baseBase64:
		return checkBase64(text)
	case baseInteger, baseDecimal:
		// White space collapses; dates and the other numbers are strict, as libxml2 is.
		if !isDigits(text) { // as nearly always
			text = strings.Trim(text, " \t\r\n")
		}
	}
	return s.checkNumber(text)
}

func (s *Simple) checkString(text string) Fault {
	if len(s.values) > 0 && !contains(s.values, text) {
		return NotInList
	}
	length := len(text)
	if s.maxLength > 0 && length > s.maxLength || s.minLength > 0 {
		length = utf8.RuneCountInString(text)
	}
	switch {
	case length < s.minLength && length == 0:
		return Empty
	case length < s.minLength:
		return TooShort
	case s.maxLength > 0 && length > s.maxLength:
		return TooLong
	case s.pattern && !isRUT(text):
		return BadPattern
	}
	return ""
}

func contains(values []string, text string) bool {
	for _, v := range values {
		if v == text {
			return true
		}
	}
	return false
}

// isRUT is the pattern [0-9]+-([0-9]|K) of RUTType.
func isRUT(s string) bool {
	n := len(s)
	if n < 3 || s[n-2] != '-' || !isDigits(s[:n-2]) {
		return false
	}
	return s[n-1] == 'K' || isDigits(s[n-1:])
}

// sextets are the values of the base64 alphabet, -1 for other characters, -2 for white space.
var sextets = func() [256]int8 {
	var table [256]int8
	for i := range table {
		table[i] = -1
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		table[c] = int8(i)
	}
	for _, c := range []byte(" \t\n\r") {
		table[c] = -2
	}
	return table
}()

// checkBase64 wants groups of four, the last padded, with no stray bits (XML Schema part 2, 3.2.16).
func checkBase64(text string) Fault {
	count, padding, last := 0, 0, int8(0)
	for i := range len(text) {
		value := sextets[text[i]]
		switch {
		case value == -2:
			continue
		case text[i] == '=':
			padding++
		case value < 0 || padding > 0:
			return BadBase64
		default:
			last = value
		}
		count++
	}
	if count%4 != 0 || padding > 2 || padding == 1 && last&3 != 0 || padding == 2 && last&15 != 0 {
		return BadBase64
	}
	return ""
}
