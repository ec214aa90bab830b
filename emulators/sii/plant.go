package sii

import (
	"fmt"
	"time"

	"timbre/emulators/sii/judge"
	"timbre/emulators/sii/rut"
)

// Plant is a document that the SII holds although no upload brought it: one of a
// supplier that is not in the world. Nothing about it is verified.
type Plant struct {
	Environment string    `json:"environment"`
	Issuer      string    `json:"issuer"`
	Type        int       `json:"type"`
	Folio       int       `json:"folio"`
	Date        string    `json:"date"` // AAAA-MM-DD
	Receiver    string    `json:"receiver"`
	ReceivedAt  time.Time `json:"received_at"` // RFC 3339
	Signature   string    `json:"signature"`   // SignatureValue, for getEstDteAv
	judge.Book            // names, amounts, FmaPago …
}

// plant is the change "documents".
func (s *state) plant(p Plant) error {
	env, known := environment(p.Environment)
	key := docKey{env.Name, p.Issuer, p.Type, p.Folio}
	_, err := time.Parse(time.DateOnly, p.Date)
	switch {
	case !known || !rut.Valid(p.Issuer) || !rut.Valid(p.Receiver):
		return fmt.Errorf("%w: unknown environment or invalid RUT", ErrChange)
	case p.Type < 1 || p.Folio < 1 || err != nil || p.ReceivedAt.IsZero():
		return fmt.Errorf("%w: type, folio, date and received_at are required", ErrChange)
	case s.received[key] != nil:
		return fmt.Errorf("%w: the SII already holds type %d folio %d of %s", ErrChange, p.Type, p.Folio, p.Issuer)
	}
	d := &Document{
		Environment: env.Name, Issuer: p.Issuer, Type: p.Type, Folio: p.Folio, Date: p.Date, Receiver: p.Receiver, Total: fmt.Sprint(p.Total),
		State: "DOK", ReceivedAt: p.ReceivedAt.In(s.clock.zone), Findings: []judge.Finding{}, Details: []string{}, Signature: p.Signature,
		vat: fmt.Sprint(p.VAT), book: p.Book,
	}
	s.documents = append(s.documents, d)
	s.received[key] = d
	return nil
}
