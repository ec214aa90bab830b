package send

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/shared/cert"
	"timbre/shared/dispatch"
	"timbre/shared/envelope"
	"timbre/shared/planted"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// bytes gives the envelope as it is sent: the one in the archive, else signed now from the plan. All that
// the bytes depend on stands in the plan, so that two who sign write the same; the first to store wins.
func (s *service) bytes(ctx context.Context, p *dispatch.Plan, signer *cert.Identity) ([]byte, error) {
	if planted.Is("resign") && len(p.Attempts) > 0 {
		again := *p
		again.SignedAt = s.Now().In(s.chile).Truncate(time.Second)
		return s.write(ctx, &again, signer)
	}
	name := store.SentEnvelope(p.EnvelopeID)
	stored, err := s.Archive.Read(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		var data []byte
		if data, err = s.write(ctx, p, signer); err != nil {
			return nil, err
		}
		if err = dispatch.KeepPlan(ctx, s.Archive, p); err != nil {
			return nil, err
		}
		if _, err = s.Archive.Create(ctx, name, data, nil); err == nil {
			return data, nil // envelope.Write has read it back
		}
		if errors.Is(err, store.ErrExists) {
			stored, err = s.Archive.Read(ctx, name)
		}
	}
	if err != nil {
		return nil, err
	}
	return stored.Data, verify(stored.Data, p)
}

// write signs the envelope.
func (s *service) write(ctx context.Context, p *dispatch.Plan, signer *cert.Identity) ([]byte, error) {
	documents := make([][]byte, len(p.Documents))
	err := dispatch.Each(ctx, p, func(ctx context.Context, i int, id store.DocumentID) error {
		o, err := s.Archive.Read(ctx, store.SignedDTE(id, p.Documents[i].Version))
		documents[i] = o.Data
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the documents of envelope %d: %w", p.Number, err)
	}
	resolved, err := time.Parse(time.DateOnly, p.Resolution.Date)
	if err != nil {
		return nil, fmt.Errorf("date of the resolution: %w", err)
	}
	c := envelope.Caratula{Issuer: p.RUT, Receiver: rut.SII, ResolutionDate: resolved, ResolutionNumber: p.Resolution.Number}
	data, err := envelope.Write(c, documents, signer, p.SignedAt.In(s.chile), setID(p))
	if err != nil {
		return nil, unfit(err)
	}
	return data, verify(data, p)
}

// setID names the set within its envelope.
func setID(p *dispatch.Plan) string { return fmt.Sprintf("Envio_%s_%d", p.Channel, p.Number) }

// verify reads the bytes back and compares them with the plan.
func verify(data []byte, p *dispatch.Plan) error {
	e, err := envelope.Verify(data)
	if err != nil {
		return unfit(err)
	}
	if e.Issuer != p.RUT || len(e.Documents) != len(p.Documents) {
		return unfit(fmt.Errorf("envelope %d of %s with %d documents is not as planned", p.Number, e.Issuer, len(e.Documents)))
	}
	for i, d := range e.Documents {
		if d.Type != p.Documents[i].Type || d.Folio != p.Documents[i].Folio {
			return unfit(fmt.Errorf("document %d/%d in envelope %d is not as planned", d.Type, d.Folio, p.Number))
		}
	}
	return nil
}
