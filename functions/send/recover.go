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
		return true, s.leaveToPeople(ctx, p)
	case standing == sii.Registered && (p.Service == dispatch.Boletas || p.Contradicted()):
		return s.arrived(ctx, p)
	}
	return s.sendAgain(ctx, p)
}

// sendAgain uploads the identical bytes of a parked plan.
func (s *service) sendAgain(ctx context.Context, p *dispatch.Plan) (bool, error) {
	ended, err := s.upload(ctx, p)
	var unfit *unfitError
	if errors.As(err, &unfit) {
		return s.unsendable(ctx, p, unfit)
	}
	if err == nil && ended != nil {
		err = s.settle(ctx, ended)
	}
	if err != nil {
		return false, err
	}
	after, err := dispatch.Load(ctx, s.State, p.EnvelopeID)
	return after.Closed(), err
}

// leaveToPeople looks at a parked plan again after a while.
func (s *service) leaveToPeople(ctx context.Context, p *dispatch.Plan) error {
	return due.Add(ctx, s.State, s.Now().Add(humanWait), dispatch.Send, dispatch.DueParts(p.EnvelopeID)...)
}

// lostFor is for how long the SII must not know any document of an envelope until it never arrived (§11.3.5).
const lostFor = 24 * time.Hour

// unsendable decides about a parked plan whose bytes cannot go out again, though the SII may hold them. Its
// documents go into another envelope only once it is certain that none arrived.
func (s *service) unsendable(ctx context.Context, p *dispatch.Plan, why *unfitError) (bool, error) {
	s.Logger.ErrorContext(ctx, "parked envelope cannot be sent again", "rut_emisor", p.RUT.String(), "envelope", p.Number, "error", why)
	arrived, err := s.anyRegistered(ctx, p)
	switch {
	case err != nil:
		return false, err
	case arrived:
		return s.arrived(ctx, p)
	case s.Now().Before(p.LastEnded().Add(lostFor)):
		return true, s.leaveToPeople(ctx, p)
	}
	return true, s.giveUp(ctx, p, why.refusal(s.Now()))
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

// probe asks for the documents without verdict until one tells what became of the envelope. One under whose
// folio the SII has another document tells nothing: it is blocked, and the next one is asked for. OtherData
// means that there is no other: a person must look; sending again would not help.
func (s *service) probe(ctx context.Context, p *dispatch.Plan) (sii.Standing, error) {
	undecided, err := s.undecided(ctx, p)
	if err != nil {
		return sii.Unknown, err
	}
	for _, r := range undecided {
		standing, err := s.askFor(ctx, p, &r)
		if err != nil || standing != sii.OtherData {
			return standing, err
		}
	}
	return sii.OtherData, nil
}

// anyRegistered asks for the documents without verdict until the SII has one.
func (s *service) anyRegistered(ctx context.Context, p *dispatch.Plan) (bool, error) {
	undecided, err := s.undecided(ctx, p)
	if err != nil {
		return false, err
	}
	for _, r := range undecided {
		standing, err := s.askFor(ctx, p, &r)
		if err != nil || standing == sii.Registered {
			return err == nil, err
		}
		if standing == sii.Unknown { // it said nothing
			return false, errWait
		}
	}
	return false, nil
}

// askFor asks the SII for one document, keeps the answer, and blocks the document if the folio is another's.
func (s *service) askFor(ctx context.Context, p *dispatch.Plan, r *document.Record) (sii.Standing, error) {
	identity, err := s.Identities.Identity(ctx, &p.Certificate)
	if err != nil {
		return sii.Unknown, err
	}
	said, err := s.hear(ctx, p, s.session(p, identity), r)
	unproven := errors.Is(err, errUnproven)
	if err != nil && !unproven {
		return sii.Unknown, cmp.Or(s.notReady(ctx, p, err), errWait)
	}
	err = dispatch.Keep(ctx, s.Archive, r.DocumentID, s.heard(p, &said)...)
	if err != nil || unproven {
		return sii.Unknown, err
	}
	if said.Standing() != sii.OtherData {
		return said.Standing(), nil
	}
	return sii.OtherData, s.isolate(ctx, p, r.DocumentID, said.DocumentState)
}

const foreignText = "El SII tiene otro documento con este folio"

// isolate blocks a document under whose folio the SII holds another one. It stays in its envelope, which alone
// may be sent again: the SII then rejects this document and takes the others.
func (s *service) isolate(ctx context.Context, p *dispatch.Plan, id store.DocumentID, said sii.DocumentState) error {
	return s.desk.Change(ctx, id, func(r *document.Record) error {
		if r.Status.Final() || r.Envelope != p.Number {
			return store.ErrUnchanged
		}
		r.SII = &document.SII{DocumentState: said.State, Glosa: said.Glosa, Details: []document.Detail{{
			Code: said.State, Level: 3, Text: foreignText,
			Cause: "El folio fue usado antes con otros datos (CAF usado en otro sistema) y no se sabe si el envío llegó",
			Cure: "Revisar desde qué folio se usa el CAF; luego liberar los envíos: el mismo archivo va otra vez al SII, " +
				"que da el veredicto, y el documento se emite con un folio nuevo",
		}}}
		return r.Become(event.StatusBlocked, s.Now(), foreignText)
	})
}

// undecided are a plan's documents without verdict, the blocked ones last; if all have one, the first of them.
func (s *service) undecided(ctx context.Context, p *dispatch.Plan) ([]document.Record, error) {
	all := make([]document.Record, len(p.Documents))
	err := dispatch.Each(ctx, p, func(ctx context.Context, i int, id store.DocumentID) error {
		var err error
		all[i], err = document.Load(ctx, s.State, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	var open, blocked []document.Record
	for i, r := range all {
		switch {
		case !p.Carries(&r, p.Documents[i]) || r.Status.Final():
		case r.Status == event.StatusBlocked:
			blocked = append(blocked, r)
		default:
			open = append(open, r)
		}
	}
	if open = append(open, blocked...); len(open) == 0 {
		return all[:1], nil
	}
	return open, nil
}

// errUnproven says that the SII holds a document with the data of ours and did not say whose it is.
var errUnproven = errors.New("send: the SII did not tell whose document it holds")

// hear asks for a document, and whether what the SII holds is ours. Where that stays open, the same bytes may go
// out again, which settles it; not so where the SII refused them before: then only the proof counts.
func (s *service) hear(ctx context.Context, p *dispatch.Plan, session Uploader, r *document.Record) (dispatch.Heard, error) {
	state, err := dispatch.Ask(ctx, session, r)
	if err != nil {
		return state, err
	}
	proven, err := p.Prove(ctx, s.Archive, session, r, state)
	if errors.Is(err, sii.ErrUnavailable) && !p.Contradicted() {
		return state, errUnproven
	}
	return proven, err
}

// heard is what the SII said of a document, for the evidence.
func (s *service) heard(p *dispatch.Plan, h *dispatch.Heard) []dispatch.Evidence {
	var all []dispatch.Evidence
	for _, said := range h.Answers() {
		all = append(all, dispatch.Evidence{
			At: s.Now(), Kind: dispatch.KindDocumentState, Envelope: p.Number, Code: said.State,
			Answer: said.Answer, AnswerSHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(said.Answer))),
		})
	}
	return all
}
