package claim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
)

// Action is an event that the receiver can enter (accionDoc).
type Action string

// The actions.
const (
	ACD Action = "ACD" // accepts the content
	RCD Action = "RCD" // claims the content
	ERM Action = "ERM" // receipt of goods or services (acuse de recibo, Ley 19.983)
	RFP Action = "RFP" // claims a partial lack of goods
	RFT Action = "RFT" // claims a total lack of goods
)

// Events that a nota de crédito leaves in the list; nobody can enter them and they close nothing.
const (
	NCA Action = "NCA" // one that annuls the document was received
	ENC Action = "ENC" // another one was received
)

var (
	actions = []Action{ACD, RCD, ERM, RFP, RFT}
	claims  = []Action{RCD, RFP, RFT}
)

// ErrAction says that a word is no action.
var ErrAction = errors.New("claim: unknown action")

// Parse reads an action that can be entered.
func Parse(text string) (Action, error) {
	a := Action(text)
	if !slices.Contains(actions, a) {
		return "", fmt.Errorf("%w: %.20q", ErrAction, text)
	}
	return a, nil
}

// Claims tells whether the action is a claim; the others accept.
func (a Action) Claims() bool { return slices.Contains(claims, a) }

// names are what users read.
var names = map[Action]string{
	ACD: "acepta el contenido del documento", RCD: "reclamo al contenido del documento",
	ERM: "acuse de recibo de mercaderías o servicios", RFP: "reclamo por falta parcial de mercaderías",
	RFT: "reclamo por falta total de mercaderías", NCA: "nota de crédito que anula el documento",
	ENC: "nota de crédito sobre el documento",
}

// Name says in Spanish what the action is.
func (a Action) Name() string { return names[a] }

// Handles tells whether the register takes documents of a type: factura, factura exenta and
// liquidación-factura only (manual v1.2).
func Handles(t dte.Type) bool {
	return t == dte.Factura || t == dte.FacturaExenta || t == dte.LiquidacionFactura
}

// Event is something that the SII's register holds about a document.
type Event struct {
	Action Action    `json:"action"`
	By     rut.RUT   `json:"by,omitzero"` // who is responsible; zero if the SII does not say it
	At     time.Time `json:"at,omitzero"`
}

// History is the list of a document's events as the SII gives it.
type History []Event

// Find is the earliest event of some kind; nil if there is none.
func (h History) Find(kinds ...Action) *Event {
	var found *Event
	for i := range h {
		if e := &h[i]; slices.Contains(kinds, e.Action) && (found == nil || e.At.Before(found.At)) {
			found = e
		}
	}
	return found
}

// Allows is the state machine of the register: Done, or the code by which the SII refuses an action after what it
// holds already. A different claim may follow a claim; acceptance and receipt may follow each other.
func (h History) Allows(a Action) Code {
	has := func(kinds ...Action) bool { return h.Find(kinds...) != nil }
	switch {
	case !slices.Contains(actions, a):
		return BadAction
	case has(a):
		return Repeated
	case has(claims...) && a == ACD:
		return ClaimedBefore
	case has(claims...) && a == ERM:
		return NoReceipt
	case has(ACD) && a.Claims():
		return AcceptedBefore
	case has(ERM) && a.Claims():
		return ReceiptBefore
	}
	return Done
}
