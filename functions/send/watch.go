package send

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/shared/alert"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/store"
)

const (
	// oldAge is when what waits is worth a line in the log.
	oldAge = 5 * time.Minute
	// boletaAlarm is when a boleta that was not sent raises an alarm; it must reach the SII within the hour.
	boletaAlarm = 30 * time.Minute
)

// queued is a document in the outbox with the time of its issue; zero if nothing waits.
type queued struct {
	id store.DocumentID
	at time.Time
}

// oldest finds, of the lowest folio of each type in a chain's outbox, the one that was issued first.
func (s *service) oldest(ctx context.Context, c dispatch.Chain) (queued, error) {
	var oldest queued
	prefix := store.OutboxPrefix(c.Company, c.Channel)
	for start, more := prefix, true; more; {
		more = false
		for o, err := range s.State.List(ctx, store.Query{Prefix: prefix, Start: start, Limit: 1}) {
			if err != nil {
				return oldest, err
			}
			id, err := store.ParseOutbox(o.Name)
			if err != nil {
				return oldest, err
			}
			start, more = fmt.Sprintf("%s%d.", prefix, id.Type), true // behind the folios of the type
			r, err := document.Load(ctx, s.State, id)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return oldest, err
			}
			if len(r.History) > 0 && (oldest.at.IsZero() || r.History[0].At.Before(oldest.at)) {
				oldest = queued{id, r.History[0].At}
			}
			break
		}
	}
	return oldest, nil
}

// watch shows how long documents wait, and raises an alarm about boletas.
func (s *service) watch(ctx context.Context, c dispatch.Chain) error {
	if !s.lines.watch(c, s.Now()) {
		return nil
	}
	oldest, err := s.oldest(ctx, c)
	if err != nil || oldest.at.IsZero() {
		return err
	}
	age := s.Now().Sub(oldest.at)
	if age >= oldAge {
		s.Logger.WarnContext(ctx, "documents wait to be sent", "rut_emisor", c.RUT.String(), "environment", c.Env,
			"channel", c.Channel, "oldest", oldest.id.String(), "age_seconds", int(age.Seconds()))
	}
	if c.Channel != store.Boleta || age < boletaAlarm {
		return nil
	}
	level := boletaAlarm
	for 2*level <= age {
		level *= 2
	}
	err = s.alerts.Raise(ctx, alert.Unsent{Oldest: oldest.id, Since: oldest.at.In(s.chile), Level: int(level.Minutes())})
	if errors.Is(err, alert.ErrSilent) { // stored: the tick of notify finds it
		s.Logger.WarnContext(ctx, "wake-up not published", "error", err)
		return nil
	}
	return err
}
