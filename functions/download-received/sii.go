package downloadreceived

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/exchange"
	"timbre/shared/received"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// again are the distances between questions about a document that the SII does not have: suppliers mail before
// the SII has looked, and what is missing after some days was rejected or never sent (WEBSERVICES §9.4).
var again = []time.Duration{
	5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// errNoCertificate says that the company has nothing to ask the SII with.
var errNoCertificate = errors.New("download-received: the company has no certificate")

// standings are what the SII's states mean to who received a document.
var standings = map[sii.Standing]exchange.Standing{
	sii.Registered: exchange.AtTheSII, sii.OtherData: exchange.OtherAtSII, sii.Missing: exchange.NotAtTheSII, sii.Void: exchange.VoidAtTheSII,
}

// askable tells whether the SII can be asked: it wants date and amount, and has the boletas elsewhere, where
// only their issuer may ask.
func askable(id store.ReceivedID, v *received.Variant) bool {
	_, dateErr := time.Parse(time.DateOnly, v.IssueDate)
	_, totalErr := strconv.ParseUint(v.Total, 10, 63)
	return dateErr == nil && totalErr == nil && !id.Type.IsBoleta()
}

// siiDue asks the SII about the variants of a document that it has not confirmed. An error leaves the verdict
// pending, and the work comes again.
func (s *service) siiDue(ctx context.Context, w work) error {
	id, err := store.ParseReceived(w.parts)
	if err != nil {
		return err
	}
	r, err := received.Load(ctx, s.State, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	next := time.Duration(0)
	for i := range r.Variants {
		wait, err := s.askAbout(ctx, id, &r.Variants[i])
		if errors.Is(err, company.ErrUnknown) { // deleted meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		if wait > 0 && (next == 0 || wait < next) {
			next = wait
		}
	}
	if next == 0 {
		return nil
	}
	return s.plan(ctx, s.Now().Add(next), siiOf, w.parts...)
}

// askAbout asks about a variant and stores the answer. It tells after how long to ask again, 0 for not any more.
func (s *service) askAbout(ctx context.Context, id store.ReceivedID, v *received.Variant) (time.Duration, error) {
	if v.Standing() == exchange.AtTheSII || !askable(id, v) {
		return 0, nil
	}
	said, err := s.ask(ctx, id, v)
	if err != nil {
		return 0, err
	}
	if said.Standing == exchange.AtTheSII && s.Claims != nil {
		if err := s.watch(ctx, s.Now(), id); err != nil {
			return 0, err
		}
	}
	if err := s.noteSII(ctx, id, v.SHA256, said); err != nil {
		return 0, err
	}
	if said.Standing == exchange.AtTheSII || said.Asked > len(again) {
		return 0, nil
	}
	return again[said.Asked-1], nil
}

// ask asks for the very document, and where that cannot be answered, for one with its date and amount.
func (s *service) ask(ctx context.Context, id store.ReceivedID, v *received.Variant) (received.AtSII, error) {
	said := received.AtSII{Asked: 1}
	if v.SII != nil {
		said.Asked = v.SII.Asked + 1
	}
	session, err := s.session(ctx, id.Company)
	if err != nil {
		return said, err
	}
	q := sii.Question{
		Issuer: id.Issuer, Receiver: v.Receiver, Type: id.Type, Folio: id.Folio, Date: v.IssueDate, Total: v.Total, Signature: v.Signature,
	}
	var state sii.DocumentState
	if q.Signature != "" {
		state, err = session.ExactState(ctx, q)
		said.Exact = err == nil
	}
	if !said.Exact {
		state, err = session.DocumentState(ctx, q)
	}
	if err != nil {
		return said, err
	}
	standing, known := standings[state.Standing()]
	if !known {
		return said, fmt.Errorf("%w: the SII answers %s (%s) about %s", sii.ErrUnavailable, state.State, state.Glosa, id)
	}
	said.Standing, said.State, said.Glosa, said.At = standing, state.State, state.Glosa, s.Now().UTC()
	return said, nil
}

// session is the SII in the name of the company's signer.
func (s *service) session(ctx context.Context, at store.Company) (Inquirer, error) {
	c, err := s.Companies.Load(ctx, at.RUT)
	if err != nil {
		return nil, err
	}
	identity, err := s.identity(ctx, c, at.Env)
	if err != nil {
		return nil, err
	}
	return s.SII(at.Env, identity), nil
}

// identity is the company's signer in an environment.
func (s *service) identity(ctx context.Context, c *company.Company, env store.Environment) (*cert.Identity, error) {
	certificate := c.In(env).Certificate
	if certificate == nil {
		return nil, fmt.Errorf("%w: %s in %s", errNoCertificate, c.RUT, env)
	}
	return s.Identities.Identity(ctx, certificate)
}

// noteSII stores what the SII said about a variant.
func (s *service) noteSII(ctx context.Context, id store.ReceivedID, sum string, said received.AtSII) error {
	_, err := received.Update(ctx, s.State, id, func(r *received.Record) error {
		v := r.Variant(sum)
		if v == nil || v.SII != nil && v.SII.At.After(said.At) {
			return store.ErrUnchanged
		}
		v.SII = &said
		return nil
	})
	return err
}
