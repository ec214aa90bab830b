package pollstatus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/mailbox/result"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// applyMails tells the documents of an envelope what the mails that were kept say of them, and whether there
// is such a mail. Applying one twice changes nothing.
func (s *service) applyMails(ctx context.Context, p *dispatch.Plan) (bool, error) {
	found := false
	for _, track := range p.Tracks {
		number, err := strconv.ParseInt(track, 10, 64)
		if err != nil {
			return false, fmt.Errorf("track id %q: %w", track, err)
		}
		for o, err := range s.State.List(ctx, store.Query{Prefix: store.ResultMailPrefix(p.RUT, number)}) {
			if err != nil {
				return false, err
			}
			fits, err := s.applyMail(ctx, p, track, o.Name)
			if err != nil {
				return false, err
			}
			found = found || fits
		}
	}
	return found, nil
}

// applyMail applies the mail that an index entry names, if it fits the envelope.
func (s *service) applyMail(ctx context.Context, p *dispatch.Plan, track, entry string) (bool, error) {
	digest, err := hex.DecodeString(strings.TrimSuffix(entry[strings.LastIndexByte(entry, '/')+1:], ".json"))
	if err != nil || len(digest) != sha256.Size {
		return false, fmt.Errorf("%s names no mail", entry)
	}
	sum := [sha256.Size]byte(digest)
	number, _ := strconv.ParseInt(track, 10, 64) //nolint:errcheck // applyMails has read it
	var kept keptMail
	if _, err := s.State.ReadJSON(ctx, store.ResultMail(p.RUT, number, sum), &kept); err != nil {
		return false, err
	}
	o, err := s.Archive.Read(ctx, store.Mail(store.Company{Env: kept.Environment, RUT: p.RUT}, sum))
	if err != nil {
		return false, err
	}
	results, _ := readResults(o.Data)
	for _, r := range results {
		m := &mailed{service: s, plan: p, result: r, sum: hex.EncodeToString(digest)}
		if !sii.SameTrack(r.Track, track) || !m.fits() {
			continue
		}
		return true, dispatch.Each(ctx, p, m.apply)
	}
	return false, nil
}

// mailed is what a mail says of an envelope. Anybody can write such a mail: it gives reasons and tells
// remarks; whether the SII holds a document, only the SII's queries say.
type mailed struct {
	*service
	plan   *dispatch.Plan
	result result.Result
	sum    string
}

// fits tells whether the mail speaks of documents of the envelope only: track ids of the two environments
// may be the same.
func (m *mailed) fits() bool {
	for _, d := range m.result.Documents {
		if !slices.ContainsFunc(m.plan.Documents, func(i dispatch.Item) bool { return i.Type == d.Type && i.Folio == int64(d.Folio) }) {
			return false
		}
	}
	return m.result.Issuer.IsZero() || m.result.Issuer == m.plan.RUT
}

// apply tells one document what the mail says of it.
func (m *mailed) apply(ctx context.Context, i int, id store.DocumentID) error {
	item := m.plan.Documents[i]
	r, err := document.Load(ctx, m.State, id)
	if err != nil || !m.plan.Carries(&r, item) || !r.Status.Final() {
		return err
	}
	status, details, err := m.ruling(ctx, &r)
	if err != nil || !news(&r, status, details) {
		return err
	}
	said := dispatch.Evidence{
		At: m.Now(), Kind: dispatch.KindResultMail, Envelope: m.plan.Number, Track: m.result.Track, Code: m.result.State,
		SHA256: m.sum, Note: string(status),
	}
	if err := dispatch.Keep(ctx, m.Archive, id, said); err != nil {
		return err
	}
	before := r.Status
	return m.desk.Change(ctx, id, func(r *document.Record) error {
		if !m.plan.Carries(r, item) || r.Status != before || !news(r, status, details) {
			return store.ErrUnchanged
		}
		if r.SII == nil {
			r.SII = &document.SII{}
		}
		r.SII.Details = details
		if r.Status != status {
			return r.Become(status, m.Now(), "Según el correo de resultado del SII")
		}
		r.Tell(m.Now(), "Detalle según el correo de resultado del SII")
		return nil
	})
}

