package problem

import (
	"errors"
	"fmt"
	"time"
)

// Error is a fault that the caller is told of.
type Error struct {
	Code Code
	// Detail is the Spanish text of this occurrence; empty takes the code's own.
	Detail string
	Errors []Field
	SII    *SII
	// RetryAfter tells when to repeat; 0 tells nothing.
	RetryAfter time.Duration
	// Extra are members beside the standard ones, as totals.
	Extra map[string]any
	// Cause is for the log only.
	Cause error
}

// Field is one fault of a request: its JSON path, a stable code and a Spanish text.
type Field struct {
	Path    string `json:"path"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	SIICode string `json:"sii_code,omitempty"`
}

// SII is what the tax authority answered, verbatim.
type SII struct {
	Code  string `json:"code"`
	Glosa string `json:"glosa"`
}

// New makes an error of a code with a Spanish detail, "" for the code's own.
func New(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// Wrap is New with a cause for the log.
func Wrap(code Code, detail string, cause error) *Error {
	return &Error{Code: code, Detail: detail, Cause: cause}
}

// Invalid reports the faults of a request; nil if there are none.
func Invalid(code Code, faults []Field) error {
	if len(faults) == 0 {
		return nil
	}
	return &Error{Code: code, Errors: faults}
}

func (e *Error) Error() string {
	text := "problem " + string(e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Cause != nil {
		text += fmt.Sprintf(": %v", e.Cause)
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is compares by code, so that errors.Is(err, problem.New(problem.FolioUsed, "")) holds.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error) //nolint:errorlint // errors.Is walks the chain
	return ok && other.Code == e.Code
}

// Of finds the problem in an error; what has none, or a code that the table does not know, is Internal.
func Of(err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Code: Internal, Cause: err}
	}
	if _, known := table[e.Code]; !known {
		return &Error{Code: Internal, Cause: err}
	}
	return e
}
