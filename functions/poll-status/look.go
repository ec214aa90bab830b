package pollstatus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// look asks the SII for an envelope once and applies what it says. True: nothing is left to ask for; it is
// false also while another look goes on here.
func (s *service) look(ctx context.Context, id store.EnvelopeID) (bool, error) {
	if !s.looks.enter(id) {
		return false, nil
	}
	defer s.looks.leave(id)
	p, err := dispatch.Load(ctx, s.State, id)
	if err != nil {
		return false, err
	}
	switch p.State {
	case dispatch.Done:
		return true, nil
	case dispatch.Refused: // whoever noted it may have died before he handed the documents back
		return true, s.handBack(ctx, &p)
	case dispatch.Received:
		decided, err := s.ask(ctx, &p)
		if err != nil {
			return decided, fmt.Errorf("look at envelope %d of %s: %w", id.Number, id.RUT, err)
		}
		return decided, nil
	case dispatch.Open, dispatch.Parked: // send has it; an entry is due again once it is received
	}
	return true, nil
}

// errEarly says that the SII is not to be asked yet.
var errEarly = errors.New("poll-status: too early")

// overlook logs that the SII did not answer, or does not let the signer in: the next look may do better.
// Other errors it gives back.
func (s *service) overlook(ctx context.Context, id store.EnvelopeID, err error) error {
	if errors.Is(err, errEarly) {
		return nil
	}
	if !errors.Is(err, sii.ErrUnavailable) && !errors.Is(err, sii.ErrCertificate) {
		return err
	}
	s.Logger.WarnContext(ctx, "no answer of the SII", "rut_emisor", id.RUT.String(), "envelope", id.Number, "error", err)
	return nil
}

func (s *service) ask(ctx context.Context, p *dispatch.Plan) (bool, error) {
	if p.Service == dispatch.Boletas && s.Now().Before(p.ReceivedAt().Add(s.cfg.BoletasFirst)) {
		return false, errEarly
	}
	identity, err := s.signer(ctx, p)
	if err != nil {
		return false, err
	}
	session := s.session(p, identity)
	if p.Track() == "" {
		return s.judgeUntracked(ctx, session, p)
	}
	said, err := best(ctx, session, p)
	if err != nil {
		return false, err
	}
	switch said.Class() {
	case sii.RefusedDocuments:
		return true, s.refuse(ctx, p, dispatch.FaultDocuments, said)
	case sii.RefusedCompany:
		return true, s.refuse(ctx, p, dispatch.FaultCompany, said)
	case sii.Lost:
		if p.MayBeTwice() { // the file may be there under a track id that was never told
			return s.judgeUntracked(ctx, session, p)
		}
		return true, s.sendAgain(ctx, p)
	case sii.Processed, sii.Repeated:
		return s.judge(ctx, session, p, said)
	case sii.Pending:
	}
	return false, nil
}

func (s *service) session(p *dispatch.Plan, id *cert.Identity) Inquirer {
	if p.Service == dispatch.Boletas {
		return s.Boletas(p.Env, id)
	}
	return s.SII(p.Env, id)
}

// judgeUntracked decides the documents of an envelope whose track id the SII never told, or told only for a
// file that it lost: by their own states alone. What it lacks after a while goes out again in the same bytes.
func (s *service) judgeUntracked(ctx context.Context, session Inquirer, p *dispatch.Plan) (bool, error) {
	decided, err := s.judge(ctx, session, p, answer{})
	if err != nil || decided || s.Now().Before(p.ReceivedAt().Add(s.cfg.BoletasFirst+s.cfg.grace())) {
		return decided, err
	}
	return true, s.sendAgain(ctx, p)
}

// signer is the owner of the company's present certificate, since that of the envelope may have expired;
// any authenticated person may ask. A company without one is asked for by the envelope's.
func (s *service) signer(ctx context.Context, p *dispatch.Plan) (*cert.Identity, error) {
	c, err := s.Companies.Load(ctx, p.RUT)
	if err != nil && !errors.Is(err, company.ErrUnknown) {
		return nil, err
	}
	if err == nil && c.Blocks[p.Env] != nil && c.Blocks[p.Env].Certificate != nil {
		return s.Identities.Identity(ctx, c.Blocks[p.Env].Certificate)
	}
	return s.Identities.Identity(ctx, &p.Certificate)
}

