package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/store"
	"timbre/shared/trace"
)

const (
	// Send and PollStatus are the functions in due entries.
	Send       = "send"
	PollStatus = "poll-status"
	// parallel bounds the storage calls of one envelope at a time.
	parallel = 64
)

// Desk applies to the documents what became of their envelope. Each method may be called by anybody, any
// number of times: a document that has moved on is left alone, and the entry that led here (outbox or due)
// goes last.
type Desk struct {
	State, Archive *store.Bucket
	Events         event.Publisher
	Logger         *slog.Logger
	Now            func() time.Time
}

// Each calls do for every item of a plan, some at a time.
func Each(ctx context.Context, p *Plan, do func(ctx context.Context, i int, id store.DocumentID) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, item := range p.Documents {
		g.Go(func() error { return do(ctx, i, p.Document(item)) })
	}
	return g.Wait()
}

// Carries tells whether a document's record says that this plan's envelope is the one that carries it.
func (p *Plan) Carries(r *document.Record, i Item) bool {
	return r.Envelope == p.Number && r.Version == i.Version
}

// Received marks the documents as sent, has poll-status look at the envelope and empties the outbox of them.
func (d *Desk) Received(ctx context.Context, p *Plan) error {
	if err := due.Add(ctx, d.State, d.Now().Add(time.Minute), PollStatus, DueParts(p.EnvelopeID)...); err != nil {
		return err
	}
	waits, err := d.waiting(ctx, p) // before the documents are looked at: what is handed back later is renewed
	if err != nil {
		return err
	}
	carried := make([]bool, len(p.Documents))
	err = Each(ctx, p, func(ctx context.Context, i int, id store.DocumentID) error {
		var err error
		carried[i], err = d.sent(ctx, p, p.Documents[i], id)
		return err
	})
	if err != nil {
		return fmt.Errorf("mark as sent: %w", err)
	}
	d.Publish(ctx, event.DTESent, event.Sent{EnvelopeID: p.EnvelopeID})
	return Each(ctx, p, func(ctx context.Context, i int, id store.DocumentID) error {
		if !carried[i] {
			return nil
		}
		return d.leave(ctx, p, id, waits)
	})
}

// sent marks one document and tells whether the envelope carries it to its end.
func (d *Desk) sent(ctx context.Context, p *Plan, item Item, id store.DocumentID) (bool, error) {
	r, err := document.Load(ctx, d.State, id)
	if err != nil || !p.Carries(&r, item) {
		return false, err
	}
	if r.Status.Final() || r.Status == event.StatusSent && knows(&r, p.Tracks) {
		return true, nil
	}
	if err := keepFrom(ctx, d.Archive, id, 1, p.uploads()...); err != nil { // mostly the first
		return false, err
	}
	carried := false
	err = d.Change(ctx, id, func(r *document.Record) error {
		if carried = p.Carries(r, item); !carried || r.Status.Final() {
			return store.ErrUnchanged
		}
		for _, track := range p.Tracks {
			r.AddTrack(track)
		}
		if r.Status == event.StatusSigned { // handed back after a refusal, and received by another attempt
			if err := r.Become(event.StatusSending, d.Now(), ""); err != nil {
				return err
			}
		}
		return r.Become(event.StatusSent, d.Now(), "")
	})
	return carried, err
}

func knows(r *document.Record, tracks []string) bool {
	return len(tracks) == 0 || r.Track() == tracks[len(tracks)-1]
}

// Refused hands the documents of a refused envelope back. For the company's fault they are blocked; a
// single document is the culprit and rejected; several wait in the outbox, to be sent in halves.
func (d *Desk) Refused(ctx context.Context, p *Plan) error {
	culprit := p.Refusal.Fault == FaultDocuments && len(p.Documents) == 1
	err := Each(ctx, p, func(ctx context.Context, i int, id store.DocumentID) error {
		return d.refused(ctx, p, p.Documents[i], id, culprit)
	})
	if err != nil {
		return fmt.Errorf("hand back refused documents: %w", err)
	}
	if culprit {
		return d.EmptyOutbox(ctx, p)
	}
	return nil
}

