package send

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// humanWait is when a parked plan that a person must look at is looked at again.
const humanWait = 30 * time.Minute

// recoverDue looks at a plan that a due entry names, and removes the entry once the next one stands or
// none is needed. A plan whose time has not come keeps its entry.
func (s *service) recoverDue(ctx context.Context, entry due.Entry) error {
	id, err := dispatch.ParseDue(entry.Parts)
	if err != nil {
		return err
	}
	if !s.lines.mind(id) {
		return nil
	}
	defer s.lines.unmind(id)
	p, err := dispatch.Load(ctx, s.State, id)
	if err != nil {
		return err
	}
	done := true
	if p.State == dispatch.Parked {
		done, err = s.recover(ctx, &p)
	} else {
		err = s.settle(ctx, &p)
	}
	if errors.Is(err, errWait) || errors.Is(err, errLate) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("envelope %d of %s: %w", id.Number, id.RUT, err)
	}
	if !done {
		return nil
	}
	if err := due.Done(ctx, s.State, entry); !errors.Is(err, store.ErrChanged) { // else announced anew: one more look
		return err
	}
	return nil
}

// recover finds out what became of an upload whose answer was lost (WEBSERVICES §11.3): it asks for one of
// the documents and sends the identical bytes again, which DTEUpload answers with the earlier track id. The
// boletas' service would take them for a new envelope, so there a document that arrived is the end of it. It
// tells whether the due entry is not needed any more; a plan that stays parked keeps it.
func (s *service) recover(ctx context.Context, p *dispatch.Plan) (bool, error) {
	now := s.Now()
	switch {
	case now.Before(s.nextProbe(p)):
		return false, errWait
	case late(ctx):
		return false, errLate
	}
	standing, err := s.probe(ctx, p)
	switch {
	case err != nil:
		return false, err
	case standing == sii.OtherData:
		return true, due.Add(ctx, s.State, now.Add(humanWait), dispatch.Send, dispatch.DueParts(p.EnvelopeID)...)
	case standing == sii.Registered && (p.Service == dispatch.Boletas || p.Contradicted()):
		return s.arrived(ctx, p)
	}
	if err := s.upload(ctx, p); err != nil {
		return false, err
	}
	after, err := dispatch.Load(ctx, s.State, p.EnvelopeID)
	return after.Closed(), err
}

// boletaPatience is by how much more time the boletas' service gets: it is not to be asked in the first ten
// minutes (SII, "API SII - V1"), and a file that comes twice is judged twice.
const boletaPatience = 10

// nextProbe is when a parked plan is looked at.
func (s *service) nextProbe(p *dispatch.Plan) time.Time {
	if p.Service == dispatch.Boletas {
		return p.NextAttempt(boletaPatience * s.cfg.RetryFirst)
	}
	return p.NextAttempt(s.cfg.RetryFirst)
}

// arrived closes a plan whose documents the SII has, without a track id.
func (s *service) arrived(ctx context.Context, p *dispatch.Plan) (bool, error) {
	closed, err := dispatch.Update(ctx, s.State, p.EnvelopeID, (*dispatch.Plan).Arrived)
	if err != nil {
		return false, err
	}
	return true, s.settle(ctx, &closed)
}

// probe asks for the first document without verdict. If the SII has another one under its folio, a person
// must look; sending again would not help.
func (s *service) probe(ctx context.Context, p *dispatch.Plan) (sii.Standing, error) {
	identity, err := s.Identities.Identity(ctx, &p.Certificate)
	if err != nil {
		return sii.Unknown, err
	}
	r, err := s.firstUndecided(ctx, p)
	if err != nil {
		return sii.Unknown, err
	}
	id := r.DocumentID
	state, err := s.session(p, identity).DocumentState(ctx, question(&r))
	if err != nil {
		return sii.Unknown, cmp.Or(s.notReady(ctx, p, err), errWait)
	}
	err = dispatch.Keep(ctx, s.Archive, id, dispatch.Evidence{
		At: s.Now(), Kind: dispatch.KindDocumentState, Envelope: p.Number, Code: state.State,
		Answer: state.Answer, AnswerSHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(state.Answer))),
	})
	if err != nil || state.Standing() != sii.OtherData {
		return state.Standing(), err
	}
	return sii.OtherData, s.desk.Change(ctx, id, func(r *document.Record) error {
		if r.Status.Final() {
			return store.ErrUnchanged
		}
		r.SII = &document.SII{DocumentState: state.State, Glosa: state.Glosa, Details: []document.Detail{}}
		return r.Become(event.StatusBlocked, s.Now(), "El SII tiene otro documento con este folio")
	})
}

// firstUndecided is a plan's first document without verdict, else its first one.
func (s *service) firstUndecided(ctx context.Context, p *dispatch.Plan) (document.Record, error) {
	var first document.Record
	for i, item := range p.Documents {
		r, err := document.Load(ctx, s.State, p.Document(item))
		if err != nil || p.Carries(&r, item) && !r.Status.Final() {
			return r, err
		}
		if i == 0 {
			first = r
		}
	}
	return first, nil
}

func question(r *document.Record) sii.Question {
	return sii.Question{
		Issuer: r.RUT, Receiver: r.Receiver, Type: r.Type, Folio: r.Folio, Date: r.IssueDate, Total: r.Total,
	}
}
