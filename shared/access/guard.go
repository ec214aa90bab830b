package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"timbre/shared/problem"
	"timbre/shared/serve"
)

// maxCredential bounds a bearer credential; Google's ID tokens have about 1 kB.
const maxCredential = 8 << 10

// Guard lets callers in.
type Guard struct {
	settings settings
	keys     *Keys
	tokens   *tokens
	limits   *limiter
	logger   *slog.Logger
}

// New makes a guard of a function.
func New(ctx context.Context, c Config, keys *Keys, logger *slog.Logger) (*Guard, error) {
	s, err := c.read()
	if err != nil {
		return nil, err
	}
	t, err := newTokens(ctx, c.Audience, c.CertsURL)
	if err != nil {
		return nil, err
	}
	return &Guard{settings: s, keys: keys, tokens: t, limits: newLimiter(c.RatePerSecond, c.RateBurst, keys.now), logger: logger}, nil
}

// Require lets in callers of a public path who have the scope for some company; the handler asks
// From(ctx) for which.
func (g *Guard) Require(s Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := g.principal(r)
		if err == nil {
			err = g.admit(p, s)
		}
		if err != nil {
			problem.Write(w, r, err, g.logger)
			return
		}
		serve.Note(r.Context(), slog.String("credential", p.ID))
		next.ServeHTTP(w, r.WithContext(With(r.Context(), p)))
	})
}

// admit refuses a caller who asks too often or has not the scope.
func (g *Guard) admit(p Principal, s Scope) error {
	if p.Bootstrap {
		return nil
	}
	if wait := g.limits.take(p.ID + p.Email); wait > 0 {
		return &problem.Error{Code: problem.RateLimited, RetryAfter: wait}
	}
	if !p.has(s) {
		return problem.Wrap(problem.Forbidden, "", fmt.Errorf("access: credential %s may not %s", p.ID, s))
	}
	return nil
}

// Internal lets in the configured service accounts, by ID token only.
func (g *Guard) Internal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.serviceAccount(r); err != nil {
			problem.Write(w, r, err, g.logger)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *Guard) principal(r *http.Request) (Principal, error) {
	credential, err := bearer(r)
	if err != nil {
		return Principal{}, err
	}
	if g.isBootstrap(credential) {
		return Principal{ID: "bootstrap", Scopes: Scopes(), Bootstrap: true}, nil
	}
	if strings.HasPrefix(credential, KeyPrefix) {
		return g.byKey(r.Context(), credential)
	}
	email, err := g.email(r.Context(), credential)
	if err != nil {
		return Principal{}, err
	}
	p, known := g.settings.users[email]
	if !known {
		return Principal{}, unauthorized(errors.New("access: ID token of somebody who is not in USER_EMAILS"))
	}
	return p, nil
}

func (g *Guard) isBootstrap(credential string) bool {
	if g.settings.bootstrap == [sha256.Size]byte{} {
		return false
	}
	sum := sha256.Sum256([]byte(credential))
	return subtle.ConstantTimeCompare(sum[:], g.settings.bootstrap[:]) == 1
}

func (g *Guard) byKey(ctx context.Context, credential string) (Principal, error) {
	key, err := g.keys.find(ctx, credential)
	if err != nil {
		return Principal{}, unavailable(err)
	}
	if key == nil {
		return Principal{}, unauthorized(ErrNoKey)
	}
	return Principal{ID: key.ID, RUTs: key.RUTs, Scopes: key.Scopes}, nil
}

func (g *Guard) serviceAccount(r *http.Request) error {
	credential, err := bearer(r)
	if err != nil {
		return err
	}
	email, err := g.email(r.Context(), credential)
	if err != nil {
		return err
	}
	if !slices.Contains(g.settings.accounts, email) {
		return unauthorized(errors.New("access: ID token of somebody who is not in SERVICE_ACCOUNTS"))
	}
	return nil
}

func (g *Guard) email(ctx context.Context, token string) (string, error) {
	email, err := g.tokens.email(ctx, token)
	switch {
	case err == nil:
		return email, nil
	case errors.Is(err, errSignatureRemoved):
		g.logger.ErrorContext(ctx, "ID token without signature: turn Cloud Run's invoker IAM check off "+
			"(gcloud run services update SERVICE --no-invoker-iam-check), the function verifies callers itself")
		return "", unauthorized(err)
	case errors.Is(err, errToken):
		return "", unauthorized(err)
	}
	return "", unavailable(err)
}

// bearer reads the credential of the Authorization header.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", unauthorized(fmt.Errorf("access: %d Authorization headers", len(values)))
	}
	scheme, credential, _ := strings.Cut(values[0], " ")
	credential = strings.TrimSpace(credential)
	if !strings.EqualFold(scheme, "Bearer") || credential == "" || len(credential) > maxCredential {
		return "", unauthorized(errors.New("access: not a bearer credential"))
	}
	return credential, nil
}

func unauthorized(cause error) error { return problem.Wrap(problem.Unauthorized, "", cause) }

func unavailable(cause error) error {
	return &problem.Error{Code: problem.Unavailable, RetryAfter: time.Second, Cause: cause}
}
