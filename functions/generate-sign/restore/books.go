package restore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"timbre/shared/dispatch"
	"timbre/shared/store"
)

// books are what the archive holds of a company in one environment, all but the bytes.
type books struct {
	company store.Company
	folios  []*paper
	plans   map[store.Channel]map[int64]*dispatch.Plan
	signed  map[store.EnvelopeID]bool // envelopes that were signed, and perhaps sent

	mu     sync.Mutex
	heard  map[store.EnvelopeID]*hearing
	kept   map[store.RequestKey]reservation
	tell   []told
	byItem map[carriedKey]int64
}

// paper is what there is of one folio.
type paper struct {
	store.DocumentID
	orders, signed []int // versions
	fate           fate
}

// whole tells whether there is the order of each version that was signed.
func (p *paper) whole() bool {
	for _, v := range p.signed {
		if !slices.Contains(p.orders, v) {
			return false
		}
	}
	return true
}

// latest is the newest signed version, 0 if there is none.
func (p *paper) latest() int {
	if len(p.signed) == 0 {
		return 0
	}
	return slices.Max(p.signed)
}

// carriedKey is a version of a document on its channel.
type carriedKey struct {
	channel store.Channel
	item    dispatch.Item
}

// read gathers the books.
func (r *run) read(ctx context.Context, c store.Company) (*books, error) {
	b := &books{
		company: c, plans: map[store.Channel]map[int64]*dispatch.Plan{}, signed: map[store.EnvelopeID]bool{},
		heard: map[store.EnvelopeID]*hearing{}, kept: map[store.RequestKey]reservation{}, byItem: map[carriedKey]int64{},
	}
	if err := r.readFolios(ctx, b); err != nil {
		return nil, err
	}
	for _, channel := range []store.Channel{store.DTE, store.Boleta} {
		if err := r.readPlans(ctx, b, channel); err != nil {
			return nil, err
		}
	}
	if err := r.readReservations(ctx, b); err != nil {
		return nil, err
	}
	err := each(ctx, b.folios, func(ctx context.Context, p *paper) error {
		r.report.count("read", 1)
		return r.readFate(ctx, b, p)
	})
	if err != nil {
		return nil, err
	}
	b.fillGaps()
	return b, nil
}

func (r *run) readFolios(ctx context.Context, b *books) error {
	found := map[store.DocumentID]*paper{}
	for _, root := range []string{store.SignedRoot, store.KeptOrderRoot} {
		for o, err := range r.Archive.List(ctx, store.Query{Prefix: store.Below(root, b.company)}) {
			if err != nil {
				return err
			}
			id, err := store.ParseDocument(o.Name)
			if err != nil {
				return err
			}
			version, err := store.ParseVersion(o.Name)
			if err != nil {
				return err
			}
			if found[id] == nil {
				found[id] = &paper{DocumentID: id}
				b.folios = append(b.folios, found[id])
			}
			if root == store.SignedRoot {
				found[id].signed = append(found[id].signed, version)
			} else {
				found[id].orders = append(found[id].orders, version)
			}
		}
	}
	slices.SortFunc(b.folios, func(x, y *paper) int { return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.Folio, y.Folio)) })
	return nil
}

func (r *run) readPlans(ctx context.Context, b *books, channel store.Channel) error {
	plans := map[int64]*dispatch.Plan{}
	b.plans[channel] = plans
	for o, err := range r.Archive.List(ctx, store.Query{Prefix: store.KeptPlanPrefix(b.company, channel)}) {
		if err != nil {
			return err
		}
		n, err := store.ParseNumber(o.Name)
		if err != nil {
			return err
		}
		p := &dispatch.Plan{}
		id := store.EnvelopeID{Company: b.company, Channel: channel, Number: n}
		if _, err := r.Archive.ReadJSON(ctx, store.KeptPlan(id), p); err != nil {
			return err
		}
		plans[n] = p
		for _, item := range p.Documents {
			key := carriedKey{channel, item}
			b.byItem[key] = max(b.byItem[key], n)
		}
	}
	for o, err := range r.Archive.List(ctx, store.Query{Prefix: store.SentEnvelopePrefix(b.company, channel)}) {
		if err != nil {
			return err
		}
		n, err := store.ParseNumber(strings.TrimSuffix(o.Name, ".xml"))
		if err != nil {
			return err
		}
		b.signed[store.EnvelopeID{Company: b.company, Channel: channel, Number: n}] = true
	}
	return nil
}
