package send

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"timbre/shared/cert"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/planted"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// help moves an open plan on: to an answer of the SII, or to be parked. The documents of an envelope that the SII
// took are told beside what comes next.
func (s *service) help(ctx context.Context, p *dispatch.Plan, told *telling) error {
	now := s.Now()
	switch {
	case p.Abandoned(now):
		return s.park(ctx, p)
	case now.Before(p.NextAttempt(s.cfg.RetryFirst)):
		return errWait
	case late(ctx):
		return errLate
	}
	err := s.mark(ctx, p)
	if errors.Is(err, errDecided) {
		return s.refuse(ctx, p, dispatch.Refusal{Fault: dispatch.FaultDocuments, Code: dispatch.CodeLocal, Glosa: decidedText, At: now})
	}
	if err != nil {
		return err
	}
	ended, err := s.upload(ctx, p)
	if err != nil || ended == nil {
		return err
	}
	if ended.State == dispatch.Received {
		told.begin(ended.Number, func() error { return s.settle(ctx, ended) })
		return nil
	}
	return s.settle(ctx, ended)
}

// late tells whether the handler's time may end before an upload does.
func late(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return limited && time.Until(deadline) < sii.UploadTimeout+20*time.Second
}

// mark names the envelope in each document, before the first POST.
func (s *service) mark(ctx context.Context, p *dispatch.Plan) error {
	err := dispatch.Each(ctx, p, func(ctx context.Context, i int, id store.DocumentID) error {
		return s.desk.Change(ctx, id, func(r *document.Record) error {
			return claim(r, p, p.Documents[i], s.Now())
		})
	})
	if err != nil {
		return fmt.Errorf("mark the documents of envelope %d: %w", p.Number, err)
	}
	return nil
}

// errTaken says that a document belongs to a later envelope: this plan must not go out.
var errTaken = errors.New("send: a document of the plan is carried by another envelope")

// errDecided says that a document got its verdict by an earlier envelope, or was replaced, after this plan was
// made: the plan was never sent, and the others go into another one.
var errDecided = errors.New("send: a document of the plan has its verdict")

const decidedText = "un documento del envío ya tiene veredicto"

func claim(r *document.Record, p *dispatch.Plan, item dispatch.Item, now time.Time) error {
	switch {
	case r.Envelope > p.Number:
		return errTaken
	case r.Version != item.Version:
		return errDecided
	case r.Envelope == p.Number:
		return store.ErrUnchanged
	case r.Status.Final():
		return errDecided
	}
	r.Envelope = p.Number
	if r.Status == event.StatusSent { // its envelope was refused, and who said so died before he wrote it here
		if err := r.Become(event.StatusSigned, now, ""); err != nil {
			return err
		}
	}
	return r.Become(event.StatusSending, now, "")
}

// upload makes one attempt with the plan's bytes; *unfitError if there can be none, though one was made before.
// It gives the plan as the attempt left it, to be settled; nil if there was none.
func (s *service) upload(ctx context.Context, p *dispatch.Plan) (*dispatch.Plan, error) {
	identity, err := s.Identities.Identity(ctx, &p.Certificate)
	if err != nil {
		return nil, err
	}
	data, err := s.bytes(ctx, p, identity)
	var unfit *unfitError
	if errors.As(err, &unfit) && !p.MayBeHeld() {
		return nil, s.refuse(ctx, p, unfit.refusal(s.Now()))
	}
	if err != nil {
		return nil, err
	}
	session := s.session(p, identity)
	if err := session.Ready(ctx); err != nil {
		return nil, s.notReady(ctx, p, err)
	}
	attempt := s.newAttempt(data)
	_, err = dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error { return p.Begin(attempt) })
	switch {
	case errors.Is(err, dispatch.ErrBusy):
		return nil, errWait
	case errors.Is(err, dispatch.ErrOver):
		return nil, nil //nolint:nilnil // no attempt is no error
	case err != nil:
		return nil, err
	}
	if planted.Is("drop-outbox") {
		if err := s.desk.EmptyOutbox(ctx, p); err != nil {
			return nil, err
		}
	}
	posting, cancel := context.WithTimeout(ctx, s.cfg.uploadTimeout())
	defer cancel()
	result, err := session.Upload(posting, p.RUT, fileName(p), data)
	return s.record(ctx, p, attempt.ID, result, err)
}

func (s *service) newAttempt(data []byte) dispatch.Attempt {
	now := s.Now()
	return dispatch.Attempt{
		ID: rand.Text(), At: now, Until: now.Add(s.cfg.uploadTimeout() + uploadGrace), SHA256: fmt.Sprintf("%x", sha256.Sum256(data)),
	}
}

func fileName(p *dispatch.Plan) string {
	return fmt.Sprintf("envio-%s-%d.xml", p.Channel, p.Number)
}

