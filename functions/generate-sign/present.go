package generatesign

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/text/encoding/charmap"

	"timbre/shared/cert"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/store"
)

// viewOf is the body of the 201.
func viewOf(r *document.Record, order *dte.Order, held content, stamp []byte, chile *time.Location) document.View {
	text, err := charmap.ISO8859_1.NewDecoder().Bytes(stamp)
	if err != nil { // every byte is a character of ISO-8859-1
		panic(err)
	}
	self := "/v1/documents/" + r.DocumentID.String()
	remarks, err := json.Marshal(held.Warnings)
	if err != nil { // strings only
		panic(err)
	}
	at := r.History[0]
	return document.View{
		ID: r.DocumentID.String(), Company: r.RUT.String(), Environment: string(r.Env), Type: int(r.Type), Folio: r.Folio,
		IssueDate: r.IssueDate, Status: r.Status, Reference: held.Reference, Totals: order.Totals(), TED: string(text),
		Warnings: remarks, History: []document.ViewChange{{At: at.At.In(chile).Format(time.RFC3339), Status: at.Status}},
		Links: document.Links{Self: self, XML: self + "/xml"},
	}
}

func warnings(remarks []dte.FieldError) []warning {
	all := make([]warning, 0, len(remarks))
	for _, f := range remarks {
		all = append(all, warning{Path: f.Path, Code: f.Code, Detail: f.Detail, SIICode: f.SIICode})
	}
	return all
}

// ownReferences are the documents of the same company that a note names: send holds it back until the
// SII has accepted them (otherwise REF-3-750).
func ownReferences(id store.DocumentID, order *dte.Order) []store.DocumentID {
	if !isNote(order.Type()) {
		return nil
	}
	var own []store.DocumentID
	for _, ref := range order.References() {
		t, err := dte.ParseType(ref.Type)
		number, numberErr := strconv.ParseInt(ref.Folio, 10, 64)
		foreign := !ref.Other.IsZero() && ref.Other != id.RUT
		if err != nil || numberErr != nil || foreign || number <= 0 {
			continue
		}
		own = append(own, store.DocumentID{Series: store.Series{Company: id.Company, Type: t}, Folio: number})
	}
	return own
}

func isNote(t dte.Type) bool {
	switch t {
	case dte.NotaDebito, dte.NotaCredito, dte.NotaDebitoExportacion, dte.NotaCreditoExportacion:
		return true
	}
	return false
}

func invalidProblem(invalid *dte.Invalid) error {
	code := problem.InvalidDocument
	if invalid.TotalsDiffer() {
		code = problem.TotalsDiffer
	}
	fields := make([]problem.Field, 0, len(invalid.Faults))
	for _, f := range invalid.Faults {
		fields = append(fields, problem.Field{Path: f.Path, Code: f.Code, Detail: f.Detail, SIICode: f.SIICode})
	}
	return &problem.Error{Code: code, Errors: fields, Cause: invalid}
}

// certificateProblem tells why the company's certificate may not sign now.
func certificateProblem(err error) error {
	for cause, code := range map[error]problem.Code{
		cert.ErrExpired: problem.CertificateExpired, cert.ErrNotYetValid: problem.CertificateNotYetValid,
		cert.ErrNotRSA: problem.CertificateNotRSA, cert.ErrKeyTooSmall: problem.CertificateKeyTooSmall,
		cert.ErrNoRUT: problem.CertificateWithoutRUT,
	} {
		if errors.Is(err, cause) {
			return problem.Wrap(code, "", err)
		}
	}
	return err
}

// folioProblem tells why there is no folio; other errors of the ledger leave the folio, if any, to the key.
func folioProblem(err error, p *prepared) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, folio.ErrExhausted):
		last := p.ranges[len(p.ranges)-1]
		detail := fmt.Sprintf("El último CAF de tipo %s termina en el folio %d. Cargue un nuevo CAF.", last.CAF.Type, last.To)
		return problem.Wrap(problem.FolioExhausted, detail, err)
	case errors.Is(err, folio.ErrUsed):
		return problem.Wrap(problem.FolioUsed, fmt.Sprintf("El folio %d de tipo %s ya fue usado.", p.order.Folio(), p.order.Type()), err)
	case errors.Is(err, folio.ErrOutside):
		return problem.Wrap(problem.FolioOutOfRange, "", err)
	case errors.Is(err, folio.ErrReservationExpired):
		return problem.Wrap(problem.ReservationExpired, "", err)
	case errors.Is(err, folio.ErrReservedOther):
		return problem.Wrap(problem.IdempotencyMismatch, "La clave Idempotency-Key ya se usó para otro tipo, otro folio u otro documento.", err)
	}
	return unavailable(err)
}
