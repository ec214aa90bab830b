package pollstatus

import (
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"

	"timbre/shared/access"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// maxSweep bounds the body of a sweep.
const maxSweep = 4 << 10

// sweep looks at all envelopes without verdict now.
func (h *Handler) sweep(w http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	var request SweepRequest
	if r.ContentLength != 0 {
		if err := serve.ReadJSON(w, r, maxSweep, &request); err != nil {
			return serve.Reply{}, err
		}
	}
	companies, err := h.swept(r.Context(), request.Company)
	if err != nil {
		return serve.Reply{}, err
	}
	var answer SweepAnswer
	for _, c := range companies {
		for _, env := range []store.Environment{store.Certificacion, store.Produccion} {
			envelopes, err := h.undecided(r.Context(), store.Company{Env: env, RUT: c})
			if err != nil {
				return serve.Reply{}, err
			}
			pending, err := h.lookAtAll(r.Context(), envelopes)
			if err != nil {
				return serve.Reply{}, err
			}
			answer.Looked += len(envelopes)
			answer.Pending += pending
		}
	}
	return serve.JSON(answer)
}

// swept are the companies that a sweep is for.
func (h *Handler) swept(ctx context.Context, asked rut.RUT) ([]rut.RUT, error) {
	caller := access.From(ctx)
	if !asked.IsZero() {
		return []rut.RUT{asked}, caller.Check(asked, access.Admin)
	}
	all, err := h.Companies.List(ctx)
	if err != nil {
		return nil, err
	}
	var mine []rut.RUT
	for _, r := range all {
		if caller.MayAct(r, access.Admin) {
			mine = append(mine, r)
		}
	}
	return mine, nil
}

// undecided are the envelopes of the documents that were sent and have no verdict.
func (s *service) undecided(ctx context.Context, c store.Company) (map[store.EnvelopeID]bool, error) {
	envelopes := map[store.EnvelopeID]bool{}
	for o, err := range s.State.List(ctx, store.Query{Prefix: store.DocumentsPrefix(c)}) {
		if err != nil {
			return nil, err
		}
		if o.Meta["status"] != string(event.StatusSent) {
			continue
		}
		id, err := store.ParseDocument(o.Name)
		if err != nil {
			return nil, err
		}
		r, err := document.Load(ctx, s.State, id)
		if err != nil {
			return nil, err
		}
		envelopes[dispatch.ChainFor(id).Envelope(r.Envelope)] = true
	}
	return envelopes, nil
}

// lookAtAll counts the envelopes that stay without verdict.
func (s *service) lookAtAll(ctx context.Context, envelopes map[store.EnvelopeID]bool) (int, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(looksAtOnce)
	pending := make(chan bool, len(envelopes))
	for id := range envelopes {
		g.Go(func() error {
			decided, err := s.look(ctx, id)
			if !decided {
				pending <- true
			}
			return s.overlook(ctx, id, err)
		})
	}
	err := g.Wait()
	return len(pending), err
}
