package downloadreceived

import (
	"context"
	"errors"
	"net/http"

	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// Guard verifies callers.
type Guard interface {
	Require(s access.Scope, next http.Handler) http.Handler
	Internal(next http.Handler) http.Handler
}

// Handler is the function's HTTP edge.
type Handler struct {
	*service
	mux *serve.Mux
}

// New makes the function.
func New(cfg Config, d Deps) (*Handler, error) {
	s, err := newService(cfg, d)
	if err != nil {
		return nil, err
	}
	h := &Handler{service: s, mux: serve.NewMux(d.Logger)}
	h.mux.Handle("POST "+serve.TickPath, d.Guard.Internal(serve.Tick(d.Logger, h.tick)))
	h.route(access.Receive, "POST /v1/received", h.post)
	h.route(access.Receive, "POST /v1/received:download", h.download)
	h.route(access.Read, "GET /v1/received", h.list)
	h.route(access.Read, "GET /v1/received/{company}/quarantine", h.quarantine)
	h.route(access.Read, "GET /v1/received/{company}/files", h.files)
	h.route(access.Read, "GET /v1/received/{company}/files/{sha256}", h.file)
	h.route(access.Read, "GET /v1/received/{company}/mails/{sha256}", h.mail)
	h.route(access.Read, "GET /v1/received/{company}/{issuer}/{type}/{folio}", h.show)
	h.route(access.Read, "GET /v1/received/{company}/{issuer}/{type}/{folio}/xml", h.xml)
	h.route(access.Read, "GET /api/dte/download/received", h.seed)
	if d.Claims != nil {
		h.route(access.Receive, "POST /v1/received/{company}/{issuer}/{type}/{folio}/response", h.response)
	}
	h.mailingRoutes()
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// route adds a public path.
func (h *Handler) route(scope access.Scope, pattern string, do func(http.ResponseWriter, *http.Request) (serve.Reply, error)) {
	h.mux.Handle(pattern, h.Guard.Require(scope, serve.Answer(h.Logger, do)))
}

// company is the one of a RUT, for a caller with the scope, in the environment that the query names or its
// active one.
func (h *Handler) company(r *http.Request, text string, scope access.Scope) (store.Company, error) {
	number, err := rut.Parse(text)
	if err != nil {
		return store.Company{}, problem.Wrap(problem.InvalidParameter, "El RUT de la empresa no es válido.", err)
	}
	c, _, err := h.companyOf(r.Context(), number, scope)
	if asked := r.URL.Query().Get("environment"); asked != "" && err == nil {
		c.Env = store.Environment(asked)
		if !c.Env.Valid() {
			err = problem.New(problem.InvalidParameter, "environment debe ser certificacion o produccion.")
		}
	}
	return c, err
}

// companyOf is a company in its active environment, for a caller with the scope.
func (h *Handler) companyOf(ctx context.Context, r rut.RUT, scope access.Scope) (store.Company, *company.Company, error) {
	if err := access.From(ctx).Check(r, scope); err != nil {
		return store.Company{}, nil, err
	}
	found, err := h.Companies.Load(ctx, r)
	if errors.Is(err, company.ErrUnknown) {
		return store.Company{}, nil, problem.Wrap(problem.CompanyUnknown, "", err)
	}
	if err != nil {
		return store.Company{}, nil, err
	}
	return store.Company{Env: found.Active, RUT: r}, found, nil
}

// Checks are what the function needs to do its work.
func (h *Handler) Checks() []serve.Check {
	return []serve.Check{
		{Name: "state-bucket", Probe: func(ctx context.Context) error {
			_, err := h.State.Prefixes(ctx, store.CompanyPrefix)
			return err
		}},
		{Name: "archive-bucket", Probe: func(ctx context.Context) error {
			_, err := h.Archive.Prefixes(ctx, "mail/")
			return err
		}},
	}
}
