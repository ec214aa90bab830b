package generatesign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/planted"
	"timbre/shared/problem"
	"timbre/shared/store"
	"timbre/shared/ted"
	"timbre/shared/trace"
)

// finish brings a folio that is bound to its end: signed bytes in the archive, an entry in the outbox,
// the document's state, the message. It goes on wherever an earlier process stopped and answers with
// the body of the 201.
func (s *service) finish(ctx context.Context, b folio.Bound) ([]byte, error) {
	r, err := document.Load(ctx, s.state, b.DocumentID)
	if errors.Is(err, store.ErrNotFound) {
		return s.complete(ctx, b)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	if r.Replacement != nil && r.Replacement.Key == b.Key {
		return s.replace(ctx, b, &r)
	}
	return answerOf(&r, b.Key)
}

// answerOf is the body of the 201 of a document that exists, for the request that it was given to.
func answerOf(r *document.Record, key store.RequestKey) ([]byte, error) {
	if r.Tombstone != "" {
		return nil, buried(r)
	}
	return []byte(r.AnswerTo(key)), nil
}

// orderOf reads what a request holds.
func orderOf(b folio.Bound) (content, *dte.Order, error) {
	var held content
	if err := json.Unmarshal(b.Order.Content, &held); err != nil {
		return held, nil, fmt.Errorf("read the order of %s: %w", b.DocumentID, err)
	}
	order := &dte.Order{}
	if err := json.Unmarshal(held.Order, order); err != nil {
		return held, nil, fmt.Errorf("read the order of %s: %w", b.DocumentID, err)
	}
	return held, order.WithFolio(b.Folio), nil
}

func (s *service) complete(ctx context.Context, b folio.Bound) ([]byte, error) {
	held, order, err := orderOf(b)
	if err != nil {
		return nil, err
	}
	signed, err := s.signedBytes(ctx, b, order, 1)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(signed, tombstone) {
		return s.bury(ctx, b, order, held)
	}
	record, err := newRecord(b, order, held, signed, s.chile)
	if err != nil {
		return nil, err
	}
	return s.publish(ctx, record)
}

// signedBytes are those of the archive: ours, unless somebody was first.
func (s *service) signedBytes(ctx context.Context, b folio.Bound, order *dte.Order, version int) ([]byte, error) {
	name := store.SignedDTE(b.DocumentID, version)
	keeping := s.keepOrder(ctx, b, version)
	standing, err := s.archive.Read(ctx, name)
	if err == nil {
		return s.own(ctx, b, order, standing.Data)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, unavailable(err)
	}
	c, err := s.companies.Load(ctx, b.RUT)
	if err != nil {
		return nil, unavailable(err)
	}
	identity, err := s.signer(ctx, c.In(b.Env))
	if err != nil { // mended some day, and signed then: no 4xx, which would tell that there is no folio
		return nil, unavailable(err)
	}
	signed, err := s.sign(ctx, order, b.Order.CAF, identity, c.NamespaceForm)
	if errors.Is(err, caf.ErrExpired) {
		signed, err = tombstone, nil
	}
	if err != nil {
		return nil, err
	}
	if err := <-keeping; err != nil {
		return nil, err
	}
	if planted.Is("store-behind") {
		go s.archive.Create(context.WithoutCancel(ctx), name, signed, nil) //nolint:errcheck // that is the bug
		return signed, nil
	}
	_, err = s.archive.Create(ctx, name, signed, nil)
	if errors.Is(err, store.ErrExists) {
		if standing, err = s.archive.Read(ctx, name); err == nil {
			return s.own(ctx, b, order, standing.Data)
		}
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return signed, nil
}

// own makes sure that what stands in the archive under a folio is this order's document. It is another's
// if the state bucket was lost and its folios were given anew; then nothing may be told or sent of it.
func (s *service) own(ctx context.Context, b folio.Bound, order *dte.Order, standing []byte) ([]byte, error) {
	if bytes.Equal(standing, tombstone) {
		return standing, nil
	}
	if err := verifyOwn(order, standing); err != nil {
		s.log.ErrorContext(ctx, "the archive holds another document under this folio: restore the state bucket",
			"rut_emisor", b.RUT.String(), "tipo_dte", int(b.Type), "folio", b.Folio, "error", err)
		return nil, problem.Wrap(problem.FolioForeign, fmt.Sprintf(
			"El folio %d de tipo %s ya tiene otro documento en el archivo. Restaure el estado antes de seguir emitiendo.", b.Folio, b.Type), err)
	}
	return standing, nil
}

// verifyOwn tells whether archived bytes are an order's document.
func verifyOwn(order *dte.Order, archived []byte) error {
	_, err := dte.Verify(bytes.TrimSpace(bytes.TrimPrefix(archived, []byte(declaration))), order, nil)
	return err
}

// sign stamps and signs an order that has its folio, and believes the bytes only after reading them again.
func (s *service) sign(ctx context.Context, order *dte.Order, ref company.CAF, identity *cert.Identity, form string) ([]byte, error) {
	opened, err := s.vault.CAF(ctx, ref)
	if err != nil {
		return nil, unavailable(fmt.Errorf("open the CAF: %w", err))
	}
	at := s.now().In(s.chile)
	stamp, err := ted.Stamp(order.Stamped(), opened, at)
	if err != nil {
		return nil, err
	}
	signed, err := dte.Write(order, stamp, at, dte.NamespaceForm(form), identity)
	if err != nil {
		return nil, err
	}
	if _, err := dte.Verify(signed, order, identity); err != nil {
		return nil, err
	}
	return slices.Concat([]byte(declaration), signed, []byte("\n")), nil
}

// declaration makes the signed element a file of its own, whose encoding every reader knows; envelopes
// take the element alone.
const declaration = `<?xml version="1.0" encoding="ISO-8859-1"?>` + "\n"

// publish makes the document visible: first where send looks, then the state, then the wake-up, which
// may be lost. Another process may have done it meanwhile; its answer is the same document's.
func (s *service) publish(ctx context.Context, r *document.Record) ([]byte, error) {
	entry := store.Outbox(store.ChannelOf(r.Type), r.DocumentID)
	if _, err := s.state.Create(ctx, entry, nil, nil); err != nil {
		return nil, unavailable(err)
	}
	err := document.Create(ctx, s.state, r)
	if errors.Is(err, store.ErrExists) {
		standing, err := document.Load(ctx, s.state, r.DocumentID)
		if err != nil {
			return nil, unavailable(err)
		}
		return answerOf(&standing, r.Key)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	ctx = trace.Follow(ctx, r.Trace) // the sweeper's is another
	s.log.InfoContext(ctx, "document signed", "rut_emisor", r.RUT.String(), "environment", r.Env, "tipo_dte", r.Type, "folio", r.Folio, "status", r.Status)
	if err := s.events.Publish(ctx, event.DTESigned, event.Signed{DocumentID: r.DocumentID}); err != nil {
		s.log.WarnContext(ctx, "no wake-up for send, its tick will find the document", "folio", r.Folio, "tipo_dte", r.Type, "error", err)
	}
	return []byte(r.Answer), nil
}

// newRecord derives the document's state from the signed bytes, so that whoever finishes it writes the same.
func newRecord(b folio.Bound, order *dte.Order, held content, signed []byte, chile *time.Location) (*document.Record, error) {
	stamp, err := ted.Find(signed)
	if err != nil {
		return nil, fmt.Errorf("find the TED of %s: %w", b.DocumentID, err)
	}
	at, err := signedAt(signed, chile)
	if err != nil {
		return nil, fmt.Errorf("find TmstFirma of %s: %w", b.DocumentID, err)
	}
	r := &document.Record{
		DocumentID: b.DocumentID, Key: b.Key, Version: 1, Bytes: len(signed), Trace: held.Trace,
		IssueDate: order.IssueDate(), Receiver: order.Receiver(), Total: order.Total().String(),
		References: ownReferences(b.DocumentID, order),
		Status:     event.StatusSigned, History: []document.Change{{At: at, Status: event.StatusSigned}},
	}
	answer, err := viewOf(r, order, held, stamp, chile).JSON()
	r.Answer = string(answer)
	return r, err
}

// signedAt reads TmstFirma, the local time of continental Chile, out of the signed bytes.
func signedAt(signed []byte, chile *time.Location) (time.Time, error) {
	_, rest, found := bytes.Cut(signed, []byte("<TmstFirma>"))
	text, _, closed := bytes.Cut(rest, []byte("</TmstFirma>"))
	if !found || !closed {
		return time.Time{}, errors.New("the document has none")
	}
	return time.ParseInLocation(dte.TimeLayout, string(text), chile)
}
