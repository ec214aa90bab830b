package generatesign

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"timbre/shared/dte"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/store"
)

// orphan looks, before a request is refused, for a claim of its key that no request names: a process died after
// the order was found good, and the sweeper will issue it. What has changed since then (a dated rule, the
// certificate, the CAF) must not have the caller read that nothing was issued, so the order goes on now.
func (s *service) orphan(ctx context.Context, b folio.Bound, r *documentRequest, refusal error) (folio.Bound, error) {
	kind, known := typeOf(r.Document)
	if !known || problem.BodyOf(refusal, "").Status >= http.StatusInternalServerError {
		return b, refusal
	}
	b.Type = kind
	authorized, err := s.authorized(ctx, b.Series)
	if err != nil {
		return b, unavailable(err)
	}
	found, err := s.ledger.Orphan(ctx, b.Series, b.Key, authorized)
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, store.ErrNotFound):
		return b, refusal
	}
	return b, unavailable(err)
}

// typeOf is the type of a document that may be faulty otherwise.
func typeOf(document json.RawMessage) (dte.Type, bool) {
	var d struct {
		Encabezado struct {
			IdDoc struct{ TipoDTE json.RawMessage } //nolint:revive // the SII's name
		}
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return 0, false
	}
	t, err := dte.ParseType(trimQuotes(string(d.Encabezado.IdDoc.TipoDTE)))
	return t, err == nil
}
