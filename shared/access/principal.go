package access

import (
	"context"
	"fmt"
	"slices"

	"timbre/shared/problem"
	"timbre/shared/rut"
)

// Scope is what a credential may do.
type Scope string

// The scopes of API.md.
const (
	Issue   Scope = "issue"
	Read    Scope = "read"
	Receive Scope = "receive"
	Admin   Scope = "admin"
)

// Scopes lists all of them.
func Scopes() []Scope { return []Scope{Issue, Read, Receive, Admin} }

// Valid tells whether s is one of Scopes.
func (s Scope) Valid() bool { return slices.Contains(Scopes(), s) }

// Principal is an authenticated caller.
type Principal struct {
	// ID names the credential in logs: the API key's id, "bootstrap", or "id-token".
	ID     string
	RUTs   []rut.RUT
	Scopes []Scope
	// Bootstrap may act for every company.
	Bootstrap bool
	// Email is that of an ID token, "" for API keys.
	Email string
}

// MayAct tells whether the principal has a scope for a company.
func (p Principal) MayAct(r rut.RUT, s Scope) bool {
	return p.Bootstrap || slices.Contains(p.Scopes, s) && slices.Contains(p.RUTs, r)
}

// Check is MayAct as an error: Forbidden, whether or not the company exists.
func (p Principal) Check(r rut.RUT, s Scope) error {
	if p.MayAct(r, s) {
		return nil
	}
	return problem.Wrap(problem.Forbidden, "", fmt.Errorf("access: credential %s may not %s for this company", p.ID, s))
}

// has tells whether the principal has a scope for any company.
func (p Principal) has(s Scope) bool { return p.Bootstrap || slices.Contains(p.Scopes, s) }

type principalKey struct{}

// From gives the caller whom Require let in; the zero Principal, who may do nothing, elsewhere.
func From(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// With is the context of a caller; Require makes it, tests may.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}
