package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	generatesign "timbre/functions/generate-sign"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/store"
)

// epoch is the time of what has none.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// restoredText stands in the history of every document that was made again.
const restoredText = "Reconstruido desde el archivo"

// told is a change that callers are told of once their company is back.
type told struct {
	id  store.DocumentID
	seq int
}

// writeDocuments makes claims, requests, records and outbox entries.
func (r *run) writeDocuments(ctx context.Context, b *books) error {
	return each(ctx, b.folios, func(ctx context.Context, p *paper) error {
		err := r.writeFolio(ctx, b, p)
		if errors.Is(err, folio.ErrUsed) {
			r.report.conflict(fmt.Sprintf("%s in %s: %v", p.DocumentID, p.Env, err))
			return nil
		}
		return err
	})
}

func (r *run) writeFolio(ctx context.Context, b *books, p *paper) error {
	if len(p.signed) > 0 && !p.whole() {
		r.report.count("folios/foreign", 1)
		r.report.lack(fmt.Sprintf("%s in %s: its order is not in the archive; the folio counts as used", p.DocumentID, p.Env))
		return r.unlessDry(func() error { return r.ledger.RestoreForeign(ctx, p.DocumentID) })
	}
	orders, err := r.orders(ctx, p)
	if err != nil {
		return err
	}
	if len(p.signed) == 0 {
		return r.unsigned(ctx, b, orders[0])
	}
	record, err := r.record(ctx, b, p, orders)
	if err != nil {
		r.report.conflict(fmt.Sprintf("%s in %s: %v", p.DocumentID, p.Env, err))
		return r.unlessDry(func() error { return r.ledger.RestoreForeign(ctx, p.DocumentID) })
	}
	r.report.count("documents", 1)
	r.report.count("documents/"+string(record.Status), 1)
	if err := r.bind(ctx, b, orders, record.History[0].At); err != nil {
		return err
	}
	if err := r.store(ctx, p, record); err != nil {
		return err
	}
	if r.began.Sub(record.ChangedTo(record.Seq-1).At) < tellAfter && record.Status != event.StatusSigned {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.tell = append(b.tell, told{p.DocumentID, record.Seq})
	}
	return nil
}

