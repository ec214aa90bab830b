package onboard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"timbre/shared/access"
	"timbre/shared/problem"
	"timbre/shared/rut"
)

const maxLabel = 100

// issueKey makes an API key that may do no more than the caller may.
func (s *service) issueKey(ctx context.Context, p access.Principal, r rut.RUT, request *keyRequest) (keyAnswer, error) {
	ruts, scopes, err := request.read(r)
	if err != nil {
		return keyAnswer{}, err
	}
	for _, of := range ruts {
		if err := p.Check(of, access.Admin); err != nil {
			return keyAnswer{}, err
		}
		for _, scope := range scopes {
			if err := p.Check(of, scope); err != nil {
				return keyAnswer{}, err
			}
		}
	}
	if _, err := s.load(ctx, r); err != nil {
		return keyAnswer{}, err
	}
	text, key, err := s.keys.Issue(ctx, ruts, scopes, request.Label)
	if err != nil {
		return keyAnswer{}, err
	}
	answer := presentKey(key)
	answer.Key = text
	return answer, nil
}

// read checks the request; without RUTs the key is of the company in the path.
func (k *keyRequest) read(of rut.RUT) ([]rut.RUT, []access.Scope, error) {
	var f faults
	ruts := []rut.RUT{}
	for i, text := range k.RUTs {
		r, err := rut.Parse(text)
		if err != nil {
			f.add(fmt.Sprintf("ruts[%d]", i), "invalid-rut", "No es un RUT válido; sólo la clave inicial vale para todas las empresas.")
		}
		ruts = append(ruts, r)
	}
	if len(ruts) == 0 {
		ruts = []rut.RUT{of}
	}
	var scopes []access.Scope
	for i, text := range k.Scopes {
		if scope := access.Scope(text); scope.Valid() {
			scopes = append(scopes, scope)
		} else {
			f.add(fmt.Sprintf("scopes[%d]", i), "invalid-value", "Los permisos son issue, read, receive y admin.")
		}
	}
	if len(k.Scopes) == 0 {
		f.add("scopes", "missing-field", "Indique al menos un permiso: issue, read, receive o admin.")
	}
	f.text("label", k.Label, maxLabel, false)
	slices.Sort(scopes)
	return ruts, slices.Compact(scopes), problem.Invalid(problem.InvalidRequest, f.found)
}

// listKeys shows the keys of a company; of their RUTs only those that the caller may see.
func (s *service) listKeys(ctx context.Context, p access.Principal, r rut.RUT) (keysAnswer, error) {
	if _, err := s.load(ctx, r); err != nil {
		return keysAnswer{}, err
	}
	keys, err := s.keys.List(ctx, r)
	if err != nil {
		return keysAnswer{}, err
	}
	answer := keysAnswer{Keys: []keyAnswer{}}
	for _, k := range keys {
		k.RUTs = slices.DeleteFunc(k.RUTs, func(of rut.RUT) bool { return !p.MayAct(of, access.Read) })
		answer.Keys = append(answer.Keys, presentKey(k))
	}
	return answer, nil
}

// revokeKey deletes a key of the company; one that also serves companies of others is not the caller's to delete.
func (s *service) revokeKey(ctx context.Context, p access.Principal, r rut.RUT, id string) error {
	err := s.keys.Revoke(ctx, id, func(k access.Key) error {
		if !slices.Contains(k.RUTs, r) {
			return access.ErrNoKey
		}
		for _, of := range k.RUTs {
			if err := p.Check(of, access.Admin); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, access.ErrNoKey) {
		return problem.Wrap(problem.NotFound, "La empresa no tiene una clave con ese identificador.", err)
	}
	return err
}
