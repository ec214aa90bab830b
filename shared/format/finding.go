package format

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is a stable code of what is wrong with a field.
type Fault string

// Faults that the table can find.
const (
	UnknownField    Fault = "unknown-field"
	MissingField    Fault = "missing-field"
	FieldNotAllowed Fault = "field-not-allowed"
	TooMany         Fault = "too-many"
	OutOfOrder      Fault = "out-of-order"
	Repeated        Fault = "repeated-field"
	WrongShape      Fault = "wrong-shape"
	UnexpectedText  Fault = "unexpected-text"
	Empty           Fault = "empty-field"
	TooShort        Fault = "too-short"
	TooLong         Fault = "too-long"
	BadPattern      Fault = "bad-form"
	NotInList       Fault = "not-in-list"
	NotANumber      Fault = "not-a-number"
	TooManyDigits   Fault = "too-many-digits"
	TooManyPlaces   Fault = "too-many-decimals"
	OutOfRange      Fault = "out-of-range"
	BadDate         Fault = "bad-date"
	BadBase64       Fault = "bad-base64"
	BadAttribute    Fault = "bad-attribute"
	WrongRoot       Fault = "wrong-root"
)

// Finding is one fault of a document.
type Finding struct {
	// Path of the field: Detalle[2].PrcItem, counted from 0.
	Path string
	Code Fault
	// Detail is Spanish.
	Detail string
	// Mild: stated by the SII, but not known to refuse a document.
	Mild bool
}

// texts say in Spanish what a fault means, where no figure of the type belongs to it.
var texts = map[Fault]string{
	UnknownField:    "este campo no existe aquí en el formato del SII",
	MissingField:    "falta este campo",
	FieldNotAllowed: "este campo no corresponde a este tipo de documento",
	OutOfOrder:      "este elemento está fuera del orden del esquema",
	Repeated:        "este campo viene dos veces",
	WrongShape:      "se esperaba otra cosa: un texto o número donde va un valor, un objeto donde hay campos",
	UnexpectedText:  "hay texto donde sólo van elementos",
	Empty:           "este campo no puede ir vacío",
	BadPattern:      "no tiene la forma de un RUT: 76192083-9",
	NotANumber:      "no es un número de los que el SII admite aquí",
	BadDate:         "no es una fecha u hora válida: AAAA-MM-DD o AAAA-MM-DDTHH:MM:SS",
	BadBase64:       "no es base64",
	WrongRoot:       "el documento no es el que se esperaba",
}

// explain is the Spanish text of a fault of e; e may be nil.
func explain(code Fault, e *Element) string {
	if text, ok := texts[code]; ok {
		return text
	}
	if code == TooMany {
		if e.choice {
			return "sólo uno de los elementos que aquí pueden elegirse"
		}
		return "se repite más de " + strconv.Itoa(e.Max) + " veces"
	}
	return e.Type.explain(code)
}

func (s *Simple) explain(code Fault) string {
	switch code {
	case TooShort:
		return fmt.Sprintf("debe tener al menos %d caracteres", s.minLength)
	case TooLong:
		return fmt.Sprintf("debe tener a lo más %d caracteres", s.maxLength)
	case NotInList:
		return "debe ser uno de estos valores: " + strings.Join(s.values, ", ")
	case TooManyDigits:
		return fmt.Sprintf("tiene más de %d dígitos", s.digits)
	case TooManyPlaces:
		return fmt.Sprintf("debe tener a lo más %d decimales", s.places)
	}
	return s.explainRange()
}

func (s *Simple) explainRange() string {
	switch {
	case s.min != "" && s.max != "":
		return "debe estar entre " + s.min + " y " + s.max
	case s.min != "":
		return "debe ser al menos " + s.min
	}
	return "está fuera del rango de este campo"
}
