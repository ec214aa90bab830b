package store

import (
	"crypto/sha256"
	"fmt"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rcv"
	"timbre/shared/rut"
)

// LetterID names a mail that a company sends, the same one however often it happens to be written: a single
// path element of typed values.
type LetterID string

// ReceptionLetter is the technical answer to a file that was received.
func ReceptionLetter(file [sha256.Size]byte) LetterID {
	return LetterID(fmt.Sprintf("reception.%x", file))
}

// ResponseLetter is the commercial answer to a document, one for each action of the receiver.
func ResponseLetter(issuer rut.RUT, t dte.Type, folio int64, action string) LetterID {
	return LetterID(fmt.Sprintf("response.%s.%d.%d.%s", issuer, t, folio, action))
}

// RequestLetter asks a supplier for a document, at most once a day.
func RequestLetter(issuer rut.RUT, t dte.Type, folio int64, day time.Time) LetterID {
	return LetterID(fmt.Sprintf("request.%s.%d.%d.%s", issuer, t, folio, day.Format(time.DateOnly)))
}

// Valid tells whether the id is a path element that needs no escaping anywhere.
func (l LetterID) Valid() bool { return EventID(l).Valid() }

// LetterBytes holds a mail as it is sent, in the archive: who writes it first decides its bytes.
func LetterBytes(c Company, l LetterID) Name {
	return Name{fmt.Sprintf("sent/%s/%s.eml", c.path(), l)}
}

// LetterState holds what became of a mail, in the state bucket.
func LetterState(c Company, l LetterID) Name {
	return Name{fmt.Sprintf("%s%s.json", LetterPrefix(c), l)}
}

// LetterPrefix is where the states of a company's mails stand.
func LetterPrefix(c Company) string { return "mails/" + c.path() + "/" }

// Supplier holds what a company has been told of a supplier.
func Supplier(c Company, issuer rut.RUT) Name {
	return Name{fmt.Sprintf("suppliers/%s/%s.json", c.path(), issuer)}
}

// RegisterBook holds a book of the SII's register of a company's purchases in a month.
func RegisterBook(c Company, month rcv.Period, book rcv.Book) Name {
	return Name{fmt.Sprintf("rcv/%s/%s/%s.json", c.path(), month, book)}
}

// ReceivedPrefix is where the received documents of a company stand, with its files and mails.
func ReceivedPrefix(c Company) string { return "received/" + c.path() + "/" }