// preference orders what several tracks of the same bytes say: one that was processed counts, then one that
// may be; a refusal only if there is nothing else.
var preference = []sii.Class{
	sii.Processed, sii.Pending, sii.Repeated, sii.RefusedCompany, sii.RefusedDocuments, sii.Lost,
}

// better tells whether one state is preferred to another; of two that were processed the one that accepts
// more: the file that came second is rejected as received before.
func better(a, b sii.EnvelopeState) bool {
	x, y := slices.Index(preference, a.Class()), slices.Index(preference, b.Class())
	return x < y || x == y && a.Class() == sii.Processed && accepts(a) > accepts(b)
}

func accepts(s sii.EnvelopeState) int {
	n := 0
	for _, c := range s.Counts {
		n += c.Accepted + c.Remarks
	}
	return n
}

// answer is what the SII says of an envelope, under the track id that counts.
type answer struct {
	sii.EnvelopeState
	track string
	// pending: under another track id the same bytes are still in process.
	pending bool
}

// best asks for the envelope's tracks, the newest first.
func best(ctx context.Context, session Inquirer, p *dispatch.Plan) (answer, error) {
	var best answer
	pending := false
	for _, t := range slices.Backward(p.Tracks) {
		state, err := session.EnvelopeState(ctx, p.RUT, t)
		if err != nil {
			return answer{}, fmt.Errorf("track %s: %w", t, err)
		}
		pending = pending || state.Class() == sii.Pending
		if best.track == "" || better(state, best.EnvelopeState) {
			best = answer{EnvelopeState: state, track: t}
		}
	}
	best.pending = pending
	return best, nil
}

// refuse notes that the whole envelope was refused and hands its documents back to send.
func (s *service) refuse(ctx context.Context, p *dispatch.Plan, fault dispatch.Fault, said answer) error {
	now := s.Now()
	refused, err := dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error {
		if p.State != dispatch.Received {
			return store.ErrUnchanged
		}
		p.Verdict = &dispatch.Verdict{State: said.State, Glosa: said.Glosa, Track: said.track, At: now}
		p.Refuse(dispatch.Refusal{Fault: fault, Code: said.State, Glosa: said.Glosa, At: now, Track: said.track, Answer: said.Answer})
		return nil
	})
	if err != nil || refused.State != dispatch.Refused {
		return err
	}
	if len(refused.Documents) == 1 {
		if err := s.awaitReasons(ctx, &refused); err != nil {
			return err
		}
	}
	return s.handBack(ctx, &refused)
}

func (s *service) handBack(ctx context.Context, p *dispatch.Plan) error {
	if err := s.desk.Refused(ctx, p); err != nil {
		return err
	}
	return s.wakeSend(ctx, dispatch.ChainOf(p.EnvelopeID))
}

// sendAgain has send upload the same bytes, as the SII has lost the file (VOF). send may see its entry before
// the plan is parked, find nothing to do and remove it: so it is announced anew afterwards. Each time the wait
// for the verdict begins anew, so that one who misses it is told here.
func (s *service) sendAgain(ctx context.Context, p *dispatch.Plan) error {
	if age := s.Now().Sub(p.FirstReceivedAt()); age >= alarmAfter {
		if err := s.alarm(ctx, p, age); err != nil {
			return err
		}
	}
	at := s.Now()
	announce := func() error {
		return due.Announce(ctx, s.State, at, dispatch.Send, dispatch.DueParts(p.EnvelopeID)...)
	}
	if err := announce(); err != nil {
		return err
	}
	_, err := dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error {
		if p.State != dispatch.Received {
			return store.ErrUnchanged
		}
		p.Reopen()
		return nil
	})
	if err != nil {
		return err
	}
	return announce()
}

// wakeSend announces that documents wait: of a refused envelope, or notes whose referenced document has its verdict.
func (s *service) wakeSend(ctx context.Context, c dispatch.Chain) error {
	for o, err := range s.State.List(ctx, store.Query{Prefix: store.OutboxPrefix(c.Company, c.Channel), Limit: 1}) {
		if err != nil {
			return err
		}
		id, err := store.ParseOutbox(o.Name)
		if err != nil {
			return err
		}
		s.desk.Publish(ctx, event.DTESigned, event.Signed{DocumentID: id})
		break
	}
	return nil
}
