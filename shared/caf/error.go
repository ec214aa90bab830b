package caf

import "errors"

// Error is a fault of a CAF file. Code is stable and stands in problem documents.
type Error struct {
	Code string
	text string
}

func (e *Error) Error() string { return "caf: " + e.text }

// Faults of a CAF. Parse reports those of the file, all at once; CheckFor those of its use.
var (
	ErrMalformed   = &Error{"caf-malformed", "not a CAF file"}
	ErrTooLarge    = &Error{"caf-too-large", "larger than a CAF file can be"}
	ErrUnknownIDK  = &Error{"caf-unknown-idk", "IDK names no key of the SII"}
	ErrFRMA        = &Error{"caf-bad-signature", "FRMA is not the SII's signature of DA"}
	ErrType        = &Error{"caf-unsupported-type", "TD is not a supported document type"}
	ErrRange       = &Error{"caf-bad-range", "RNG is no range of folios"}
	ErrNoKey       = &Error{"caf-no-private-key", "RSASK is missing or holds no RSA key"}
	ErrKeyMismatch = &Error{"caf-key-mismatch", "RSASK is not the private key of RSAPK"}
	ErrCompany     = &Error{"caf-other-company", "RE is another company"}
	ErrEnvironment = &Error{"caf-other-environment", "IDK is of another environment"}
	ErrExpired     = &Error{"caf-expired", "authorized more than six months ago"}
)

// Faults lists every fault of this package that err carries, in the order found.
func Faults(err error) []*Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // walks the tree itself
		var all []*Error
		for _, e := range joined.Unwrap() {
			all = append(all, Faults(e)...)
		}
		return all
	}
	if fault, ok := err.(*Error); ok { //nolint:errorlint // walks the tree itself
		return []*Error{fault}
	}
	if err == nil {
		return nil
	}
	return Faults(errors.Unwrap(err))
}
