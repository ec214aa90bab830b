package alert

import (
	"time"

	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// FoliosLow says that the folios of a type run out. It is told once for each stock, which ends in Last,
// and each Level, the caller's own: a share, or a number of days.
type FoliosLow struct {
	Company         store.Company
	Type            dte.Type
	Remaining, Last int64
	Level           int
	// RunOut is the day on which they are used up at the present pace, AAAA-MM-DD; "" if unknown.
	RunOut string
}

func (a FoliosLow) fact() fact {
	data := map[string]any{"type": int(a.Type), "remaining": a.Remaining, "last": a.Last, "level": a.Level}
	if a.RunOut != "" {
		data["run_out"] = a.RunOut
	}
	return fact{a.Company, event.FoliosLow, []any{int(a.Type), a.Last, a.Level}, data}
}

// CAFExpiring says that folios of a CAF will be lost unless they are used. It is told once for each Level,
// the days before the expiry at which the caller warns.
type CAFExpiring struct {
	Company  store.Company
	Type     dte.Type
	From, To int64
	Unused   int64
	Expires  string // last day, AAAA-MM-DD
	Level    int
}

func (a CAFExpiring) fact() fact {
	data := map[string]any{
		"type": int(a.Type), "from": a.From, "to": a.To, "unused": a.Unused, "expires": a.Expires, "level": a.Level,
	}
	return fact{a.Company, event.CAFExpiring, []any{int(a.Type), a.From, a.Level}, data}
}

// CertificateExpiring says that the company's certificate ends. It is told once for each Level, the days
// before the end at which the caller warns.
type CertificateExpiring struct {
	Company  store.Company
	SHA256   string // of the certificate, hex
	Signer   rut.RUT
	NotAfter time.Time
	Level    int
}

func (a CertificateExpiring) fact() fact {
	data := map[string]any{"sha256": a.SHA256, "signer_rut": a.Signer, "not_after": a.NotAfter, "level": a.Level}
	return fact{a.Company, event.CertificateExpiring, []any{a.SHA256, a.Level}, data}
}

// NoVerdict says that the SII has not decided about a document. It is told once for each Level, the hours
// after the upload at which the caller warns.
type NoVerdict struct {
	Document store.DocumentID
	TrackID  string
	Since    time.Time // of the upload
	Level    int
}

func (a NoVerdict) fact() fact {
	d := a.Document
	data := map[string]any{
		"type": int(d.Type), "folio": d.Folio, "id": d.String(), "track_id": a.TrackID, "since": a.Since, "level": a.Level,
	}
	return fact{d.Company, event.DocumentNoVerdict, []any{int(d.Type), d.Folio, a.Level}, data}
}

// Unsent says that boletas have waited too long to be sent: the SII wants each within the hour (WEBSERVICES
// §7). It is told once a day for each Level, the minutes after the issue at which the caller warns.
type Unsent struct {
	Oldest store.DocumentID
	Since  time.Time // of its issue
	Level  int
}

func (a Unsent) fact() fact {
	d := a.Oldest
	data := map[string]any{
		"type": int(d.Type), "folio": d.Folio, "id": d.String(), "since": a.Since, "level": a.Level,
	}
	return fact{d.Company, event.DocumentsUnsent, []any{int(d.Type), a.Since.Format(time.DateOnly), a.Level}, data}
}
