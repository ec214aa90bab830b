package event

import (
	"encoding/json"
	"time"
)

// Log is the name of the log of what callers are told (GET /v1/events, webhooks).
const Log = "events"

// Kind says what an event is about.
type Kind string

// The events of the API (API.md, Webhooks).
const (
	DocumentStatus      Kind = "document.status"
	DocumentReceived    Kind = "document.received"
	DocumentNoVerdict   Kind = "document.no_verdict"
	DocumentsUnsent     Kind = "documents.unsent"
	FoliosLow           Kind = "folios.low"
	CAFExpiring         Kind = "caf.expiring"
	CertificateExpiring Kind = "certificate.expiring"
	ClaimDeadline       Kind = "claim.deadline"
)

// Notice is an event as callers see it: the body of a webhook, and an item of GET /v1/events.
type Notice struct {
	ID    string          `json:"id"`
	Event Kind            `json:"event"`
	At    string          `json:"at"` // RFC 3339 with offset
	Data  json.RawMessage `json:"data"`
}

// DeadLetter tells of a logged event that the company's webhook did not take in three days.
type DeadLetter struct {
	Number   int64     `json:"number"`
	ID       string    `json:"id"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"` // of the last attempt
	Reason   string    `json:"reason"`
}
