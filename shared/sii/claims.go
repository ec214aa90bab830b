package sii

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"timbre/shared/claim"
	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// ErrNoReception says that the SII tells no date of reception: it does not hold the document.
var ErrNoReception = errors.New("sii: no date of reception")

// Received names a document as its receiver does.
type Received struct {
	Issuer rut.RUT
	Type   dte.Type
	Folio  int64
}

// ClaimAnswer is an answer of the register.
type ClaimAnswer struct {
	Code  claim.Code
	Glosa string // descResp, verbatim, often with broken accents: never compared
	// Answer is the SOAP answer, for the record.
	Answer string
}

// Claims asks the registro de aceptación o reclamo in the name of a person.
type Claims struct {
	session *Session // whose tokens are sent
	env     store.Environment
	chile   *time.Location
}

// Claims opens the register of an environment. Its tokens are those of the environment, or of production where
// Options.ClaimTokens say so; the person's certificate is the same.
func (c *Client) Claims(env store.Environment, p Person, chile *time.Location) *Claims {
	tokens := env
	if env == store.Certificacion && c.claimTokens != "" {
		tokens = c.claimTokens
	}
	return &Claims{session: c.As(tokens, p), env: env, chile: chile}
}

// Enter enters an action (ingresarAceptacionReclamoDoc), once. Every code is an answer. ErrIndeterminate says that
// the SII may have recorded it: the list of events tells; entering it again is harmless, the SII answers that it was
// registered before.
func (c *Claims) Enter(ctx context.Context, d Received, a claim.Action) (ClaimAnswer, error) {
	return ask(ctx, c.session, func(token string) (ClaimAnswer, error) {
		doc, err := c.callOnce(ctx, token, opClaimEnter, append(d.params(), param{"accionDoc", string(a)}))
		if err != nil {
			return ClaimAnswer{}, err
		}
		answer, err := readClaimAnswer(doc, opClaimEnter)
		if err != nil {
			return answer, fmt.Errorf("%w: %w", ErrIndeterminate, err)
		}
		return answer, nil
	})
}

// Events lists what the register holds about a document (listarEventosHistDoc). Another code than 15 and 16 comes
// with no events.
func (c *Claims) Events(ctx context.Context, d Received) (claim.History, ClaimAnswer, error) {
	var events claim.History
	answer, err := ask(ctx, c.session, func(token string) (ClaimAnswer, error) {
		doc, err := c.question(ctx, token, opClaimEvents, d)
		if err != nil {
			return ClaimAnswer{}, err
		}
		answer, err := readClaimAnswer(doc, opClaimEvents)
		if err != nil {
			return answer, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if events, err = readEvents(doc, c.chile); err != nil {
			return answer, fmt.Errorf("%w: %s: %w", ErrUnavailable, opClaimEvents, err)
		}
		if listed := answer.Code == claim.Listed; listed != (len(events) > 0) {
			return answer, fmt.Errorf("%w: %s answered %d with %d events", ErrUnavailable, opClaimEvents, answer.Code, len(events))
		}
		return answer, nil
	})
	return events, answer, err
}

// Assignable asks whether a document can be assigned (consultarDocDteCedible).
func (c *Claims) Assignable(ctx context.Context, d Received) (ClaimAnswer, error) {
	return ask(ctx, c.session, func(token string) (ClaimAnswer, error) {
		doc, err := c.question(ctx, token, opClaimAssignable, d)
		if err != nil {
			return ClaimAnswer{}, err
		}
		answer, err := readClaimAnswer(doc, opClaimAssignable)
		if err != nil {
			return answer, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return answer, nil
	})
}

// Reception asks when the SII received a document (consultarFechaRecepcionSii); ErrNoReception if it did not.
func (c *Claims) Reception(ctx context.Context, d Received) (time.Time, error) {
	return ask(ctx, c.session, func(token string) (time.Time, error) {
		doc, err := c.question(ctx, token, opClaimReception, d)
		if err != nil {
			return time.Time{}, err
		}
		text, err := doc.only("return")
		if err != nil {
			return time.Time{}, fmt.Errorf("%w: %s: %w", ErrUnavailable, opClaimReception, err)
		}
		if text == "" {
			return time.Time{}, ErrNoReception
		}
		at, err := claim.ParseStamp(text, c.chile)
		if err != nil {
			return time.Time{}, fmt.Errorf("%w: %s: %w", ErrUnavailable, opClaimReception, err)
		}
		return at, nil
	})
}

// params are those of every operation, in the order of the WSDL.
func (d Received) params() []param {
	return []param{
		{"rutEmisor", strconv.Itoa(d.Issuer.Number())},
		{"dvEmisor", d.Issuer.Digit()},
		{"tipoDoc", strconv.Itoa(int(d.Type))},
		{"folio", strconv.FormatInt(d.Folio, 10)},
	}
}
