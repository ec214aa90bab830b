package notify

import (
	"timbre/shared/document"
	"timbre/shared/event"
)

// The headers of a webhook (API.md, Webhooks).
const (
	// TimestampHeader is when this attempt was made, in seconds since 1970.
	TimestampHeader = "DTE-Timestamp"
	// SignatureHeader holds v1=<hex> for each live secret, with commas between.
	SignatureHeader = "DTE-Signature"
)

// StatusData is what a document.status event says.
type StatusData struct {
	Company        string       `json:"company"`
	Environment    string       `json:"environment"`
	Type           int          `json:"type"`
	Folio          int64        `json:"folio"`
	ID             string       `json:"id"`
	Reference      string       `json:"reference"`
	Status         event.Status `json:"status"`
	PreviousStatus event.Status `json:"previous_status"`
	TrackID        *string      `json:"track_id"`
	// SII is what the tax authority said, in the event of the newest change only.
	SII *document.SII `json:"sii"`
	// Seq grows by one with each change: ignore an event that is not above what you know.
	Seq int `json:"seq"`
}