// notReady tells why there is no token: the SII does not let the signer in, or does not answer.
func (s *service) notReady(ctx context.Context, p *dispatch.Plan, cause error) error {
	switch {
	case errors.Is(cause, sii.ErrCertificate):
		refused, err := dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error {
			return p.LoginRefused(cause.Error(), s.Now())
		})
		if err != nil {
			return err
		}
		s.Logger.WarnContext(ctx, "certificate refused by the SII", "rut_emisor", p.RUT.String(), "error", cause)
		return s.settle(ctx, &refused)
	case errors.Is(cause, sii.ErrUnavailable):
		s.Logger.WarnContext(ctx, "SII not reachable", "environment", p.Env, "channel", p.Channel, "error", cause)
		return errWait
	}
	return cause
}

// record notes how an attempt ended.
func (s *service) record(ctx context.Context, p *dispatch.Plan, attempt string, result sii.UploadResult, cause error) (*dispatch.Plan, error) {
	lost := errors.Is(cause, sii.ErrIndeterminate)
	if lost && planted.Is("new-envelope") {
		return nil, s.giveUp(ctx, p, dispatch.Refusal{Fault: dispatch.FaultDocuments, Code: dispatch.CodeLocal, At: s.Now()})
	}
	if lost || result.Status == sii.StatusDuplicate && result.TrackID == "" {
		if err := s.mind(ctx, p); err != nil {
			return nil, err
		}
	}
	ended, err := dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error {
		switch {
		case lost:
			return p.Lost(attempt, cause.Error(), result.Answer, s.Now())
		case cause != nil:
			return p.Unsent(attempt, cause.Error(), s.Now())
		}
		return p.End(attempt, result, s.Now())
	})
	if err != nil {
		return nil, err
	}
	s.Logger.InfoContext(ctx, "envelope uploaded", "rut_emisor", p.RUT.String(), "envelope", p.Number,
		"documents", len(p.Documents), "status", result.Status, "track_id", result.TrackID, "state", ended.State, "error", cause)
	return &ended, nil
}

// settle applies a plan's state to its documents.
func (s *service) settle(ctx context.Context, p *dispatch.Plan) error {
	switch p.State {
	case dispatch.Received:
		return s.desk.Received(ctx, p)
	case dispatch.Refused:
		return s.desk.Refused(ctx, p)
	case dispatch.Open:
		return errWait
	}
	return nil
}

// refuse closes a plan that cannot be uploaded at all, unless the SII may hold it by somebody else's attempt.
func (s *service) refuse(ctx context.Context, p *dispatch.Plan, r dispatch.Refusal) error {
	return s.closeUnless(ctx, p, r, (*dispatch.Plan).MayBeHeld)
}

// giveUp closes a plan that the SII does not hold, whatever was tried.
func (s *service) giveUp(ctx context.Context, p *dispatch.Plan, r dispatch.Refusal) error {
	return s.closeUnless(ctx, p, r, func(*dispatch.Plan) bool { return false })
}

func (s *service) closeUnless(ctx context.Context, p *dispatch.Plan, r dispatch.Refusal, held func(*dispatch.Plan) bool) error {
	s.Logger.ErrorContext(ctx, "envelope cannot be sent", "rut_emisor", p.RUT.String(), "envelope", p.Number, "error", r.Glosa)
	refused, err := dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error {
		if p.Closed() || held(p) {
			return store.ErrUnchanged
		}
		p.Refuse(r)
		return nil
	})
	if err != nil {
		return err
	}
	return s.settle(ctx, &refused)
}

// park leaves a plan to the due entries; the chain goes on.
func (s *service) park(ctx context.Context, p *dispatch.Plan) error {
	if err := s.mind(ctx, p); err != nil {
		return err
	}
	_, err := dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error { return p.Park(s.Now()) })
	return err
}

// mind makes sure that a plan is looked at again, before it is parked; the entry of a parked one stands.
func (s *service) mind(ctx context.Context, p *dispatch.Plan) error {
	if p.State == dispatch.Parked {
		return nil
	}
	return due.Add(ctx, s.State, s.Now().Add(s.cfg.RetryFirst), dispatch.Send, dispatch.DueParts(p.EnvelopeID)...)
}

// unfitError says that a plan's envelope cannot be made.
type unfitError struct {
	fault dispatch.Fault
	code  string
	cause error
}

func (e *unfitError) Error() string { return fmt.Sprintf("envelope cannot be made: %v", e.cause) }
func (e *unfitError) Unwrap() error { return e.cause }

func (e *unfitError) refusal(now time.Time) dispatch.Refusal {
	return dispatch.Refusal{Fault: e.fault, Code: e.code, Glosa: e.cause.Error(), At: now}
}

// unfit tells whose fault it is that an envelope cannot be written.
func unfit(err error) error {
	for _, company := range []error{cert.ErrExpired, cert.ErrNotYetValid, cert.ErrNoRUT} {
		if errors.Is(err, company) {
			return &unfitError{dispatch.FaultCompany, dispatch.CodeCertificate, err}
		}
	}
	return &unfitError{dispatch.FaultDocuments, dispatch.CodeLocal, err}
}
