package generatesign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/store"
)

// tombstone stands in the archive in the place of a document that could not be signed: the CAF of its
// folio expired between the claim and the signature. Created like a document, so that only one of both
// can be there.
var tombstone = []byte(declaration + `<Tombstone xmlns="urn:timbre" reason="caf-expired"/>` + "\n")

// bury ends an order whose folio can never be signed. The caller, or who repeats its request, is told;
// the operator must declare the folio at the SII.
func (s *service) bury(ctx context.Context, b folio.Bound, order *dte.Order, held content) ([]byte, error) {
	r, err := tombstoneRecord(b, order, held, s.now(), s.chile)
	if err != nil {
		return nil, err
	}
	s.log.ErrorContext(ctx, "CAF expired before the document was signed", "rut_emisor", r.RUT.String(), "tipo_dte", int(r.Type), "folio", r.Folio)
	if err := document.Create(ctx, s.state, r); err != nil && !errors.Is(err, store.ErrExists) {
		return nil, unavailable(err)
	}
	return nil, buried(r)
}

// tombstoneRecord is the state of a folio whose document could not be signed any more.
func tombstoneRecord(b folio.Bound, order *dte.Order, held content, at time.Time, chile *time.Location) (*document.Record, error) {
	r := &document.Record{
		DocumentID: b.DocumentID, Key: b.Key, Version: 1, Tombstone: "caf-expired",
		IssueDate: order.IssueDate(), Receiver: order.Receiver(), Total: order.Total().String(),
		Status:  event.StatusBlocked,
		History: []document.Change{{At: at, Status: event.StatusBlocked, Note: buriedText}},
	}
	answer, err := viewOf(r, order, held, nil, chile).JSON()
	r.Answer = string(answer)
	return r, err
}

const buriedText = "El CAF venció antes de que el documento se firmara; el folio queda sin uso. Anúlelo en el SII."

func buried(r *document.Record) error {
	return problem.New(problem.CAFExpired, fmt.Sprintf("Folio %d: %s Emita el documento con otra Idempotency-Key.", r.Folio, buriedText))
}
