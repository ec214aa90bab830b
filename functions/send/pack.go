package send

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/event"
	"timbre/shared/planted"
	"timbre/shared/store"
)

// chunk is how many documents of the outbox are read together.
const chunk = 64

// parallel bounds the reads at a time.
const parallel = 64

// sender is in whose name and by which authorisation a company's envelopes go out.
type sender struct {
	certificate company.Certificate
	resolution  dispatch.Resolution
	service     dispatch.Service
	// obstacle says in Spanish what a person must mend before anything goes out; "" if nothing.
	obstacle string
}

func (s *service) sender(ctx context.Context, c dispatch.Chain) (sender, error) {
	found, err := s.Companies.Load(ctx, c.RUT)
	if err != nil {
		return sender{}, err
	}
	block := found.Blocks[c.Env]
	switch {
	case block == nil || block.FchResol == "":
		return sender{obstacle: "La empresa no tiene resolución en este ambiente"}, nil
	case block.Certificate == nil:
		return sender{obstacle: "La empresa no tiene certificado digital en este ambiente"}, nil
	case s.Now().After(block.Certificate.NotAfter):
		return sender{obstacle: "El certificado digital de la empresa venció"}, nil
	}
	return sender{
		certificate: *block.Certificate,
		resolution:  dispatch.Resolution{Date: block.FchResol, Number: block.NroResol},
		service:     serviceFor(found, c),
	}, nil
}

// serviceFor is where a chain's envelopes go: in produccion boletas have a service of their own, in
// certificacion the company chooses.
func serviceFor(c *company.Company, chain dispatch.Chain) dispatch.Service {
	if chain.Channel == store.Boleta && (chain.Env == store.Produccion || c.BoletasREST) {
		return dispatch.Boletas
	}
	return dispatch.Upload
}

// pack plans the envelope after the last one of what waits in the outbox; nil if nothing can go out. Halves of refused
// envelopes and fresh documents take turns.
func (s *service) pack(ctx context.Context, c dispatch.Chain, last *dispatch.Plan, told *telling) (*dispatch.Plan, error) {
	from, err := s.sender(ctx, c)
	if err != nil {
		return nil, err
	}
	b, err := s.gather(ctx, c, from, told)
	if err != nil {
		return nil, err
	}
	if b.from.obstacle != "" {
		return nil, b.block(ctx)
	}
	items, splits := b.choose(last.Splits != 0)
	if len(items) == 0 {
		return nil, nil //nolint:nilnil // nothing to send is no error
	}
	return &dispatch.Plan{
		EnvelopeID: c.Envelope(last.Number + 1), Documents: items, Splits: splits,
		Certificate: from.certificate, Resolution: from.resolution, Service: from.service,
		SignedAt: s.Now().In(s.chile).Truncate(1e9), State: dispatch.Open,
	}, nil
}

// batch is what one look at the outbox finds.
type batch struct {
	*service
	chain    dispatch.Chain
	from     sender
	plans    map[int64]*dispatch.Plan  // those that documents name
	settled  map[int64]bool            // plans whose outcome was applied to their documents
	fresh    []dispatch.Item           // an envelope's worth at most
	coming   int                       // entries whose document is being made
	bytes    int                       // of fresh
	suspects map[int64][]dispatch.Item // by the refused envelope that carried them
	idle     []store.DocumentID        // could go out, but for the obstacle
	sorted   map[store.DocumentID]bool // by an earlier look
}

func newBatch(s *service, c dispatch.Chain, from sender, told *telling) *batch {
	return &batch{
		service: s, chain: c, from: from,
		plans: map[int64]*dispatch.Plan{}, settled: maps.Clone(told.envelopes), suspects: map[int64][]dispatch.Item{},
		sorted: map[store.DocumentID]bool{},
	}
}

// waiting is one document in the outbox; its record is nil if generate-sign has not written it yet.
type waiting struct {
	id         store.DocumentID
	generation int64
	record     *document.Record
}

// collect reads the outbox in order until an envelope is full or a person must act first.
func (b *batch) collect(ctx context.Context) error {
	b.coming = 0
	var part []waiting
	query := store.Query{Prefix: store.OutboxPrefix(b.chain.Company, b.chain.Channel)}
	for o, err := range b.State.List(ctx, query) {
		if err != nil {
			return err
		}
		id, err := store.ParseOutbox(o.Name)
		if err != nil {
			return err
		}
		if b.sorted[id] {
			continue
		}
		if part = append(part, waiting{id: id, generation: o.Generation}); len(part) < chunk {
			continue
		}
		if err := b.sort(ctx, part); err != nil {
			return err
		}
		if part = nil; b.full() {
			break
		}
	}
	return b.sort(ctx, part)
}

// load reads the records, some at a time.
func (b *batch) load(ctx context.Context, part []waiting) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range part {
		g.Go(func() error {
			r, err := document.Load(ctx, b.State, part[i].id)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			part[i].record = &r
			return err
		})
	}
	return g.Wait()
}

func (b *batch) sort(ctx context.Context, part []waiting) error {
	if err := b.load(ctx, part); err != nil {
		return err
	}
	for _, w := range part {
		if err := b.sortOne(ctx, w); err != nil {
			return fmt.Errorf("look at %s: %w", w.id, err)
		}
	}
	return nil
}

