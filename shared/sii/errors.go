package sii

import (
	"errors"
	"fmt"
	"slices"
)

// What callers branch on.
var (
	// ErrUnavailable says that the SII gave no usable answer and that nothing was uploaded.
	ErrUnavailable = errors.New("sii: no usable answer")
	// ErrIndeterminate says that an upload was sent and its answer lost: the SII may hold the file or not.
	ErrIndeterminate = errors.New("sii: the upload's answer was lost")
	// ErrTokenDead says that the SII refused a token that it had just given.
	ErrTokenDead = errors.New("sii: token refused")
	// ErrCertificate says that the SII does not let the person of the certificate in.
	ErrCertificate = errors.New("sii: certificate refused")
	// ErrResting says that a host of the SII failed again and again and is left alone for a while; it comes
	// with ErrUnavailable.
	ErrResting = errors.New("sii: the host is left alone for a while")
)

// StatusError is a refusal in the SII's own code.
type StatusError struct {
	Op    string // the operation, as getSeed or getEstUp
	Code  string // verbatim, as "001"
	Glosa string // verbatim, often with broken accents: never compared
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("sii: %s answered %s (%s)", e.Op, e.Code, e.Glosa)
}

// Is tells which of the sentinels the code means.
func (e *StatusError) Is(target error) bool {
	switch target {
	case ErrTokenDead:
		return e.tokenDead()
	case ErrCertificate:
		return e.login() && slices.Contains(certificateCodes, e.Code)
	case ErrUnavailable: // what is refused for a reason that passes; a token may die twice on a bad day
		return !e.login() || !slices.Contains(certificateCodes, e.Code)
	}
	return false
}

// tokenDead: QueryEstDteAv says so by 1 and 2 too, which elsewhere mean something else; the register of claims by
// a fault.
func (e *StatusError) tokenDead() bool {
	switch {
	case e.login():
		return false
	case e.Op == opMail:
		return e.Code == mailTokenDead
	}
	return tokenDead(e.Code) || e.Code == codeClaimToken || e.Op == opEstDteAv && (e.Code == "1" || e.Code == "2")
}

// login tells whether a token was asked for.
func (e *StatusError) login() bool { return e.Op == opToken || e.Op == opBoletaToken }

// certificateCodes are the getToken states that a person must mend: signature or certificate not
// accepted, user not registered with certificate login (Autenticación automática v1.9, chapter 6; live
// answers of 2026 give 10 and 11 with the same glosa).
var certificateCodes = []string{"05", "10", "11", "12", "-07", "21", "-3"}

// tokenDead tells whether a query's ESTADO means that the token is unknown, inactive or absent.
// The service of the boletas says so by HTTP status.
func tokenDead(code string) bool {
	return slices.Contains([]string{"001", "002", "003", codeNotAuthenticated, codeNoToken}, code)
}
