package send

import (
	"context"
	"errors"
	"slices"
	"time"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/event"
	"timbre/shared/store"
)

// release says that people have mended or seen what the chain waits for them with, and runs it.
func (s *service) release(ctx context.Context, c dispatch.Chain) (ChainState, error) {
	state := ChainState{Company: c.RUT.String(), Environment: string(c.Env), Channel: string(c.Channel)}
	released, err := s.lift(ctx, c)
	if err != nil {
		return state, err
	}
	state.Released = released
	if err := s.wake(ctx, c); err != nil {
		return state, err
	}
	for _, err := range s.State.List(ctx, store.Query{Prefix: store.OutboxPrefix(c.Company, c.Channel)}) {
		if err != nil {
			return state, err
		}
		state.Waiting++
	}
	oldest, err := s.oldest(ctx, c)
	if err == nil && !oldest.at.IsZero() {
		state.Oldest = oldest.at.In(s.chile).Format(time.RFC3339)
		state.AgeSeconds = int(s.Now().Sub(oldest.at).Seconds())
	}
	return state, err
}

// lift releases the envelopes that the documents in the outbox name, if they wait for people, and counts them.
func (s *service) lift(ctx context.Context, c dispatch.Chain) (int, error) {
	released, seen := 0, map[int64]bool{0: true}
	for o, err := range s.State.List(ctx, store.Query{Prefix: store.OutboxPrefix(c.Company, c.Channel)}) {
		if err != nil {
			return 0, err
		}
		id, err := store.ParseOutbox(o.Name)
		if err != nil {
			return 0, err
		}
		r, err := document.Load(ctx, s.State, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && seen[r.Envelope] {
			continue
		}
		if err != nil {
			return 0, err
		}
		seen[r.Envelope] = true
		for _, lift := range []func(context.Context, store.EnvelopeID) (int, error){s.liftOne, s.resume} {
			n, err := lift(ctx, c.Envelope(r.Envelope))
			if err != nil {
				return 0, err
			}
			released += n
		}
	}
	return released, nil
}

func (s *service) liftOne(ctx context.Context, id store.EnvelopeID) (int, error) {
	released := 0
	_, err := dispatch.Update(ctx, s.State, id, func(p *dispatch.Plan) error {
		released = 0
		if p.State != dispatch.Refused || p.Refusal.Fault != dispatch.FaultCompany || p.Refusal.Released != nil {
			return store.ErrUnchanged
		}
		now := s.Now()
		p.Refusal.Released, released = &now, 1
		return nil
	})
	return released, err
}

// resume sends the identical bytes of a parked plan again, whose documents all are folios of others: people have
// looked at it, and the SII's verdict is what is missing.
func (s *service) resume(ctx context.Context, id store.EnvelopeID) (int, error) {
	if !s.lines.mind(id) {
		return 0, nil
	}
	defer s.lines.unmind(id)
	p, err := dispatch.Load(ctx, s.State, id)
	if err != nil || p.State != dispatch.Parked {
		return 0, err
	}
	undecided, err := s.undecided(ctx, &p)
	if err != nil || slices.ContainsFunc(undecided, func(r document.Record) bool { return r.Status != event.StatusBlocked }) {
		return 0, err
	}
	closed, err := s.sendAgain(ctx, &p)
	switch {
	case errors.Is(err, errWait), errors.Is(err, errLate):
		return 0, nil
	case err != nil || !closed:
		return 0, err
	}
	return 1, nil
}
