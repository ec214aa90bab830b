package pollstatus

import (
	"context"
	"errors"
	"time"

	"timbre/shared/alert"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/store"
)

// lookDue looks at the envelope that a due entry names; the next entry stands before this one goes.
func (s *service) lookDue(ctx context.Context, entry due.Entry) error {
	id, err := dispatch.ParseDue(entry.Parts)
	if err != nil {
		return err
	}
	decided, lookErr := s.look(ctx, id)
	if errors.Is(lookErr, errEarly) {
		lookErr = nil
	}
	if (!decided || lookErr != nil) && !errors.Is(lookErr, store.ErrNotFound) {
		if err := s.lookAgain(ctx, id); err != nil {
			return errors.Join(lookErr, err)
		}
	}
	if err := due.Done(ctx, s.State, entry); err != nil {
		return errors.Join(lookErr, err)
	}
	return s.overlook(ctx, id, lookErr)
}

// lookAgain writes the next due entry: the longer the envelope is at the SII, the later.
func (s *service) lookAgain(ctx context.Context, id store.EnvelopeID) error {
	p, err := dispatch.Load(ctx, s.State, id)
	if err != nil {
		return err
	}
	age := s.Now().Sub(p.ReceivedAt())
	if age >= alarmAfter {
		if err := s.alarm(ctx, &p, age); err != nil {
			return err
		}
	}
	return due.Add(ctx, s.State, s.Now().Add(pause(age)), dispatch.PollStatus, dispatch.DueParts(id)...)
}

// alarmAfter is when a verdict is missed.
const alarmAfter = 24 * time.Hour

// alarm says once a day that documents have no verdict.
func (s *service) alarm(ctx context.Context, p *dispatch.Plan, age time.Duration) error {
	s.Logger.ErrorContext(ctx, "no verdict of the SII", "rut_emisor", p.RUT.String(), "envelope", p.Number,
		"track_id", p.Track(), "hours", int(age.Hours()))
	days := int(age / alarmAfter)
	return dispatch.Each(ctx, p, func(ctx context.Context, i int, id store.DocumentID) error {
		r, err := document.Load(ctx, s.State, id)
		if err != nil || r.Status.Final() || !p.Carries(&r, p.Documents[i]) {
			return err
		}
		err = s.alerts.Raise(ctx, alert.NoVerdict{
			Document: id, TrackID: p.Track(), Since: p.ReceivedAt().In(s.chile), Level: days * int(alarmAfter.Hours()),
		})
		if errors.Is(err, alert.ErrSilent) { // stored: the tick of notify finds it
			s.Logger.WarnContext(ctx, "wake-up not published", "error", err)
			return nil
		}
		return err
	})
}

// pauses are the distances between looks by the age of the upload (WEBSERVICES §4.3).
var pauses = []struct{ until, pause time.Duration }{
	{2 * time.Minute, time.Minute},
	{5 * time.Minute, 2 * time.Minute},
	{15 * time.Minute, 5 * time.Minute},
	{30 * time.Minute, 10 * time.Minute},
	{time.Hour, 15 * time.Minute},
	{alarmAfter, 30 * time.Minute},
}

func pause(age time.Duration) time.Duration {
	for _, p := range pauses {
		if age < p.until {
			return p.pause
		}
	}
	return time.Hour
}