// orders reads the folio's orders by version, from 1 on.
func (r *run) orders(ctx context.Context, p *paper) ([]folio.Bound, error) {
	all := make([]folio.Bound, len(p.orders))
	for i := range all {
		if _, err := r.Archive.ReadJSON(ctx, store.KeptOrder(p.DocumentID, i+1), &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// unsigned gives an order that was not signed its folio back; the sweeper finishes it.
func (r *run) unsigned(ctx context.Context, b *books, order folio.Bound) error {
	r.report.count("orders/unsigned", 1)
	return r.unlessDry(func() error {
		if err := r.ledger.Restore(ctx, order, r.began, b.expiry(order.Key)); err != nil {
			return err
		}
		return r.ledger.Announce(ctx, order.Series)
	})
}

// bind makes the claim of the first version and the requests of all.
func (r *run) bind(ctx context.Context, b *books, orders []folio.Bound, at time.Time) error {
	r.report.count("requests", len(orders))
	return r.unlessDry(func() error {
		for i, order := range orders {
			var err error
			if i == 0 {
				err = r.ledger.Restore(ctx, order, at, b.expiry(order.Key))
			} else {
				err = r.ledger.RestoreRequest(ctx, order, nil)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// store lays a document out for send where it must go out, then makes its record, as generate-sign does. A
// record that stands is of functions that work already.
func (r *run) store(ctx context.Context, p *paper, record *document.Record) error {
	out := waits(record)
	if out {
		r.report.count("outbox", 1)
	}
	return r.unlessDry(func() error {
		stands, err := r.State.Exists(ctx, store.Document(p.DocumentID))
		if err != nil || stands {
			return err
		}
		if out {
			if _, err := r.State.Create(ctx, store.Outbox(store.ChannelOf(p.Type), p.DocumentID), nil, nil); err != nil && !errors.Is(err, store.ErrExists) {
				return err
			}
		}
		if err := document.Create(ctx, r.State, record); err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
		if record.Replacement == nil {
			return nil
		}
		return generatesign.AnnounceReplacement(ctx, r.State, record.DocumentID, r.began)
	})
}

// waits tells whether send must find the document in the outbox.
func waits(record *document.Record) bool {
	return record.Tombstone == "" && !record.Status.Final() && record.Status != event.StatusSent
}

func (r *run) unlessDry(do func() error) error {
	if r.Dry {
		return nil
	}
	return do()
}

// record makes a document's state of its newest version and what the evidence tells.
func (r *run) record(ctx context.Context, b *books, p *paper, orders []folio.Bound) (*document.Record, error) {
	var record *document.Record
	for v := 1; v <= p.latest(); v++ {
		o, err := r.Archive.Read(ctx, store.SignedDTE(p.DocumentID, v))
		if err != nil {
			return nil, err
		}
		next, err := generatesign.Rebuilt(orders[v-1], v, o.Data, r.began)
		if err != nil {
			return nil, err
		}
		if record != nil {
			next.Replaced = append(record.Replaced, document.Replaced{Version: v - 1, Key: record.Key, Answer: record.Answer})
		}
		record = next
	}
	if record.Tombstone != "" {
		return record, nil
	}
	if err := b.follow(record, p.fate); err != nil {
		return nil, err
	}
	if len(orders) > p.latest() {
		next := orders[p.latest()]
		if err := begun(record, next); err != nil {
			return nil, err
		}
	}
	// Callers ignore a change that is not above what they know: these are above every one before.
	record.Told = int(r.began.Unix() / 60)
	record.Seq = record.Told
	record.Tell(r.began, restoredText)
	return record, nil
}

// follow takes a record from its issue to where the evidence, or the state of its envelope, says.
func (b *books) follow(record *document.Record, f fate) error {
	if f.envelope == 0 {
		return nil
	}
	p := b.plans[store.ChannelOf(record.Type)][f.envelope]
	record.Envelope = f.envelope
	if err := record.Become(event.StatusSending, later(p.SignedAt, record), ""); err != nil {
		return err
	}
	if p.State == dispatch.Received || p.State == dispatch.Done {
		for _, track := range p.Tracks {
			record.AddTrack(track)
		}
		at := f.sentAt
		if at.IsZero() {
			at = p.ReceivedAt()
		}
		if err := record.Become(event.StatusSent, later(at, record), ""); err != nil {
			return err
		}
		if !f.status.Final() {
			return nil
		}
	}
	if p.State == dispatch.Refused && !f.status.Final() {
		return refused(record, p)
	}
	if f.status == "" {
		return nil
	}
	record.SII = words(f)
	return record.Become(f.status, later(f.at, record), "")
}

// later is a time that does not lie before the history's end.
func later(at time.Time, record *document.Record) time.Time {
	if last := record.History[len(record.History)-1].At; at.Before(last) {
		return last
	}
	return at
}

// refused is a document whose envelope was refused: in the outbox, to be sent in halves, or blocked.
func refused(record *document.Record, p *dispatch.Plan) error {
	next := event.StatusSigned
	switch {
	case p.Refusal.Fault == dispatch.FaultCompany:
		next = event.StatusBlocked
	case len(p.Documents) == 1:
		next = event.StatusRejected
	}
	record.SII = &document.SII{
		EnvelopeState: p.Refusal.Code, Glosa: p.Refusal.Glosa,
		Details: []document.Detail{dispatch.Explain(p.Refusal.Code, 3, p.Refusal.Note())},
	}
	return record.Become(next, later(p.Refusal.At, record), p.Refusal.Note())
}

// words is what the evidence tells of the SII's; reasons that came by mail are in the evidence alone.
func words(f fate) *document.SII {
	said := &document.SII{EnvelopeState: f.envelopeState, DocumentState: f.documentState, Details: []document.Detail{}}
	switch f.status {
	case event.StatusRejected, event.StatusAcceptedRemarks:
		code, level := f.documentState, 3
		if f.status == event.StatusAcceptedRemarks {
			code, level = f.envelopeState, 2
		}
		if f.code != "" {
			said.EnvelopeState, code = f.code, f.code
		}
		said.Details = append(said.Details, document.Detail{Code: code, Level: level, Text: "El detalle está en la evidencia del documento"})
	}
	return said
}

// begun notes a replacement that was ordered and not signed.
func begun(record *document.Record, next folio.Bound) error {
	replacement, err := generatesign.Replacement(next)
	record.Replacement = replacement
	return err
}
