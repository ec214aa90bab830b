package claims

import (
	"slices"
	"time"
)

// Events that the receiver enters, and those that notes leave behind.
const (
	ACD = "ACD" // accepts the content
	RCD = "RCD" // claims the content
	ERM = "ERM" // receipt of goods or services (Ley 19.983)
	RFP = "RFP" // claims a partial lack of goods
	RFT = "RFT" // claims a total lack of goods
	NCA = "NCA" // an annulling nota de crédito was received
	ENC = "ENC" // another nota de crédito was received
)

var (
	actions   = []string{ACD, RCD, ERM, RFP, RFT}
	complaint = []string{RCD, RFP, RFT}
)

// Descriptions of events: ACD and ERM are recorded, the others are ours.
var Descriptions = map[string]string{
	ACD: "Acepta Contenido del Documento", RCD: "Reclamo al Contenido del Documento",
	ERM: "Acuse de Recibo de Mercaderías y Servicios Ley 19.983", RFP: "Reclamo por Falta Parcial de Mercaderías",
	RFT: "Reclamo por Falta Total de Mercaderías", NCA: "Recepción de NC de Anulación que Referencia al Documento",
	ENC: "Recepción de NC, Distinta de Anulación, que Referencia al Documento",
}

// Types are the document types that the register handles (manual v1.2: factura,
// factura exenta, liquidación-factura).
var Types = []int{33, 34, 43}

// Action says whether an event can be entered.
func Action(code string) bool { return slices.Contains(actions, code) }

// Event is something that happened to a document.
type Event struct {
	Code   string    `json:"code"`
	Person string    `json:"person"` // RUT of who is responsible
	At     time.Time `json:"at"`
}

// Document is what the register decides by.
type Document struct {
	Type     int
	Received time.Time // at the SII
	Payment  string    // FmaPago
	Events   []Event
}

// Term is how long events can be entered: 8 calendar days "contados desde la
// recepción", which the simulator takes as 8 × 24 hours that pass, also over a
// change of the clock: such a deadline falls on another hour of the day.
const Term = 8 * 24 * time.Hour

// Start is the first day of the register (code 10).
var Start = time.Date(2017, 1, 14, 0, 0, 0, 0, time.FixedZone("CLST", -3*60*60))

// Deadline is the last moment at which an event can be entered.
func (d Document) Deadline() time.Time { return d.Received.Add(Term) }

// paidOrFree: no event is possible and the document stands at once (FmaPago 1
// contado, 3 sin costo; code 27).
func (d Document) paidOrFree() bool { return d.Payment == "1" || d.Payment == "3" }

// Enter says how the entering of an event is answered; Done means that it is to
// be recorded.
func (d Document) Enter(action string, now time.Time) Code {
	switch {
	case !Action(action):
		return BadAction
	case d.Received.Before(Start):
		return TooOld
	case d.paidOrFree():
		return PaidOrFree
	case now.After(d.Deadline()):
		return TooLate
	case d.has(action):
		return Repeated
	}
	return d.allows(action)
}

// allows is the state machine of WEBSERVICES §8 for an event that is new. A
// different claim may follow a claim.
func (d Document) allows(action string) Code {
	claim := slices.Contains(complaint, action)
	switch {
	case d.has(complaint...) && action == ACD:
		return ClaimedBefore
	case d.has(complaint...) && action == ERM:
		return NoReceipt
	case d.has(ACD) && claim:
		return AcceptedBefore
	case d.has(ERM) && claim:
		return ReceivedBefore
	}
	return Done
}

func (d Document) has(codes ...string) bool { return d.first(codes...) != nil }

// first is the earliest event of some kind.
func (d Document) first(codes ...string) *Event {
	i := slices.IndexFunc(d.Events, func(e Event) bool { return slices.Contains(codes, e.Code) })
	if i < 0 {
		return nil
	}
	return &d.Events[i]
}

// Cedible answers whether the document can be assigned (codes 20 to 25). Only a
// receipt, not an acceptance of the content, makes it assignable before the term
// ends (Ley 19.983 art. 4).
func (d Document) Cedible(now time.Time) Code {
	annulment := d.first(NCA)
	switch {
	case !slices.Contains(Types, d.Type):
		return NotAssignable
	case annulment != nil && !annulment.At.After(d.Deadline()):
		return Annulled
	case d.has(complaint...):
		return Claimed
	case d.has(ERM):
		return Assignable
	case now.After(d.Deadline()):
		return Lapsed
	}
	return Nothing
}

// State is where the register of purchases shows a document.
type State string

// States of the register of purchases (estadoContab), but NO_INCLUIR, which the
// company chooses.
const (
	Registered State = "REGISTRO"
	Pending    State = "PENDIENTE"
	Refused    State = "RECLAMADO"
)

// Standing is a document's state, since when, and by what (detEventoReceptor: A
// not claimed in time, C receipt given, P paid or free, R claimed).
type Standing struct {
	State State
	Since time.Time
	By    string
}

// Standing judges a document at a time. Types outside the register stand from
// their reception on.
func (d Document) Standing(now time.Time) Standing {
	claim, acceptance := d.first(complaint...), d.first(ERM, ACD)
	switch {
	case !slices.Contains(Types, d.Type):
		return Standing{State: Registered, Since: d.Received}
	case d.paidOrFree():
		return Standing{Registered, d.Received, "P"}
	case claim != nil:
		return Standing{Refused, claim.At, "R"}
	case acceptance != nil:
		return Standing{Registered, acceptance.At, "C"}
	case now.After(d.Deadline()):
		return Standing{Registered, d.Deadline(), "A"}
	}
	return Standing{State: Pending, Since: d.Received}
}
