package format

import (
	"fmt"
	"slices"
	"strings"
)

// Describe says in Spanish which values the type takes, for the reference page.
func (s *Simple) Describe() string {
	if len(s.values) > 0 {
		return strings.Join(s.values, " · ")
	}
	switch s.base {
	case baseString:
		return s.describeText()
	case baseDate:
		return "fecha" + s.describeRange()
	case baseDateTime:
		return "fecha y hora"
	case baseTime:
		return "hora"
	case baseBase64:
		return "base64"
	}
	return s.describeNumber()
}

func (s *Simple) describeText() string {
	switch {
	case s.pattern:
		return "RUT"
	case s.minLength == s.maxLength && s.maxLength > 0:
		return fmt.Sprintf("texto de %d", s.maxLength)
	case s.minLength > 0 && s.maxLength > 0:
		return fmt.Sprintf("texto de %d a %d", s.minLength, s.maxLength)
	case s.maxLength > 0:
		return fmt.Sprintf("texto hasta %d", s.maxLength)
	}
	return "texto"
}

func (s *Simple) describeNumber() string {
	text := "entero"
	if s.base == baseDecimal {
		text = fmt.Sprintf("número con hasta %d decimales", s.places)
	}
	if s.digits > 0 {
		text += fmt.Sprintf(", %d dígitos", s.digits)
	}
	return text + s.describeRange()
}

func (s *Simple) describeRange() string {
	switch {
	case s.min != "" && s.max != "":
		return ", de " + s.min + " a " + s.max
	case s.min != "":
		return ", desde " + s.min
	case s.max != "":
		return ", hasta " + s.max
	}
	return ""
}

// Faults are all codes, in alphabetical order.
func Faults() []Fault {
	out := []Fault{TooMany, TooShort, TooLong, NotInList, TooManyDigits, TooManyPlaces, OutOfRange, BadAttribute}
	for f := range texts {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}

// Text is what a code says in Spanish, empty where that depends on the field.
func (f Fault) Text() string { return texts[f] }
