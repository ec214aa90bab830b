package downloadreceived

import (
	"context"
	"errors"
	"time"

	"timbre/shared/alert"
	"timbre/shared/claim"
	"timbre/shared/due"
	"timbre/shared/received"
	"timbre/shared/store"
)

// claimOf is the kind of due entries about a document's eight days at the SII: when they began, whether somebody
// answered, who must be reminded, what is pending.
const claimOf = "claim"

const (
	// settleAfter is when the tick takes up a response that may have been left half way, and how often it tries.
	settleAfter = 5 * time.Minute
	// watchFor is how long a document is watched whose reception the SII does not tell.
	watchFor = 30 * 24 * time.Hour
)

// watch has the tick look at a document. The entry is announced: one that is being worked on stays.
func (s *service) watch(ctx context.Context, at time.Time, id store.ReceivedID) error {
	return due.Announce(ctx, s.State, at, Name, append([]string{claimOf, "0"}, id.DueParts()...)...)
}

// errReception says that the SII has not told when it received a document.
var errReception = errors.New("download-received: reception at the SII not known")

// claimDue looks after a document's eight days. It enters nothing but what a person asked for.
func (s *service) claimDue(ctx context.Context, w work) error {
	id, err := store.ParseReceived(w.parts)
	if err != nil {
		return err
	}
	r, err := received.Load(ctx, s.State, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || !claim.Handles(r.Type) {
		return err
	}
	desk, err := s.desk(ctx, r.Company)
	if err != nil {
		return err
	}
	r, said, err := s.consult(ctx, desk, r)
	if err != nil {
		return err
	}
	if r, err = s.settle(ctx, desk, r, heard(said.Code)); err != nil {
		return err
	}
	return errors.Join(s.answered(ctx, &r), s.remind(ctx, &r), s.goOn(ctx, &r, heard(said.Code)))
}

// settle takes a pending response on. When its time is over for certain, and the SII's list does not hold it, it is
// at its end.
func (s *service) settle(ctx context.Context, desk Registrar, r received.Record, heard bool) (received.Record, error) {
	p := r.Pending()
	if p == nil {
		return r, nil
	}
	term := r.Term(s.chile)
	over := !term.Received.IsZero() && term.Over(s.Now()) || term.Received.IsZero() && s.Now().Sub(p.At) > watchFor
	if !over {
		return s.enter(ctx, desk, r, p.ID)
	}
	if !heard {
		return r, nil
	}
	return s.change(ctx, r.ReceivedID, func(r *received.Record) error {
		p := r.Pending()
		if p == nil {
			return store.ErrUnchanged
		}
		code := claim.TooLate
		p.State, p.Ended, p.Code, p.Text = received.ResponseRefused, s.Now(), &code, code.Text()
		return nil
	})
}

// remind has a person told that the time runs out, once for each reminder, if nobody has answered. The register
// alone is asked: what is only pending here is no answer yet.
func (s *service) remind(ctx context.Context, r *received.Record) error {
	days, is := r.Term(s.chile).Due(s.Now())
	if !is || r.SIIReceivedAt.IsZero() || r.State != received.StateReceived || closed(r) {
		return nil
	}
	v := r.Main()
	err := s.alerts.Raise(ctx, alert.ClaimDeadline{
		Document: r.ReceivedID, IssuerName: v.IssuerName, IssueDate: v.IssueDate, Total: v.Total, Deadline: r.ClaimDeadline.In(s.chile), Level: days,
	})
	if errors.Is(err, alert.ErrSilent) {
		s.Logger.WarnContext(ctx, "event without wake-up", "error", err)
		return nil
	}
	return err
}

// closed tells whether the SII has said that it takes no answer to the document, as for one that was paid in cash.
func closed(r *received.Record) bool {
	for _, p := range r.Responses {
		if p.Code != nil && p.Code.Meaning() == claim.Closed {
			return true
		}
	}
	return false
}

// goOn notes when the document is to be looked at again. The minute of an entry comes before the moment itself, so
// that the next one is taken.
func (s *service) goOn(ctx context.Context, r *received.Record, heard bool) error {
	now := s.Now()
	if r.Pending() != nil {
		return s.watch(ctx, now.Add(settleAfter), r.ReceivedID)
	}
	if r.SIIReceivedAt.IsZero() {
		if now.Sub(r.ReceivedAt) < watchFor {
			return errReception // comes again
		}
		return nil
	}
	next, more := r.Term(s.chile).Next(now)
	if more {
		return s.watch(ctx, next.Add(time.Minute), r.ReceivedID)
	}
	if !heard {
		return errEvents // whether it was accepted by silence is not known
	}
	return nil
}

// errEvents says that the SII has not told what its register holds.
var errEvents = errors.New("download-received: events at the SII not known")
