package generatesign

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
	"timbre/shared/trace"
)

const (
	// replacesDue is whose due entries lead to replacements that were begun (docs/adr/0003).
	replacesDue = "replaces"
	// replaceAfter is when somebody else goes on with one.
	replaceAfter = time.Minute
	// maxReplacements bounds those of a tick.
	maxReplacements = 50
)

// bindReplacement gives a key the folio of a document that the SII refused before consuming it: the
// compare-and-set on the document decides which key that is, then the key is bound. Up to there nothing is
// stored.
func (s *service) bindReplacement(ctx context.Context, c *company.Company, b folio.Bound, r *documentRequest) (folio.Bound, error) {
	p, err := s.prepare(ctx, c, b.Company, r)
	if err != nil {
		return b, err
	}
	old, err := s.target(ctx, b.Company, *r.Replaces, p, b.Key)
	if err != nil {
		return b, err
	}
	b.DocumentID, b.Order.CAF = old.DocumentID, rangeFor(p.ranges, old.Folio).CAF
	p.content.Trace = trace.Parent(ctx)
	if b.Order.Content, err = json.Marshal(p.content); err != nil {
		return b, err
	}
	if err := s.take(ctx, b, old.Version); err != nil {
		return b, err
	}
	return s.bindTaken(ctx, b)
}

// target is the document to be replaced, if it may be by this order; one that the key has taken already is its own.
func (s *service) target(ctx context.Context, who store.Company, text string, p *prepared, key store.RequestKey) (*document.Record, error) {
	id, ok := parseReplaces(who, text)
	if !ok || id.Type != p.order.Type() || p.order.Folio() != 0 && p.order.Folio() != id.Folio {
		return nil, problem.New(problem.NotReplaceable, "replaces debe nombrar un documento de la empresa del mismo tipo y folio.")
	}
	r, err := document.Load(ctx, s.state, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, problem.New(problem.NotReplaceable, "El documento de replaces no existe.")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	refused, err := s.refusedWhole(ctx, &r)
	switch {
	case err != nil:
		return nil, unavailable(err)
	case !refused || r.Replacement != nil && r.Replacement.Key != key:
		return nil, problem.New(problem.NotReplaceable, "")
	case rangeFor(p.ranges, id.Folio) == nil:
		return nil, problem.New(problem.FolioOutOfRange, "Ningún CAF vigente autoriza el folio del documento que se reemplaza.")
	}
	return &r, nil
}

func parseReplaces(who store.Company, text string) (store.DocumentID, bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return store.DocumentID{}, false
	}
	issuer, rutErr := rut.Parse(parts[0])
	kind, typeErr := dte.ParseType(parts[1])
	number, folioErr := strconv.ParseInt(parts[2], 10, 64)
	ok := rutErr == nil && typeErr == nil && folioErr == nil && issuer == who.RUT && number > 0
	return store.DocumentID{Series: store.Series{Company: who, Type: kind}, Folio: number}, ok
}

func rangeFor(ranges []folio.Range, number int64) *folio.Range {
	for i, r := range ranges {
		if r.From <= number && number <= r.To {
			return &ranges[i]
		}
	}
	return nil
}

// refusedWhole tells whether the SII refused the envelope that carried this document alone, so that it never
// held the document. One that was rejected inside a processed envelope keeps its folio for ever.
func (s *service) refusedWhole(ctx context.Context, r *document.Record) (bool, error) {
	if r.Status != event.StatusRejected || r.Tombstone != "" || r.Envelope == 0 {
		return false, nil
	}
	p, err := dispatch.Load(ctx, s.state, dispatch.ChainFor(r.DocumentID).Envelope(r.Envelope))
	if err != nil {
		return false, err
	}
	alone := len(p.Documents) == 1 && p.Carries(r, p.Documents[0])
	return alone && p.State == dispatch.Refused && p.Refusal.Fault == dispatch.FaultDocuments && !p.MayBeTwice(), nil
}

// take makes the next version the key's, if it is nobody's. The due entry stands before each try, so that
// somebody goes on if we die behind it.
func (s *service) take(ctx context.Context, b folio.Bound, version int) error {
	order, err := json.Marshal(b.Order)
	if err != nil {
		return err
	}
	_, err = document.Update(ctx, s.state, b.DocumentID, func(r *document.Record) error {
		switch {
		case r.Replacement != nil && r.Replacement.Key == b.Key:
			return store.ErrUnchanged
		case r.Replacement != nil || r.Version != version || r.Status != event.StatusRejected:
			return problem.New(problem.NotReplaceable, "")
		}
		r.Replacement = &document.Replacement{Key: b.Key, Order: order}
		return due.Announce(ctx, s.state, s.now().Add(replaceAfter), replacesDue, replaceParts(r.DocumentID)...)
	})
	if err != nil && problem.Of(err) == nil {
		return unavailable(err)
	}
	return err
}

// bindTaken binds the key to the folio that was taken for it. A key that has another one gives it back.
func (s *service) bindTaken(ctx context.Context, b folio.Bound) (folio.Bound, error) {
	bound, err := s.ledger.BindTo(ctx, b)
	elsewhere := errors.Is(err, folio.ErrReserved) || errors.Is(err, folio.ErrReservationExpired)
	if err == nil && bound.DocumentID == b.DocumentID || err != nil && !elsewhere {
		return bound, folioProblem(err, nil)
	}
	_, undoErr := document.Update(ctx, s.state, b.DocumentID, func(r *document.Record) error {
		if r.Replacement == nil || r.Replacement.Key != b.Key {
			return store.ErrUnchanged
		}
		r.Replacement = nil
		return nil
	})
	switch {
	case undoErr != nil:
		return bound, unavailable(undoErr)
	case elsewhere:
		return bound, problem.Wrap(problem.IdempotencyMismatch, "La clave Idempotency-Key ya se usó para reservar un folio.", err)
	}
	return bound, nil
}

