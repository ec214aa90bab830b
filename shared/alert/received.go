package alert

import (
	"time"

	"timbre/shared/event"
	"timbre/shared/store"
)

// Received says that a document came from a supplier. It is told once for each document.
type Received struct {
	Document         store.ReceivedID
	IssuerName       string
	IssueDate, Total string
	At               time.Time
	// Strict is what cryptography alone says of it: pass, warn or fail.
	Strict string
}

func (a Received) fact() fact {
	d := a.Document
	data := map[string]any{
		"id": d.String(), "issuer": d.Issuer, "issuer_name": a.IssuerName, "type": int(d.Type), "folio": d.Folio, "issue_date": a.IssueDate,
		"total": a.Total, "received_at": a.At.Format(time.RFC3339), "strict": a.Strict,
	}
	return fact{d.Company, event.DocumentReceived, []any{d.Issuer, int(d.Type), d.Folio}, data}
}