// sortOne decides what becomes of a document that waits.
func (b *batch) sortOne(ctx context.Context, w waiting) error {
	if w.record == nil {
		b.coming++ // generate-sign writes the entry first
		return nil
	}
	b.sorted[w.id] = true
	if w.record.Status.Final() {
		return b.remove(ctx, w)
	}
	item := dispatch.Item{Type: w.id.Type, Folio: w.id.Folio, Version: w.record.Version}
	if planted.Is("forget-envelope") {
		return b.consider(ctx, w, item)
	}
	p, err := b.plan(ctx, w.record.Envelope)
	if err != nil {
		return err
	}
	if p == nil || !slices.Contains(p.Documents, item) { // never packed, or replaced since
		return b.consider(ctx, w, item)
	}
	switch {
	case p.State == dispatch.Received || p.State == dispatch.Done:
		return b.settle(ctx, p, b.desk.Received)
	case p.State != dispatch.Refused:
		return nil // an open or parked envelope carries it
	case p.Blocks(b.from.certificate, b.from.resolution):
		b.from.obstacle = p.Refusal.Note()
		if w.record.Status == event.StatusBlocked {
			return nil
		}
		return b.settle(ctx, p, b.desk.Refused)
	case p.Refusal.Fault == dispatch.FaultCompany:
		return b.consider(ctx, w, item)
	case len(p.Documents) == 1:
		return b.settle(ctx, p, b.desk.Refused)
	}
	b.suspects[p.Number] = append(b.suspects[p.Number], item)
	return nil
}

// settle applies to the documents what became of their envelope: whoever should have done it died.
func (b *batch) settle(ctx context.Context, p *dispatch.Plan, apply func(context.Context, *dispatch.Plan) error) error {
	if b.settled[p.Number] {
		return nil
	}
	b.settled[p.Number] = true
	return apply(ctx, p)
}

// consider takes a document into the next envelope, unless the SII must know another one first: a note is
// refused (REF-3-750) if the document that it refers to is not there yet.
func (b *batch) consider(ctx context.Context, w waiting, item dispatch.Item) error {
	wait, blocked, err := b.referenced(ctx, w.record)
	switch {
	case err != nil:
		return err
	case blocked != "":
		return b.blockOne(ctx, w.id, blocked)
	case wait:
		return nil
	}
	b.idle = append(b.idle, w.id)
	if b.full() || len(b.fresh) > 0 && b.bytes+w.record.Bytes > b.cfg.bytes() {
		b.bytes = b.cfg.bytes() // no smaller one overtakes
		return nil
	}
	b.bytes += w.record.Bytes
	b.fresh = append(b.fresh, item)
	return nil
}

// full tells whether an envelope's worth of fresh documents is there.
func (b *batch) full() bool {
	return len(b.fresh) >= b.cfg.most(b.chain.Channel) || b.bytes >= b.cfg.bytes()
}

// referenced tells whether a document must wait for those of ours that it refers to, or why it cannot go out.
func (b *batch) referenced(ctx context.Context, r *document.Record) (bool, string, error) {
	wait := false
	for _, id := range r.References {
		other, err := document.Load(ctx, b.State, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			continue // issued elsewhere
		case err != nil:
			return false, "", err
		case other.Status == event.StatusRejected:
			return false, fmt.Sprintf("El SII rechazó el documento referenciado %s", id), nil
		case !other.Status.Accepted():
			wait = true
		}
	}
	return wait, "", nil
}

// choose takes the fresh documents, or half of a refused envelope: its first half while all of
// it waits, then the rest.
func (b *batch) choose(freshFirst bool) ([]dispatch.Item, int64) {
	if len(b.suspects) == 0 || freshFirst && len(b.fresh) > 0 {
		return b.fresh, 0
	}
	n := slices.Min(slices.Collect(maps.Keys(b.suspects)))
	items := b.suspects[n]
	if len(items) == len(b.plans[n].Documents) {
		items = items[:(len(items)+1)/2]
	}
	return items, n
}

// block tells the documents that could go out why they do not.
func (b *batch) block(ctx context.Context) error {
	b.Logger.WarnContext(ctx, "chain blocked", "rut_emisor", b.chain.RUT.String(), "environment", b.chain.Env, "reason", b.from.obstacle)
	for _, id := range b.idle {
		if err := b.blockOne(ctx, id, b.from.obstacle); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) blockOne(ctx context.Context, id store.DocumentID, why string) error {
	r, err := document.Load(ctx, b.State, id)
	if err != nil || r.Status != event.StatusSigned {
		return err
	}
	decision := dispatch.Evidence{At: b.Now(), Kind: dispatch.KindDecision, Note: why + " → " + string(event.StatusBlocked)}
	if err := dispatch.Keep(ctx, b.Archive, id, decision); err != nil {
		return err
	}
	return b.desk.Change(ctx, id, func(r *document.Record) error {
		if r.Status != event.StatusSigned {
			return store.ErrUnchanged
		}
		return r.Become(event.StatusBlocked, b.Now(), why)
	})
}

// plan gives the plan of a number, read once; nil for 0.
func (b *batch) plan(ctx context.Context, n int64) (*dispatch.Plan, error) {
	if n == 0 || b.plans[n] != nil {
		return b.plans[n], nil
	}
	p, err := dispatch.Load(ctx, b.State, b.chain.Envelope(n))
	if err != nil {
		return nil, err
	}
	b.plans[n] = &p
	return &p, nil
}

// remove deletes the entry of a document that has its verdict.
func (b *batch) remove(ctx context.Context, w waiting) error {
	err := b.State.Delete(ctx, store.Outbox(b.chain.Channel, w.id), w.generation)
	if errors.Is(err, store.ErrChanged) {
		return nil
	}
	return err
}
