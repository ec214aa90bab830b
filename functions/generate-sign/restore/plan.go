package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"timbre/shared/dispatch"
	"timbre/shared/due"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// fillGaps makes plans for the numbers of which the archive has none: they were refused before anything was
// signed. A chain has no gaps.
func (b *books) fillGaps() {
	for channel, plans := range b.plans {
		last := int64(0)
		for n := range plans {
			last = max(last, n)
		}
		for id := range b.heard {
			if id.Channel == channel {
				last = max(last, id.Number)
			}
		}
		for n := int64(1); n <= last; n++ {
			if plans[n] != nil {
				continue
			}
			id := store.EnvelopeID{Company: b.company, Channel: channel, Number: n}
			plans[n] = &dispatch.Plan{EnvelopeID: id, SignedAt: epoch}
			if h := b.heard[id]; h != nil {
				plans[n].Documents = h.items
			}
		}
		for n, p := range plans {
			b.settle(p, n == last)
		}
	}
}

// settle sets a plan's state by what is known of its envelope. Where nothing is, it may have been sent: then
// send asks the SII and uploads the same bytes again, as after any answer that was lost.
func (b *books) settle(p *dispatch.Plan, last bool) {
	h := b.heard[p.EnvelopeID]
	if h == nil {
		h = &hearing{}
	}
	p.Attempts = slices.SortedFunc(maps.Values(h.attempts), func(x, y dispatch.Attempt) int { return x.At.Compare(y.At) })
	for _, a := range p.Attempts {
		if a.Result == dispatch.ResultReceived && a.Track != "" {
			p.Tracks = append(slices.DeleteFunc(p.Tracks, func(t string) bool { return sii.SameTrack(t, a.Track) }), a.Track)
		}
	}
	received := slices.ContainsFunc(p.Attempts, func(a dispatch.Attempt) bool {
		return a.Result == dispatch.ResultReceived && (h.refusal == nil || a.At.After(h.refusal.At))
	})
	switch {
	case received, len(h.decided) > 0:
		p.State, p.Verdict = dispatch.Received, h.verdict
		if h.verdict == nil {
			p.Verdict = &dispatch.Verdict{At: p.ReceivedAt()}
		}
		if b.allDecided(p) {
			p.State = dispatch.Done
		}
	case h.refusal != nil:
		p.State, p.Refusal = dispatch.Refused, h.refusal
	case b.signed[p.EnvelopeID]:
		p.State = dispatch.Parked
		p.Attempts = append(p.Attempts, dispatch.Attempt{
			ID: "restored", At: p.SignedAt, Ended: p.SignedAt, Result: dispatch.ResultUnknown, Glosa: "no evidence of an answer",
		})
	case last && len(p.Documents) > 0:
		p.State = dispatch.Open
	default:
		p.State = dispatch.Refused
		p.Refusal = &dispatch.Refusal{Fault: dispatch.FaultDocuments, Code: dispatch.CodeLocal, Glosa: "never sent", At: p.SignedAt}
	}
}

// allDecided tells whether each document that the plan carries has its verdict.
func (b *books) allDecided(p *dispatch.Plan) bool {
	for _, item := range p.Documents {
		if b.byItem[carriedKey{p.Channel, item}] == p.Number && !b.heard[p.EnvelopeID].decided[item] {
			return false
		}
	}
	return true
}

// all are the plans of both chains, in the order of their numbers.
func (b *books) all() []*dispatch.Plan {
	var all []*dispatch.Plan
	for _, plans := range b.plans {
		all = slices.AppendSeq(all, maps.Values(plans))
	}
	slices.SortFunc(all, func(x, y *dispatch.Plan) int {
		return cmp.Or(cmp.Compare(x.Channel, y.Channel), cmp.Compare(x.Number, y.Number))
	})
	return all
}

// writePlans stores the chains one number after the other, so that they have no gap whenever we die.
func (r *run) writePlans(ctx context.Context, b *books) error {
	for _, p := range b.all() {
		r.report.count("plans/"+string(p.State), 1)
		if r.Dry {
			continue
		}
		if err := dispatch.Create(ctx, r.State, p); err != nil && !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("plan of envelope %d: %w", p.Number, err)
		}
	}
	return nil
}

// writeDue has poll-status ask for verdicts, and send for the answers that were lost.
func (r *run) writeDue(ctx context.Context, b *books) error {
	for _, p := range b.all() {
		function, awaited := map[dispatch.State]string{
			dispatch.Received: dispatch.PollStatus, dispatch.Parked: dispatch.Send,
		}[p.State]
		if !awaited {
			continue
		}
		r.report.count("due/"+function, 1)
		if r.Dry {
			continue
		}
		if err := due.Add(ctx, r.State, r.began, function, dispatch.DueParts(p.EnvelopeID)...); err != nil {
			return err
		}
	}
	return nil
}
