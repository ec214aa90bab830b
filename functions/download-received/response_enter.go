package downloadreceived

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"timbre/shared/claim"
	"timbre/shared/received"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// Registrar is the SII's register of acceptance or claim in the name of a person.
type Registrar interface {
	Enter(ctx context.Context, d sii.Received, a claim.Action) (sii.ClaimAnswer, error)
	Events(ctx context.Context, d sii.Received) (claim.History, sii.ClaimAnswer, error)
	Reception(ctx context.Context, d sii.Received) (time.Time, error)
}

// desk is the register in the name of the company's signer.
func (s *service) desk(ctx context.Context, at store.Company) (Registrar, error) {
	c, err := s.Companies.Load(ctx, at.RUT)
	if err != nil {
		return nil, err
	}
	identity, err := s.identity(ctx, c, at.Env)
	if err != nil {
		return nil, err
	}
	return s.Claims(at.Env, identity, s.chile), nil
}

func named(r *received.Record) sii.Received {
	return sii.Received{Issuer: r.Issuer, Type: r.Type, Folio: r.Folio}
}

// consultTime bounds what is asked before and after an action is entered: a person waits.
const consultTime = 25 * time.Second

// consult asks when the SII received a document, unless that is known, and what its register holds. Where it does
// not answer, what was known stands and the answer's code is unheard: entering an action does not depend on it.
func (s *service) consult(ctx context.Context, desk Registrar, r received.Record) (received.Record, sii.ClaimAnswer, error) {
	asking, cancel := context.WithTimeout(ctx, consultTime)
	defer cancel()
	at := s.receivedAt(asking, desk, &r)
	history, said, err := desk.Events(asking, named(&r))
	if errors.Is(err, sii.ErrCertificate) {
		return r, said, siiProblem(err)
	}
	if err != nil {
		s.Logger.WarnContext(ctx, "events of a document not told", "id", r.ReceivedID.String(), "error", err)
		said.Code = unheard
	}
	r, err = s.change(ctx, r.ReceivedID, func(r *received.Record) error {
		if r.SIIReceivedAt.IsZero() && !at.IsZero() {
			r.Arrive(at, s.chile)
		}
		if heard(said.Code) {
			r.Learn(history, s.Now(), s.chile)
		}
		return nil
	})
	return r, said, err
}

// receivedAt is when the SII received a document; zero if it does not tell.
func (s *service) receivedAt(ctx context.Context, desk Registrar, r *received.Record) time.Time {
	if !r.SIIReceivedAt.IsZero() {
		return r.SIIReceivedAt
	}
	at, err := desk.Reception(ctx, named(r))
	if err != nil {
		s.Logger.WarnContext(ctx, "date of reception not told", "id", r.ReceivedID.String(), "error", err)
	}
	return at
}

// unheard stands for the code of an answer that did not come; no table has it.
const unheard claim.Code = -99

// heard tells whether the SII gave its list of events, empty or not.
func heard(c claim.Code) bool { return c == claim.Listed || c == claim.NoEvents }

// intend notes a response before it is entered: first the entry that brings the tick to it, then the response. No id is
// one that somebody has entered meanwhile.
func (s *service) intend(ctx context.Context, r received.Record, a claim.Action, reason string) (received.Record, string, error) {
	if err := s.watch(ctx, s.Now().Add(settleAfter), r.ReceivedID); err != nil {
		return r, "", err
	}
	id, noted := rand.Text(), ""
	r, err := s.change(ctx, r.ReceivedID, func(r *received.Record) error {
		if r.History().Find(a) != nil {
			noted = ""
			return store.ErrUnchanged
		}
		noted = r.Respond(received.Response{ID: id, Action: a, Reason: reason, At: s.Now()}).ID
		return nil
	})
	return r, noted, err
}

// enter enters a pending response and notes what came of it. What the SII does not settle stays pending. An answer
// that was lost, or that refuses, is held against the list of events, since the action may be there by an earlier
// attempt; without the list it stays pending.
func (s *service) enter(ctx context.Context, desk Registrar, r received.Record, id string) (received.Record, error) {
	p := r.Response(id)
	if p == nil || p.State != received.ResponsePending {
		return r, nil
	}
	said, err := desk.Enter(ctx, named(&r), p.Action)
	lost := errors.Is(err, sii.ErrIndeterminate)
	if err != nil && !lost {
		s.Logger.WarnContext(ctx, "response not entered", "id", r.ReceivedID.String(), "action", p.Action, "error", err)
		return r, nil
	}
	if !lost && said.Code.Of(p.Action) == claim.Recorded {
		return s.end(ctx, r, id, func(r *received.Record, p *received.Response) { r.Enter(p, s.Now(), s.chile) }, said)
	}
	r, list, err := s.consult(ctx, desk, r)
	if err != nil || lost {
		return r, err
	}
	return s.end(ctx, r, id, func(_ *received.Record, p *received.Response) {
		if heard(list.Code) && said.Code.Of(p.Action) != claim.Later {
			p.State, p.Ended = received.ResponseRefused, s.Now()
		}
	}, said)
}

// end notes the SII's answer to a response, unless somebody has noted its end.
func (s *service) end(ctx context.Context, r received.Record, id string, how func(*received.Record, *received.Response), said sii.ClaimAnswer) (received.Record, error) {
	return s.change(ctx, r.ReceivedID, func(r *received.Record) error {
		p := r.Response(id)
		if p == nil || p.State != received.ResponsePending {
			return store.ErrUnchanged
		}
		code := said.Code
		p.Code, p.Glosa, p.Text = &code, said.Glosa, code.Text()
		how(r, p)
		return nil
	})
}

// change changes a record that stands.
func (s *service) change(ctx context.Context, id store.ReceivedID, change func(*received.Record) error) (received.Record, error) {
	return received.Update(ctx, s.State, id, change)
}
