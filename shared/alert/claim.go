package alert

import (
	"time"

	"timbre/shared/event"
	"timbre/shared/store"
)

// ClaimDeadline says that the time to accept or claim a received document runs out and that nobody has answered.
// It is told once for each Level, the days before the deadline at which the caller warns.
type ClaimDeadline struct {
	Document         store.ReceivedID
	IssuerName       string
	IssueDate, Total string
	Deadline         time.Time
	Level            int
}

func (a ClaimDeadline) fact() fact {
	d := a.Document
	data := map[string]any{
		"id": d.String(), "issuer": d.Issuer, "issuer_name": a.IssuerName, "type": int(d.Type), "folio": d.Folio, "issue_date": a.IssueDate,
		"total": a.Total, "claim_deadline": a.Deadline.Format(time.RFC3339), "level": a.Level,
	}
	return fact{d.Company, event.ClaimDeadline, []any{d.Issuer, int(d.Type), d.Folio, a.Level}, data}
}
