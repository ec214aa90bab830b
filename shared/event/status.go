package event

import "slices"

// Status is where a document stands.
type Status string

// The states of a document (API.md). Blocked means that a person must mend something.
const (
	StatusSigned          Status = "signed"
	StatusSending         Status = "sending"
	StatusSent            Status = "sent"
	StatusAccepted        Status = "accepted"
	StatusAcceptedRemarks Status = "accepted_with_remarks"
	StatusRejected        Status = "rejected"
	StatusBlocked         Status = "blocked"
)

// transitions is the only place that says what may follow what. A verdict is final, save that the SII
// may still turn out to hold a document that an envelope's count called rejected (WEBSERVICES §11.2), and
// that its mail tells whether an accepted one has remarks, which no query does.
var transitions = map[Status][]Status{
	StatusSigned:          {StatusSending, StatusBlocked, StatusRejected},
	StatusSending:         {StatusSent, StatusSigned, StatusBlocked, StatusRejected, StatusAccepted, StatusAcceptedRemarks},
	StatusSent:            {StatusAccepted, StatusAcceptedRemarks, StatusRejected, StatusBlocked, StatusSigned},
	StatusBlocked:         {StatusSigned, StatusSending, StatusSent, StatusAccepted, StatusAcceptedRemarks, StatusRejected},
	StatusAccepted:        {StatusAcceptedRemarks},
	StatusAcceptedRemarks: {StatusAccepted},
	StatusRejected:        {StatusAccepted, StatusAcceptedRemarks, StatusSigned},
	// Signed after Rejected is a replacement on the same folio.
}

// MayBecome tells whether next may follow s; a state may always be repeated.
func (s Status) MayBecome(next Status) bool {
	return s == next || slices.Contains(transitions[s], next)
}

// Final tells whether the SII has spoken its verdict.
func (s Status) Final() bool {
	return s == StatusAccepted || s == StatusAcceptedRemarks || s == StatusRejected
}

// Accepted tells whether the SII holds the document.
func (s Status) Accepted() bool { return s == StatusAccepted || s == StatusAcceptedRemarks }