// replace brings a replacement that is bound to its end: signed bytes of the next version, an entry in the
// outbox, the document's state.
func (s *service) replace(ctx context.Context, b folio.Bound, old *document.Record) ([]byte, error) {
	held, order, err := orderOf(b)
	if err != nil {
		return nil, err
	}
	version := old.Version + 1
	signed, err := s.signedBytes(ctx, b, order, version)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(signed, tombstone) {
		return nil, buried(old)
	}
	next, err := newRecord(b, order, held, signed, s.chile)
	if err != nil {
		return nil, err
	}
	next.Version = version
	decision := dispatch.Evidence{At: s.now(), Kind: dispatch.KindDecision, Note: fmt.Sprintf("version %d replaces version %d", version, old.Version)}
	if err := dispatch.Keep(ctx, s.archive, b.DocumentID, decision); err != nil {
		return nil, unavailable(err)
	}
	standing, err := document.Update(ctx, s.state, b.DocumentID, func(r *document.Record) error { return succeed(r, next, s.now()) })
	if err != nil {
		return nil, unavailable(err)
	}
	if err := s.putOut(ctx, b.DocumentID); err != nil {
		return nil, err
	}
	return answerOf(&standing, b.Key)
}

// succeed turns a refused version's record into that of the next.
func succeed(r, next *document.Record, now time.Time) error {
	if r.Version >= next.Version {
		return store.ErrUnchanged
	}
	r.Replaced = append(r.Replaced, document.Replaced{Version: r.Version, Key: r.Key, Answer: r.Answer})
	r.Version, r.Bytes, r.Key, r.Answer, r.Replacement = next.Version, next.Bytes, next.Key, next.Answer, nil
	r.IssueDate, r.Receiver, r.Total, r.References = next.IssueDate, next.Receiver, next.Total, next.References
	r.Tracks, r.SII, r.Trace = nil, nil, next.Trace
	return r.Become(event.StatusSigned, now, fmt.Sprintf("Reemplaza la versión %d, que el SII no recibió", next.Version-1))
}

// putOut lays a signed document out for send, after its state: send lists the outbox, then reads the states,
// and removes the entries of documents that were refused. An entry that stands gets a new generation, so that
// nobody removes it who has read the state before.
func (s *service) putOut(ctx context.Context, id store.DocumentID) error {
	if err := s.renewOutbox(ctx, store.Outbox(store.ChannelOf(id.Type), id)); err != nil {
		return unavailable(err)
	}
	if err := s.events.Publish(ctx, event.DTESigned, event.Signed{DocumentID: id}); err != nil {
		s.log.WarnContext(ctx, "no wake-up for send, its tick will find the document", "folio", id.Folio, "tipo_dte", id.Type, "error", err)
	}
	return nil
}

func (s *service) renewOutbox(ctx context.Context, name store.Name) error {
	for {
		_, err := s.state.Create(ctx, name, nil, nil)
		if !errors.Is(err, store.ErrExists) {
			return err
		}
		standing, err := s.state.Read(ctx, name)
		if err == nil {
			_, err = s.state.Replace(ctx, name, standing.Generation, []byte(rand.Text()), nil)
		}
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrChanged) {
			return err
		}
	}
}

func replaceParts(d store.DocumentID) []string {
	return []string{string(d.Env), d.RUT.String(), strconv.Itoa(int(d.Type)), fmt.Sprintf("%010d", d.Folio)}
}

// sweepReplacements goes on with replacements whose process died.
func (s *service) sweepReplacements(ctx context.Context) error {
	entries, err := due.List(ctx, s.state, s.now(), replacesDue, maxReplacements)
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		if err := s.sweepReplacement(ctx, e); err != nil {
			failed = append(failed, fmt.Errorf("replacement %v: %w", e.Parts, err))
		}
	}
	return errors.Join(failed...)
}

func (s *service) sweepReplacement(ctx context.Context, e due.Entry) error {
	if len(e.Parts) != 4 {
		return fmt.Errorf("%q names no document", e.Parts)
	}
	series, err := store.ParseSeries(e.Parts[0], e.Parts[1], e.Parts[2])
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(e.Parts[3], 10, 64)
	if err != nil {
		return err
	}
	id := store.DocumentID{Series: series, Folio: number}
	if err := s.goOn(ctx, id); err != nil {
		return err
	}
	err = due.Done(ctx, s.state, e)
	if errors.Is(err, store.ErrChanged) { // announced anew meanwhile
		return nil
	}
	return err
}

// goOn finishes the replacement of a document, if one was begun. Whoever announced one and has not begun it
// must announce anew, as the record gets a new generation.
func (s *service) goOn(ctx context.Context, id store.DocumentID) error {
	r, err := document.Update(ctx, s.state, id, func(r *document.Record) error {
		if r.Replacement != nil || r.Status != event.StatusRejected {
			return store.ErrUnchanged
		}
		r.Fence++
		return nil
	})
	switch {
	case err != nil:
		return err
	case r.Replacement == nil && r.Status == event.StatusSigned:
		return s.putOut(ctx, id)
	case r.Replacement == nil:
		return nil
	}
	b := folio.Bound{DocumentID: id, Key: r.Replacement.Key}
	if err := json.Unmarshal(r.Replacement.Order, &b.Order); err != nil {
		return err
	}
	bound, err := s.bindTaken(ctx, b)
	if err != nil || bound.DocumentID != id {
		return err
	}
	_, err = s.finish(ctx, bound)
	if p := problem.Of(err); p != nil && p.Code == problem.CAFExpired { // told to who repeats the request
		return nil
	}
	return err
}