// refused changes one document after its outbox entry stands again: an entry too much is harmless. Somebody who
// still takes the envelope for received may be about to remove the entry, so that it is renewed.
func (d *Desk) refused(ctx context.Context, p *Plan, item Item, id store.DocumentID, culprit bool) error {
	next := event.StatusSigned
	switch {
	case culprit:
		next = event.StatusRejected
	case p.Refusal.Fault == FaultCompany:
		next = event.StatusBlocked
	}
	r, err := document.Load(ctx, d.State, id)
	if err != nil {
		return err
	}
	if !p.Carries(&r, item) || r.Status == next || r.Status.Final() || p.Refusal.Released != nil {
		return nil
	}
	if err := Keep(ctx, d.Archive, id, append(p.uploads(), p.refusal(next))...); err != nil {
		return err
	}
	if !culprit {
		if _, err := d.State.Create(ctx, store.Outbox(p.Channel, id), nil, nil); err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	err = d.Change(ctx, id, func(r *document.Record) error {
		if !p.Carries(r, item) || r.Status.Final() {
			return store.ErrUnchanged
		}
		r.SII = &document.SII{
			EnvelopeState: p.Refusal.Code, Glosa: p.Refusal.Glosa,
			Details: []document.Detail{explain(*p.Refusal)},
		}
		return r.Become(next, d.Now(), p.Refusal.Note())
	})
	if err != nil || culprit {
		return err
	}
	return d.State.Renew(ctx, store.Outbox(p.Channel, id))
}

// Change updates a document and announces a change of its status, save that to sending, which follows from
// within.
func (d *Desk) Change(ctx context.Context, id store.DocumentID, change func(*document.Record) error) error {
	before := 0
	r, err := document.Update(ctx, d.State, id, func(r *document.Record) error {
		before = r.Seq
		return change(r)
	})
	if err != nil {
		return fmt.Errorf("change %s: %w", id, err)
	}
	if r.Seq != before {
		d.tell(trace.Follow(ctx, r.Trace), &r)
	}
	return nil
}

// tell logs a change under the trace of the document's request, and wakes notify but for the step to sending.
func (d *Desk) tell(ctx context.Context, r *document.Record) {
	d.Logger.InfoContext(ctx, "document changed", "rut_emisor", r.RUT.String(), "environment", r.Env, "tipo_dte", r.Type, "folio", r.Folio,
		"status", r.Status, "envelope", r.Envelope, "track_id", r.Track(), "age_seconds", int(d.Now().Sub(r.History[0].At).Seconds()))
	if r.Status != event.StatusSending {
		d.Publish(ctx, event.DTEStatus, event.StatusChanged{DocumentID: r.DocumentID, Seq: r.Seq})
	}
}

// Publish sends a wake-up. One that cannot be sent is only logged: the tick finds what it would have announced.
func (d *Desk) Publish(ctx context.Context, topic event.Topic, message any) {
	if err := d.Events.Publish(ctx, topic, message); err != nil {
		d.Logger.WarnContext(ctx, "wake-up not published", "topic", topic, "error", err)
	}
}

// EmptyOutbox removes the entries of documents that this envelope carries to their end.
func (d *Desk) EmptyOutbox(ctx context.Context, p *Plan) error {
	waits, err := d.waiting(ctx, p)
	if err != nil {
		return err
	}
	return Each(ctx, p, func(ctx context.Context, i int, id store.DocumentID) error {
		if _, found := waits[id]; !found {
			return nil
		}
		r, err := document.Load(ctx, d.State, id)
		if err != nil || !p.Carries(&r, p.Documents[i]) || handedBack(&r) {
			return err
		}
		return d.leave(ctx, p, id, waits)
	})
}

// waiting are the generations of the chain's entries in the outbox.
func (d *Desk) waiting(ctx context.Context, p *Plan) (map[store.DocumentID]int64, error) {
	generations := map[store.DocumentID]int64{}
	for o, err := range d.State.List(ctx, store.Query{Prefix: store.OutboxPrefix(p.Company, p.Channel)}) {
		if err != nil {
			return nil, err
		}
		id, err := store.ParseOutbox(o.Name)
		if err != nil {
			return nil, err
		}
		generations[id] = o.Generation
	}
	return generations, nil
}

// leave removes a document's entry in the outbox, unless it was put there anew since it was listed.
func (d *Desk) leave(ctx context.Context, p *Plan, id store.DocumentID, waits map[store.DocumentID]int64) error {
	generation, found := waits[id]
	if !found {
		return nil
	}
	err := d.State.Delete(ctx, store.Outbox(p.Channel, id), generation)
	if errors.Is(err, store.ErrChanged) {
		return nil
	}
	return err
}

// handedBack tells whether a document waits for another envelope.
func handedBack(r *document.Record) bool {
	return r.Status == event.StatusSigned || r.Status == event.StatusBlocked
}
