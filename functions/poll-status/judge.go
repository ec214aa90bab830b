package pollstatus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/planted"
	"timbre/shared/sii"
	"timbre/shared/store"
)

// judge decides the documents of a processed envelope, and tells whether each has its verdict.
func (s *service) judge(ctx context.Context, session Inquirer, p *dispatch.Plan, said answer) (bool, error) {
	noted, err := dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error {
		if v := p.Verdict; v != nil && v.State == said.State {
			if len(v.Counts) > 0 || len(said.Counts) == 0 {
				return store.ErrUnchanged
			}
			v.Counts = said.Counts // it had none at first
			return nil
		}
		p.Verdict = &dispatch.Verdict{State: said.State, Glosa: said.Glosa, Track: said.track, Counts: said.Counts, At: s.Now()}
		return nil
	})
	if err != nil {
		return false, err
	}
	c := &court{service: s, session: session, plan: &noted, state: said.EnvelopeState, pending: said.pending}
	open := 0
	for _, t := range types(&noted) {
		n, err := c.judgeType(ctx, t)
		if err != nil {
			return false, err
		}
		open += n
	}
	if err := s.wakeSend(ctx, dispatch.ChainOf(p.EnvelopeID)); err != nil || open > 0 {
		return false, err
	}
	if !plain(&noted) {
		if err := s.awaitReasons(ctx, &noted); err != nil {
			return false, err
		}
	}
	_, err = dispatch.Update(ctx, s.State, p.EnvelopeID, func(p *dispatch.Plan) error {
		if p.State != dispatch.Received {
			return store.ErrUnchanged
		}
		p.State = dispatch.Done
		return nil
	})
	return err == nil, err
}

func types(p *dispatch.Plan) []dte.Type {
	var all []dte.Type
	seen := map[dte.Type]bool{}
	for _, i := range p.Documents {
		if !seen[i.Type] {
			seen[i.Type] = true
			all = append(all, i.Type)
		}
	}
	return all
}

// court decides the documents of one envelope.
type court struct {
	*service
	session Inquirer
	plan    *dispatch.Plan
	state   sii.EnvelopeState
	// pending: the same bytes are in process under another track id.
	pending bool
}

// accused is a document with what the SII said of it, if it was asked for.
type accused struct {
	id     store.DocumentID
	item   dispatch.Item
	record document.Record
	state  *dispatch.Heard
	// verdict is what its state says, once it is decided.
	verdict event.Status
}

// judgeType decides the documents of a type and counts those that stay undecided.
func (c *court) judgeType(ctx context.Context, t dte.Type) (int, error) {
	all, undecided, err := c.documents(ctx, t)
	if err != nil || len(undecided) == 0 {
		return 0, err
	}
	count, listed := c.state.CountOf(t)
	if listed && len(c.state.Details) > 0 && c.state.Class() == sii.Processed && c.complete(t, count, all) {
		return c.byDetails(ctx, undecided)
	}
	status, sure := byCounts(count, listed, all)
	if planted.Is("epr-accepts") {
		status, sure = event.StatusAccepted, true
	}
	if sure && c.state.Class() == sii.Processed {
		return 0, each(ctx, undecided, writesAtOnce, func(ctx context.Context, a *accused) error {
			return c.sentence(ctx, a, status)
		})
	}
	counted := tally{Count: count, listed: listed, documents: all}
	silent := c.askEach(ctx, undecided, c.state.Class() != sii.Processed || !counted.acceptsAll())
	open, err := c.byStates(ctx, undecided, counted)
	return open, errors.Join(err, silent)
}

// documents are those of the plan of a type: how many there are, and those without verdict.
func (c *court) documents(ctx context.Context, t dte.Type) (int, []*accused, error) {
	var all, undecided []*accused
	for _, item := range c.plan.Documents {
		if item.Type == t {
			all = append(all, &accused{id: c.plan.Document(item), item: item})
		}
	}
	err := each(ctx, all, writesAtOnce, func(ctx context.Context, a *accused) error {
		var err error
		a.record, err = document.Load(ctx, c.State, a.id)
		return err
	})
	for _, a := range all {
		if c.plan.Carries(&a.record, a.item) && !a.record.Status.Final() {
			undecided = append(undecided, a)
		}
	}
	return len(all), undecided, err
}

