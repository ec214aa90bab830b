package sii

import "strings"

// Class says what an envelope's state means for its documents.
type Class int

// The classes of envelope states.
const (
	// Pending: not decided yet, ask again.
	Pending Class = iota
	// Processed: the envelope is through; each document has its own verdict. Never an acceptance.
	Processed
	// RefusedDocuments: the whole envelope is refused for what is in it; no document was received.
	RefusedDocuments
	// RefusedCompany: the whole envelope is refused for what the company must mend.
	RefusedCompany
	// Lost: the SII has no file; the same bytes may be sent again.
	Lost
	// Repeated: the content was received in another envelope.
	Repeated
)

// envelopeStates is the table of QueryEstUp: the official states RSC SOK CRT RFR FOK PDR RCT EPR, those of
// the boleta API's catalogue (REC PRD RCO RPT VOF RPR RLV RCH), and the numeric ones seen by clients
// (106, live 2026). Books' states are absent: no book is sent by this package's callers.
var envelopeStates = map[string]Class{
	"REC": Pending, "SOK": Pending, "FOK": Pending, "CRT": Pending, "PDR": Pending, "PRD": Pending,
	"EPR": Processed, "RPR": Processed, "RLV": Processed, "RCH": Processed,
	"RSC": RefusedDocuments, "RFR": RefusedDocuments, "RCO": RefusedDocuments,
	"RCT": RefusedCompany, "106": RefusedCompany,
	"VOF": Lost, "RPT": Repeated,
}

// ClassOf tells what an envelope's state means. States that are not in the table, negative codes and the
// unclear 004, 005, 007, 107 are Pending: ask again.
func ClassOf(state string) Class { return envelopeStates[state] }

func knownEnvelopeState(state string) bool {
	_, known := envelopeStates[state]
	return known
}

// Standing says what getEstDte's state means for one document.
type Standing int

// The standings of a document.
const (
	// Unknown: an internal error of the SII, which says nothing.
	Unknown Standing = iota
	// Missing: not received, not yet, or received and refused (FAU).
	Missing
	// Registered: the SII holds this document.
	Registered
	// OtherData: the SII holds another document under this folio.
	OtherData
	// Void: the folio is not authorised or annulled, or the company may not issue.
	Void
)

// documentStates is the table of QueryEstDte. A document whose text or amounts a note modifies, or which
// a note annuls, was received and matches.
var documentStates = map[string]Standing{
	"DOK": Registered, "TMD": Registered, "TMC": Registered, "MMD": Registered, "MMC": Registered,
	"AND": Registered, "ANC": Registered,
	"DNK": OtherData,
	"FAU": Missing, codeUnknown: Missing,
	"FNA": Void, "FAN": Void, "EMP": Void,
}

// StandingOf tells what a document's state means; internal errors (-1 to -4) are Unknown.
func StandingOf(state string) Standing { return documentStates[state] }

// The upload's STATUS (OI2003_UPDTE_MDE 1.5; 99 seen live in 2026).
const (
	StatusReceived   = 0
	StatusSender     = 1 // the person may not send for this company
	StatusSize       = 2
	StatusTruncated  = 3
	StatusParameters = 4
	StatusToken      = 5
	StatusCompany    = 6 // the company may not send
	StatusSchema     = 7
	StatusSignature  = 8
	StatusBlocked    = 9
	StatusDuplicate  = 99
)

const (
	statusNone       = -1   // no STATUS was found
	answerKept       = 4096 // bytes of an answer that the evidence keeps
	receptionElement = "<RECEPCIONDTE"
	receptionEscaped = "&lt;RECEPCIONDTE"
)

// SameTrack compares track ids; the SII pads them in one place and not in another.
func SameTrack(a, b string) bool {
	return strings.TrimLeft(a, "0") == strings.TrimLeft(b, "0")
}
