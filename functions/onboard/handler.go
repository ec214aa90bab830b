package onboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	_ "time/tzdata" // scratch images have no zones

	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/company"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// maxJSON bounds the bodies of this function; the largest is a PFX in base64.
const maxJSON = 256 << 10

// Deps are what the function works with; all are required.
type Deps struct {
	State   *store.Bucket
	Secrets company.Secrets
	SIIKeys caf.Keys
	Keys    *access.Keys
	Guard   *access.Guard
	Logger  *slog.Logger
	Now     func() time.Time
}

// Handler is the HTTP edge of the function.
type Handler struct {
	service *service
	logger  *slog.Logger
	routes  *serve.Mux
}

// New wires the routes.
func New(d Deps) (*Handler, error) {
	if d.State == nil || d.Secrets == nil || d.SIIKeys == nil || d.Keys == nil || d.Guard == nil || d.Logger == nil || d.Now == nil {
		return nil, errors.New("onboard: a dependency is missing")
	}
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("load Chile's time zone: %w", err)
	}
	h := &Handler{
		service: &service{state: d.State, secrets: d.Secrets, siiKeys: d.SIIKeys, keys: d.Keys, chile: chile, now: d.Now},
		logger:  d.Logger,
		routes:  serve.NewMux(d.Logger),
	}
	h.route(d.Guard)
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }

// Checks are what the function needs for its work.
func (h *Handler) Checks() []serve.Check {
	return []serve.Check{{Name: "state-bucket", Probe: func(ctx context.Context) error {
		_, err := h.service.state.Prefixes(ctx, store.CompanyPrefix)
		return err
	}}}
}

func (h *Handler) route(guard *access.Guard) {
	routes := []struct {
		pattern string
		scope   access.Scope
		do      action
	}{
		{"PUT /v1/companies/{rut}", access.Admin, h.putCompany},
		{"GET /v1/companies/{rut}", access.Read, h.getCompany},
		{"PUT /v1/companies/{rut}/certificate", access.Admin, h.putCertificate},
		{"POST /v1/companies/{rut}/cafs", access.Admin, h.postCAF},
		{"GET /v1/companies/{rut}/folios", access.Read, h.getFolios},
		{"POST /v1/companies/{rut}/keys", access.Admin, h.postKey},
		{"GET /v1/companies/{rut}/keys", access.Read, h.getKeys},
		{"DELETE /v1/companies/{rut}/keys/{id}", access.Admin, h.deleteKey},
	}
	for _, r := range routes {
		h.routes.Handle(r.pattern, guard.Require(r.scope, h.edge(r.scope, r.do)))
	}
	h.routes.Handle("POST "+serve.TickPath, guard.Internal(serve.Tick(h.logger, func(context.Context, time.Time) error {
		return nil // nothing is due here so far
	})))
}

// action answers a request about a company, or gives the error to be answered.
type action func(w http.ResponseWriter, r *http.Request, company rut.RUT) error

// edge reads the company of the path and makes sure that the caller may act for it.
func (h *Handler) edge(scope access.Scope, do action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.act(w, r, scope, do); err != nil {
			problem.Write(w, r, err, h.logger)
		}
	})
}

func (h *Handler) act(w http.ResponseWriter, r *http.Request, scope access.Scope, do action) error {
	of, err := rut.Parse(r.PathValue("rut"))
	if err != nil {
		return problem.Wrap(problem.InvalidParameter, "El RUT de la empresa en la dirección no es válido.", err)
	}
	if err := access.From(r.Context()).Check(of, scope); err != nil {
		return err
	}
	serve.Note(r.Context(), slog.String("rut_emisor", of.String()))
	return do(w, r, of)
}

func (h *Handler) putCompany(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	var request companyRequest
	if err := serve.ReadJSON(w, r, maxJSON, &request); err != nil {
		return err
	}
	c, created, err := h.service.putCompany(r.Context(), of, &request, access.From(r.Context()).Bootstrap)
	if err != nil {
		return err
	}
	return h.answer(w, statusOf(created), presentCompany(&c))
}

func (h *Handler) getCompany(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	c, err := h.service.load(r.Context(), of)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, presentCompany(c))
}

func (h *Handler) putCertificate(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	var request certificateRequest
	if err := serve.ReadJSON(w, r, maxJSON, &request); err != nil {
		return err
	}
	answer, err := h.service.putCertificate(r.Context(), of, environment(r), &request)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, answer)
}

func (h *Handler) postCAF(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	file, err := serve.ReadBody(w, r, maxCAF)
	if err != nil {
		return err
	}
	answer, stored, err := h.service.addCAF(r.Context(), of, environment(r), r.URL.Query().Get("first"), file)
	if err != nil {
		return err
	}
	return h.answer(w, statusOf(stored), answer)
}

func (h *Handler) getFolios(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	answer, err := h.service.folios(r.Context(), of, environment(r))
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, answer)
}

func (h *Handler) postKey(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	var request keyRequest
	if err := serve.ReadJSON(w, r, maxJSON, &request); err != nil {
		return err
	}
	answer, err := h.service.issueKey(r.Context(), access.From(r.Context()), of, &request)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusCreated, answer)
}

func (h *Handler) getKeys(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	answer, err := h.service.listKeys(r.Context(), access.From(r.Context()), of)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, answer)
}

func (h *Handler) deleteKey(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	if err := h.service.revokeKey(r.Context(), access.From(r.Context()), of, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answer writes JSON that no cache on the way may keep: it may hold a key.
func (h *Handler) answer(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a caller that has gone away needs no answer
	return nil
}

func statusOf(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

func environment(r *http.Request) string { return r.URL.Query().Get("environment") }