// writesAtOnce bounds the storage calls of one envelope at a time.
const writesAtOnce = 64

// each calls do for all documents, some at a time.
func each(ctx context.Context, all []*accused, limit int, do func(context.Context, *accused) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(limit)
	for _, a := range all {
		g.Go(func() error { return do(ctx, a) })
	}
	return g.Wait()
}

// byCounts tells the verdict of all n documents of a type where the counts leave no doubt. Rejections are
// never taken from counts alone: QueryEstDte may know a document from another envelope.
func byCounts(c sii.Count, listed bool, n int) (event.Status, bool) {
	switch {
	case !listed || c.Rejected != 0:
		return "", false
	case c.Accepted == n && c.Remarks == 0:
		return event.StatusAccepted, true
	case c.Remarks == n && c.Accepted == 0:
		return event.StatusAcceptedRemarks, true
	}
	return "", false
}

// maxSilence is how many questions may stay without answer before the SII is left alone for now.
const maxSilence = 8

// askEach asks for documents; with prove an answer that registers one must hold for its very bytes. The error
// tells that some have no answer; of two hundred there may be some each time, so what the others got is kept.
func (c *court) askEach(ctx context.Context, all []*accused, prove bool) error {
	var mu sync.Mutex
	var failed []error
	silent := func(err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = append(failed, err)
		}
		return len(failed) >= maxSilence
	}
	err := each(ctx, all, looksAtOnce, func(ctx context.Context, a *accused) error {
		if silent(nil) {
			return nil
		}
		heard, err := dispatch.Ask(ctx, c.session, &a.record)
		if err == nil && prove {
			heard, err = c.plan.Prove(ctx, c.Archive, c.session, &a.record, heard)
		}
		if err != nil {
			silent(fmt.Errorf("ask for %s: %w", a.id, err))
			return nil
		}
		a.state = &heard
		return nil
	})
	return errors.Join(append(failed, err)...)
}

// byStates decides by what the SII said of each document and counts those that stay undecided. A document that
// the SII has is accepted; when one that it does not have is rejected, rejects says. Where only its signature
// speaks against it, time alone rejects none: the counts must.
func (c *court) byStates(ctx context.Context, all []*accused, t tally) (int, error) {
	rejects := c.rejects(all, t)
	var decided []*accused
	for _, a := range all {
		switch {
		case a.state == nil:
			continue
		case a.state.Standing() == sii.Registered:
			a.verdict = c.accepted(a, t.Count)
		case a.missing() && rejects && (!a.state.Foreign() || t.Rejected > 0):
			a.verdict = event.StatusRejected
		default:
			continue
		}
		decided = append(decided, a)
	}
	err := each(ctx, decided, writesAtOnce, func(ctx context.Context, a *accused) error {
		return c.sentence(ctx, a, a.verdict)
	})
	return len(all) - len(decided), err
}

// missing tells whether the SII says that it does not have the document.
func (a *accused) missing() bool {
	standing := a.state.Standing()
	return standing != sii.Registered && standing != sii.Unknown
}

// accepted is the verdict of a document that the SII has. QueryEstDte does not tell remarks; where the
// counts have some, the document counts among those until the SII's mail says otherwise.
func (c *court) accepted(a *accused, count sii.Count) event.Status {
	if d, named := c.reviewed(a.item); named && remarked(d) {
		return event.StatusAcceptedRemarks
	}
	if len(c.state.Details) > 0 {
		return event.StatusAccepted
	}
	if count.Remarks > 0 || c.state.State == "RPR" || c.state.State == "RLV" {
		return event.StatusAcceptedRemarks
	}
	return event.StatusAccepted
}

