package notify

import (
	"context"
	"errors"
	"strings"

	"timbre/shared/company"
	"timbre/shared/store"
	"timbre/shared/trace"
)

// outcome is what became of a delivery; the zero value is that nothing is left to be done.
type outcome struct {
	later   bool     // somebody else is to come back to the entry
	failure error    // why the receiver does not have the event
	left    []logged // the events that it does not have, the task's own last
}

// deliver posts what the receiver does not have of a subject, in order. The outcome is that of the task's
// own event; one that cannot go before another is delivered fails with it.
func (s *service) deliver(ctx context.Context, t task, events []logged, h haste) (outcome, error) {
	if len(events) == 0 {
		return outcome{}, nil
	}
	c, err := s.Companies.Load(ctx, t.company.RUT)
	if errors.Is(err, company.ErrUnknown) || err == nil && c.WebhookURL == "" {
		return outcome{}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	delivered, err := s.delivered(ctx, t)
	if err != nil {
		return outcome{}, err
	}
	var result outcome
	for _, e := range events {
		if delivered[e.id] {
			continue
		}
		if len(result.left) == 0 {
			if result, err = s.hand(ctx, c, t, e, h); err != nil {
				return outcome{}, err
			}
		}
		if result.failure != nil || result.later {
			result.left = append(result.left, e)
		}
		if e.id == t.id {
			return result, nil
		}
	}
	return outcome{}, nil
}

// delivered are the events of the task's subject that the receiver has.
func (s *service) delivered(ctx context.Context, t task) (map[store.EventID]bool, error) {
	found := map[store.EventID]bool{}
	under := store.DeliveredPrefix(t.company)
	for o, err := range s.State.List(ctx, store.Query{Prefix: under + t.subject}) {
		if err != nil {
			return nil, err
		}
		found[store.EventID(strings.TrimPrefix(o.Name, under))] = true
	}
	return found, nil
}

// hand posts one event and marks it when the receiver has taken it.
func (s *service) hand(ctx context.Context, c *company.Company, t task, e logged, h haste) (outcome, error) {
	ctx = trace.Follow(ctx, e.trace)
	lane := s.lanes.of(c.WebhookURL)
	leave, stop := s.enter(ctx, lane, t, h)
	if stop != nil {
		return *stop, nil
	}
	defer leave()
	if e.Body == nil {
		var err error
		if e.Entry, err = s.journal.Get(ctx, t.company, e.Number); err != nil {
			return outcome{}, err
		}
	}
	failure, err := s.post(ctx, c, e.Body)
	if err != nil {
		return outcome{}, err
	}
	if failure == nil {
		lane.awake()
		s.Logger.InfoContext(ctx, "webhook delivered", "rut_emisor", t.company.RUT.String(), "event_id", e.id, "attempt", t.attempt+1)
		return outcome{}, s.markDelivered(ctx, t.company, e.id)
	}
	if ctx.Err() != nil { // our own time is up
		return outcome{later: true}, nil
	}
	if failure.dead {
		lane.rest(s.Now(), failure)
	}
	s.Logger.WarnContext(ctx, "webhook failed", "rut_emisor", t.company.RUT.String(), "event_id", e.id, "attempt", t.attempt+1, "error", failure)
	return outcome{failure: failure}, nil
}

// enter waits for the way to a receiver; stop tells that it is not to be gone now. A receiver may have
// failed while we waited.
func (s *service) enter(ctx context.Context, l *lane, t task, h haste) (leave func(), stop *outcome) {
	rests := func() *outcome {
		why := l.resting(s.Now())
		if why == nil || h.putOff && t.last() { // the last attempt is a real one
			return nil
		}
		return &outcome{later: !h.putOff, failure: why}
	}
	if stop := rests(); stop != nil {
		return nil, stop
	}
	if !l.enter(ctx, h.patience) {
		return nil, &outcome{later: true}
	}
	if stop := rests(); stop != nil {
		l.leave()
		return nil, stop
	}
	return l.leave, nil
}
