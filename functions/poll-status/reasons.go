package pollstatus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/due"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// reasonsOf is the first part of due entries about envelopes whose result mail is waited for. The queries
// tell no reasons, and of several documents not which has remarks (WEBSERVICES §6).
const reasonsOf = "mail"

// reasonsLimit is when a result mail is not waited for any more.
const reasonsLimit = 72 * time.Hour

// reminders are after how many times POLL_FIRST the SII is asked to send the mail again: 5 and 30 minutes,
// 4 hours, a day.
var reminders = []time.Duration{60, 360, 2880, 17280}

func reasonsParts(e store.EnvelopeID) []string {
	return append([]string{reasonsOf}, dispatch.DueParts(e)...)
}

// plain tells whether the counts say of every document that it was accepted as it is, so that the mail has
// nothing to add.
func plain(p *dispatch.Plan) bool {
	for _, t := range types(p) {
		n, counted := 0, false
		for _, i := range p.Documents {
			if i.Type == t {
				n++
			}
		}
		for _, c := range p.Verdict.Counts {
			counted = counted || c.Type == t && c.Accepted == n && c.Rejected == 0 && c.Remarks == 0
		}
		if !counted {
			return false
		}
	}
	return true
}

// awaitReasons has the tick look for the result mail. The boletas' service sends none: it tells all itself.
func (s *service) awaitReasons(ctx context.Context, p *dispatch.Plan) error {
	if s.Mail == nil || p.Service == dispatch.Boletas || p.Track() == "" {
		return nil
	}
	if c, err := s.Companies.Load(ctx, p.RUT); err != nil || !reads(c) {
		if errors.Is(err, company.ErrUnknown) {
			err = nil
		}
		return err
	}
	return due.Add(ctx, s.State, s.Now(), dispatch.PollStatus, reasonsParts(p.EnvelopeID)...)
}

// reasonsDue looks for the result mail of an envelope; the next entry stands before this one goes.
func (s *service) reasonsDue(ctx context.Context, entry due.Entry) error {
	id, err := dispatch.ParseDue(entry.Parts[1:])
	if err != nil {
		return err
	}
	p, err := dispatch.Load(ctx, s.State, id)
	if err != nil {
		return err
	}
	if p.Verdict == nil { // the SII lost the file since; its next verdict writes an entry anew
		return due.Done(ctx, s.State, entry)
	}
	found, err := s.lookForMail(ctx, &p)
	if err != nil {
		return fmt.Errorf("result mail of envelope %d of %s: %w", id.Number, id.RUT, err)
	}
	if age := s.Now().Sub(p.Verdict.At); !found && age < reasonsLimit {
		s.remind(ctx, &p, age)
		if err := due.Add(ctx, s.State, s.Now().Add(pause(age)), dispatch.PollStatus, entry.Parts...); err != nil {
			return err
		}
	} else if !found {
		s.Logger.WarnContext(ctx, "no result mail of the SII", "rut_emisor", id.RUT.String(), "envelope", id.Number, "track_id", p.Track())
	}
	return due.Done(ctx, s.State, entry)
}

// lookForMail applies the mails about an envelope that were read before, else reads the mailbox. A mailbox
// that cannot be read is nobody's fault but its owner's: it is tried again later.
func (s *service) lookForMail(ctx context.Context, p *dispatch.Plan) (bool, error) {
	found, err := s.applyMails(ctx, p)
	if found || err != nil {
		return found, err
	}
	read, err := s.readMailbox(ctx, p.Company)
	if err != nil {
		s.Logger.WarnContext(ctx, "mailbox not read", "rut_emisor", p.RUT.String(), "error", err)
	}
	if !read {
		return false, nil
	}
	return s.applyMails(ctx, p)
}

// remind has the SII send the mail again when it is late. What the SII answers is only logged: the next
// reminder may do better.
func (s *service) remind(ctx context.Context, p *dispatch.Plan, age time.Duration) {
	n := len(p.Reminders)
	if n >= len(reminders) || age < reminders[n]*s.cfg.PollFirst || !s.hasMailbox(ctx, p.RUT) {
		return
	}
	err := s.mailAgain(ctx, p)
	s.Logger.InfoContext(ctx, "result mail asked for again", "rut_emisor", p.RUT.String(), "envelope", p.Number,
		"track_id", p.Track(), "error", err)
	if errors.Is(err, sii.ErrResting) { // it was not asked
		return
	}
	_, err = dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error {
		p.Reminders = append(p.Reminders, s.Now())
		return nil
	})
	if err != nil {
		s.Logger.WarnContext(ctx, "reminder not noted", "error", err)
	}
}

func (s *service) mailAgain(ctx context.Context, p *dispatch.Plan) error {
	identity, err := s.signer(ctx, p)
	if err != nil {
		return err
	}
	return s.session(p, identity).MailAgain(ctx, p.RUT, p.Track())
}