// sentence writes a document's verdict, with the evidence before it.
func (c *court) sentence(ctx context.Context, a *accused, status event.Status) error {
	if err := dispatch.Keep(ctx, c.Archive, a.id, c.evidence(a, status)...); err != nil {
		return err
	}
	err := c.desk.Change(ctx, a.id, func(r *document.Record) error {
		if !c.plan.Carries(r, a.item) || r.Status.Final() {
			return store.ErrUnchanged
		}
		for _, track := range append(slices.Clone(c.plan.Tracks), c.plan.Verdict.Track) {
			r.AddTrack(track) // send may have died before it wrote them here
		}
		r.SII = c.words(a, status)
		return r.Become(status, c.Now(), "")
	})
	if errors.Is(err, document.ErrTransition) {
		c.Logger.ErrorContext(ctx, "verdict does not fit the document's state", "id", a.id.String(), "verdict", status, "error", err)
	}
	return err
}

// evidence is what the verdict rests on.
func (c *court) evidence(a *accused, status event.Status) []dispatch.Evidence {
	now := c.Now()
	var all []dispatch.Evidence
	if c.state.State != "" {
		all = append(all, answered(now, dispatch.KindEnvelopeState, c.plan, c.state.State, c.state.Answer))
	}
	if a.state != nil {
		for _, said := range a.state.Answers() {
			all = append(all, answered(now, dispatch.KindDocumentState, c.plan, said.State, said.Answer))
		}
	}
	return append(all, dispatch.Evidence{
		At: now, Kind: dispatch.KindDecision, Envelope: c.plan.Number, Track: c.plan.Verdict.Track, Note: string(status),
	})
}

func answered(at time.Time, kind string, p *dispatch.Plan, code, text string) dispatch.Evidence {
	return dispatch.Evidence{
		At: at, Kind: kind, Envelope: p.Number, Track: p.Verdict.Track, Code: code,
		Answer: text, AnswerSHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text))),
	}
}

// words tells the document's reader what the SII said.
func (c *court) words(a *accused, status event.Status) *document.SII {
	said := &document.SII{EnvelopeState: c.state.State, Glosa: c.state.Glosa, Details: []document.Detail{}}
	if a.state != nil {
		said.DocumentState, said.Glosa = a.state.State, a.state.Glosa
	}
	if d, named := c.reviewed(a.item); named && status != event.StatusAccepted {
		said.Details = detailsOf(d)
		return said
	}
	switch status {
	case event.StatusRejected:
		said.Details = append(said.Details, rejection(a.state))
	case event.StatusAcceptedRemarks:
		said.Details = append(said.Details, document.Detail{
			Code: c.state.State, Level: 2, Text: "El SII aceptó con reparos",
			Cause: "El conteo del envío indica reparos; el detalle llega en el correo de resultado del SII",
			Cure:  "El documento es válido; si hace falta, se corrige con una nota",
		})
	}
	return said
}

// rejections say what QueryEstDte's state means for a document in a processed envelope.
var rejections = map[sii.Standing]document.Detail{
	sii.Missing: {
		Text:  "El SII rechazó el documento",
		Cause: "El envío fue procesado y el SII no registra el documento; el motivo llega en el correo de resultado del SII",
		Cure:  "Corregir y emitir con un folio nuevo",
	},
	sii.OtherData: {
		Text:  "El SII tiene otro documento con este folio",
		Cause: "El folio fue usado antes con otros datos (CAF usado en otro sistema)",
		Cure:  "Emitir con un folio nuevo y revisar desde qué folio se usa el CAF",
	},
	sii.Void: {
		Text:  "El SII no autoriza el folio o la empresa",
		Cause: "El folio no está autorizado o fue anulado, o la empresa no puede emitir este tipo de documento",
		Cure:  "Revisar los folios y la autorización de la empresa en el SII",
	},
}

func rejection(state *dispatch.Heard) document.Detail {
	d := rejections[state.Standing()]
	d.Code, d.Level = state.State, 3
	return d
}
