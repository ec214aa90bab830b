package exchange

import (
	"errors"
	"fmt"

	"timbre/shared/xmldsig"
)

// Quarantine says why a file could not be taken for any Kind. It is an error that is shown, not one that
// loses the file.
type Quarantine struct {
	// Code is stable, kebab-case English.
	Code string
	// Reason is Spanish.
	Reason string
	// Err is the reader's fault, if it was one.
	Err error
}

// Codes of Quarantine.
const (
	NotXML     = "not-xml"      // no well-formed XML
	Doctype    = "doctype"      // a DTD: never read, as it is how XML bombs are made
	BadText    = "bad-text"     // bytes or characters that no encoding explains
	OverLimit  = "over-limit"   // larger, deeper or denser than a document can be
	OtherRoot  = "other-root"   // XML, but nothing that companies exchange
	NoDocument = "no-documents" // an envelope without any document
)

func (q *Quarantine) Error() string {
	if q.Err == nil {
		return "exchange: " + q.Code
	}
	return fmt.Sprintf("exchange: %s: %v", q.Code, q.Err)
}

// Unwrap is the reader's fault.
func (q *Quarantine) Unwrap() error { return q.Err }

// quarantineOf explains why the reader refused a file.
func quarantineOf(err error) *Quarantine {
	q := &Quarantine{Code: NotXML, Err: err}
	var syntax *xmldsig.SyntaxError
	if !errors.As(err, &syntax) {
		q.Reason = "el archivo no es XML"
		return q
	}
	switch syntax.Code {
	case xmldsig.CodeDoctype:
		q.Code, q.Reason = Doctype, "el archivo trae un DTD, que ningún documento del SII lleva; no se lee"
	case xmldsig.CodeEncoding, xmldsig.CodeCharacter:
		q.Code, q.Reason = BadText, fmt.Sprintf("línea %d: caracteres que no corresponden a ninguna codificación admitida", syntax.Line)
	case xmldsig.CodeLimit:
		q.Code, q.Reason = OverLimit, "el archivo es más grande, profundo o denso de lo que un documento puede ser"
	default:
		q.Reason = fmt.Sprintf("línea %d: el archivo no es XML bien formado", syntax.Line)
	}
	return q
}