func news(r *document.Record, status event.Status, details []document.Detail) bool {
	return r.Status != status || r.SII == nil || !slices.Equal(r.SII.Details, details)
}

// ruling is the document's status and details after the mail; those that it has if the mail adds nothing.
func (m *mailed) ruling(ctx context.Context, r *document.Record) (event.Status, []document.Detail, error) {
	said, named := m.result.Document(r.Type, int(r.Folio))
	remarks := named && said.Verdict == result.AcceptedRemarks
	switch {
	case m.plan.State == dispatch.Refused && len(m.result.Faults) > 0:
		return r.Status, explained(m.result.Faults, m.result.State, m.result.Glosa), nil
	case r.Status == event.StatusRejected && named && said.Verdict == result.Rejected:
		return r.Status, rejecting(r, explained(said.Details, said.State, said.Glosa)), nil
	case r.Status == event.StatusAcceptedRemarks && remarks:
		return r.Status, explained(said.Details, said.State, said.Glosa), nil
	case r.Status == event.StatusAccepted && remarks:
		return event.StatusAcceptedRemarks, explained(said.Details, said.State, said.Glosa), nil
	case r.Status == event.StatusAcceptedRemarks && !named && m.countsAgree(r.Type):
		return event.StatusAccepted, []document.Detail{}, nil
	case r.Status == event.StatusRejected && m.plan.State != dispatch.Refused && (!named || remarks):
		return m.askAgain(ctx, r, said, remarks)
	}
	return r.Status, detailsNow(r), nil
}

func detailsNow(r *document.Record) []document.Detail {
	if r.SII == nil {
		return nil
	}
	return r.SII.Details
}

// askAgain has the SII decide about a document that was taken for rejected and that the mail does not reject.
func (m *mailed) askAgain(ctx context.Context, r *document.Record, said result.Document, remarks bool) (event.Status, []document.Detail, error) {
	identity, err := m.signer(ctx, m.plan)
	if err != nil {
		return r.Status, nil, err
	}
	session := m.session(m.plan, identity)
	state, err := dispatch.Ask(ctx, session, r)
	if err == nil {
		state, err = m.plan.Prove(ctx, m.Archive, session, r, state)
	}
	switch {
	case err != nil || state.Standing() != sii.Registered:
		return r.Status, detailsNow(r), err
	case remarks:
		return event.StatusAcceptedRemarks, explained(said.Details, said.State, said.Glosa), nil
	}
	return event.StatusAccepted, []document.Detail{}, nil
}

// countsAgree tells whether the mail names as many documents of a type with remarks as the SII counted when
// it was asked; a type that it did not count is believed to the mail.
func (m *mailed) countsAgree(t dte.Type) bool {
	named := 0
	for _, d := range m.result.Documents {
		if d.Type == t && d.Verdict == result.AcceptedRemarks {
			named++
		}
	}
	for _, c := range m.plan.Verdict.Counts {
		if c.Type == t {
			return c.Remarks == named
		}
	}
	for _, c := range m.result.Counts {
		if c.Type == t {
			return c.Remarks == named
		}
	}
	return false
}

// rejecting completes the reasons of a rejection: one without a code rejects all the same, and what the query
// of the document said may explain it.
func rejecting(r *document.Record, reasons []document.Detail) []document.Detail {
	for i := range reasons {
		d := &reasons[i]
		if d.Code == "" || d.Level == 0 {
			d.Level = int(result.LevelReject)
		}
		standing := sii.Unknown
		if r.SII != nil {
			standing = sii.StandingOf(r.SII.DocumentState)
		}
		if known := rejections[standing]; d.Cause == "" && standing != sii.Missing {
			d.Cause, d.Cure = known.Cause, known.Cure
		}
	}
	return reasons
}

func explained(reasons []result.Detail, state, glosa string) []document.Detail {
	if len(reasons) == 0 {
		return []document.Detail{dispatch.Explain(state, 0, glosa)}
	}
	all := make([]document.Detail, len(reasons))
	for i, d := range reasons {
		all[i] = dispatch.Explain(d.Code, int(d.Level), d.Text)
	}
	return all
}
