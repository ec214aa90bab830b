package pollstatus

import (
	"encoding/json"
	"time"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/event"
	"timbre/shared/rut"
)

// List is a page of documents; Cursor is null on the last one.
type List struct {
	Items  []ListItem `json:"items"`
	Cursor *string    `json:"cursor"`
}

// ListItem is a document as lists show it.
type ListItem struct {
	ID          string       `json:"id"`
	Company     string       `json:"company"`
	Environment string       `json:"environment"`
	Type        int          `json:"type"`
	Folio       int64        `json:"folio"`
	IssueDate   string       `json:"issue_date"`
	Total       json.Number  `json:"total"`
	Status      event.Status `json:"status"`
	Links       ListLinks    `json:"links"`
}

// ListLinks lead to the document.
type ListLinks struct {
	Self string `json:"self"`
}

// EvidenceList is every request, answer and decision about a document, for who follows it without us. Files
// and mails are told by their SHA-256; neither a secret nor a token is in it.
type EvidenceList struct {
	ID          string                `json:"id"`
	Company     string                `json:"company"`
	Environment string                `json:"environment"`
	Issues      []EvidenceIssue       `json:"issues"`
	History     []document.ViewChange `json:"history"`
	Evidence    []dispatch.Evidence   `json:"evidence"`
}

// EvidenceIssue is one version of the document: the request that it answers and the bytes that were signed.
type EvidenceIssue struct {
	Version int `json:"version"`
	// KeySHA256 and BodySHA256 are of the caller's Idempotency-Key and request.
	KeySHA256  string `json:"key_sha256,omitempty"`
	BodySHA256 string `json:"body_sha256,omitempty"`
	// CAF is the authorisation of the folio.
	CAF *EvidenceCAF `json:"caf,omitempty"`
	// SHA256 and Bytes are of the signed file.
	SHA256 string `json:"sha256"`
	Bytes  int    `json:"bytes"`
}

// EvidenceCAF names an authorisation of folios.
type EvidenceCAF struct {
	From       int64  `json:"from"`
	To         int64  `json:"to"`
	Authorized string `json:"authorized"`
	SHA256     string `json:"sha256"` // of the file
}

// SweepRequest asks for a look at all envelopes without verdict; without a company, at those of all
// companies that the caller may act for.
type SweepRequest struct {
	Company rut.RUT `json:"company"`
}

// SweepAnswer counts the envelopes that were looked at and those still without verdict.
type SweepAnswer struct {
	Looked  int `json:"looked"`
	Pending int `json:"pending"`
}

// EventList is a page of the log; After is the number to ask on from.
type EventList struct {
	Items []EventItem `json:"items"`
	After int64       `json:"after"`
}

// EventItem is an event with its number in the company's log.
type EventItem struct {
	Number int64 `json:"number"`
	event.Notice
}

// UndeliveredList is a page of the events that the webhook did not take.
type UndeliveredList struct {
	Items []UndeliveredItem `json:"items"`
	After int64             `json:"after"`
}

// UndeliveredItem is an event with what became of its delivery.
type UndeliveredItem struct {
	EventItem
	Delivery struct {
		Attempts int       `json:"attempts"`
		At       time.Time `json:"at"` // of the last attempt
		Reason   string    `json:"reason"`
	} `json:"delivery"`
}
