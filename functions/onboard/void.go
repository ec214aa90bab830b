package onboard

import (
	"context"
	"errors"
	"fmt"

	"timbre/shared/company"
	"timbre/shared/dte"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	// maxVoid bounds the folios of one call: each costs a write.
	maxVoid   = 10_000
	maxReason = 200
)

// void declares folios unused for ever, in our books only: the SII is told of it by a person.
func (s *service) void(ctx context.Context, r rut.RUT, environment string, request *voidRequest) (voidAnswer, error) {
	if err := problem.Invalid(problem.InvalidRequest, request.validate()); err != nil {
		return voidAnswer{}, err
	}
	c, e, err := s.loadIn(ctx, r, environment)
	if err != nil {
		return voidAnswer{}, err
	}
	t := dte.Type(request.Type)
	if n := firstOutside(c.In(e).CAFsOf(t), request.From, request.To); n != 0 {
		return voidAnswer{}, problem.New(problem.FolioForeign, fmt.Sprintf("El folio %d no está en ningún CAF cargado de la empresa.", n))
	}
	series := store.Series{Company: store.Company{Env: e, RUT: r}, Type: t}
	// Half a range would serve nobody: it is finished even if the caller goes away.
	err = s.ledger.Void(context.WithoutCancel(ctx), series, request.From, request.To, request.Reason)
	var used *folio.UsedError
	if errors.As(err, &used) {
		return voidAnswer{}, problem.Wrap(problem.FolioUsed, fmt.Sprintf("El folio %d está en uso o reservado; no se anuló ninguno.", used.Folio), err)
	}
	if err != nil {
		return voidAnswer{}, err
	}
	err = s.keepVoid(context.WithoutCancel(ctx), series.Company, request)
	return voidAnswer{Company: r, Environment: e, Type: request.Type, From: request.From, To: request.To, Reason: request.Reason}, err
}

func (v *voidRequest) validate() []problem.Field {
	var f faults
	if !dte.Type(v.Type).Valid() {
		f.add("type", "invalid-value", "No es un tipo de documento.")
	}
	if v.From < 1 {
		f.add("from", "invalid-value", "El primer folio debe ser 1 o más.")
	}
	if v.To < v.From || v.To-v.From >= maxVoid {
		f.add("to", "invalid-value", "El último folio debe seguir al primero, con a lo más %d folios por llamada.", maxVoid)
	}
	f.text("reason", v.Reason, maxReason, true)
	return f.found
}

// firstOutside is the lowest folio of a range that no CAF lets us use, 0 if there is none. The CAFs are in
// the order of their folios; those below First belong to another system.
func firstOutside(cafs []company.CAF, from, to int64) int64 {
	for _, c := range cafs {
		if c.First <= from && from <= c.To {
			from = c.To + 1
		}
	}
	if from > to {
		return 0
	}
	return from
}
