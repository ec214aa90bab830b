package dispatch

import (
	"context"
	"fmt"

	"timbre/shared/document"
	"timbre/shared/sii"
	"timbre/shared/store"
	"timbre/shared/xmldsig"
)

// Inquirer is the SII in the name of a person, asked for one document.
type Inquirer interface {
	DocumentState(ctx context.Context, q sii.Question) (sii.DocumentState, error)
	ExactState(ctx context.Context, q sii.Question) (sii.DocumentState, error)
}

// Heard is what the SII said of one document: its last answer, and the one before where it was asked twice.
type Heard struct {
	sii.DocumentState
	// Before is QueryEstDte's answer where QueryEstDteAv was asked after it.
	Before *sii.DocumentState
}

// Answers are all answers, in order.
func (h *Heard) Answers() []sii.DocumentState {
	if h.Before == nil {
		return []sii.DocumentState{h.DocumentState}
	}
	return []sii.DocumentState{*h.Before, h.DocumentState}
}

// Foreign tells whether the SII holds another document with the same date, amount and receiver.
func (h *Heard) Foreign() bool { return h.Before != nil && h.Standing() == sii.OtherData }

// Question is what the SII is asked about a document.
func Question(r *document.Record) sii.Question {
	return sii.Question{
		Issuer: r.RUT, Receiver: r.Receiver, Type: r.Type, Folio: r.Folio, Date: r.IssueDate, Total: r.Total,
	}
}

// Ask asks what the SII holds under a document's folio (QueryEstDte): alone it accepts nothing, see Prove.
func Ask(ctx context.Context, session Inquirer, r *document.Record) (Heard, error) {
	state, err := session.DocumentState(ctx, Question(r))
	return Heard{DocumentState: state}, err
}

// Prove asks on where the SII holds a document with the same date, amount and receiver: whether it has the
// signature of these very bytes (QueryEstDteAv). Another software may have used the folio for the same sale. The
// service of the boletas has no such question; there the data must do.
func (p *Plan) Prove(ctx context.Context, archive *store.Bucket, session Inquirer, r *document.Record, h Heard) (Heard, error) {
	if p.Service == Boletas || h.Standing() != sii.Registered {
		return h, nil
	}
	o, err := archive.Read(ctx, store.SignedDTE(r.DocumentID, p.versionOf(r)))
	if err != nil {
		return h, fmt.Errorf("read %s: %w", r.DocumentID, err)
	}
	q := Question(r)
	if q.Signature, err = signatureValue(o.Data); err != nil {
		return h, fmt.Errorf("read %s: %w", r.DocumentID, err)
	}
	exact, err := session.ExactState(ctx, q)
	if err != nil {
		return h, err
	}
	return Heard{DocumentState: exact, Before: &h.DocumentState}, nil
}

// versionOf is the version of a document that the plan carries.
func (p *Plan) versionOf(r *document.Record) int {
	for _, i := range p.Documents {
		if i.Type == r.Type && i.Folio == r.Folio {
			return i.Version
		}
	}
	return r.Version
}

// signatureValue is the text of a signed document's SignatureValue, as QueryEstDteAv takes it.
func signatureValue(data []byte) (string, error) {
	d, err := xmldsig.Parse(data, xmldsig.Limits{})
	if err != nil {
		return "", err
	}
	for _, s := range xmldsig.Signatures(d) {
		if value := s.Child("SignatureValue").Text(); value != "" {
			return value, nil
		}
	}
	return "", fmt.Errorf("no SignatureValue in %d bytes", len(data))
}
