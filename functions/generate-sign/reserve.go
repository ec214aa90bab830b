package generatesign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// maxReserve bounds the body of a reservation.
const maxReserve = 4 << 10

// postReserve keeps a folio for a key whose document is not ready (POST /v1/folios:reserve).
func (h *Handler) postReserve(w http.ResponseWriter, r *http.Request) error {
	var request reserveRequest
	if err := serve.ReadJSON(w, r, maxReserve, &request); err != nil {
		return err
	}
	if err := allowed(r.Context(), request.Company); err != nil {
		return err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	kept, replay, err := h.service.reserve(r.Context(), key, request)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if replay {
		w.Header().Set("Idempotent-Replayed", "true")
		status = http.StatusOK
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(reserveAnswer{
		Company: kept.RUT.String(), Type: int(kept.Type), Folio: kept.Folio, ExpiresAt: kept.Expires.In(h.service.chile).Format(time.RFC3339),
	})
}

// reserve tells the folio kept for the key, and whether it was kept before.
func (s *service) reserve(ctx context.Context, key string, r reserveRequest) (folio.Reservation, bool, error) {
	t := dte.Type(r.Type)
	if !t.Valid() {
		return folio.Reservation{}, false, problem.Invalid(problem.InvalidRequest, []problem.Field{{
			Path: "type", Code: "unknown-type", Detail: "type debe ser un tipo de documento electrónico: 33, 34, 61…",
		}})
	}
	c, who, err := s.company(ctx, r.Company)
	if err != nil {
		return folio.Reservation{}, false, err
	}
	requestKey := store.KeyOf(key)
	leave, err := s.turns.enter(ctx, turn{who, requestKey})
	if err != nil {
		return folio.Reservation{}, false, err
	}
	defer leave()
	ranges, err := s.reservable(c.In(who.Env), t)
	if err != nil {
		return folio.Reservation{}, false, err
	}
	_, err = s.ledger.Find(ctx, who, requestKey)
	replay := !errors.Is(err, store.ErrNotFound)
	wish := folio.Wish{Series: store.Series{Company: who, Type: t}, Key: requestKey, Ranges: ranges}
	kept, err := s.ledger.Reserve(ctx, wish, s.now().Add(s.reserveFor).Truncate(time.Second))
	if err != nil {
		return kept, replay, folioProblem(err, &prepared{ranges: ranges})
	}
	return kept, replay, s.keepReservation(ctx, kept, requestKey)
}

// reservable are the folios that may still be used when the reservation ends.
func (s *service) reservable(block *company.Block, t dte.Type) ([]folio.Range, error) {
	last := s.now().Add(s.reserveFor).In(s.chile).Format(time.DateOnly)
	all := block.CAFsOf(t)
	var ranges []folio.Range
	for _, f := range all {
		if !f.ExpiredOn(last) {
			ranges = append(ranges, rangeOf(f))
		}
	}
	switch {
	case len(ranges) > 0:
		return ranges, nil
	case len(all) > 0:
		return nil, problem.New(problem.CAFExpired, "")
	}
	return nil, problem.New(problem.CAFMissing, fmt.Sprintf("La empresa no tiene un CAF de tipo %s en este ambiente. Cárguelo.", t))
}
