package onboard

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"
	_ "time/tzdata" // scratch images have no zones

	"timbre/shared/access"
	"timbre/shared/alert"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/mailbox"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// maxJSON bounds the bodies of this function; the largest is a PFX in base64.
const maxJSON = 256 << 10

// Deps are what the function works with; all are required.
type Deps struct {
	State, Archive *store.Bucket
	Secrets        company.Secrets
	SIIKeys        caf.Keys
	Keys           *access.Keys
	Guard          *access.Guard
	Events         event.Publisher
	Logger         *slog.Logger
	Now            func() time.Time

	// SII asks in the name of a certificate's owner, SIIDate for the time at the SII.
	SII     func(store.Environment, *cert.Identity) Inquirer
	SIIDate func(context.Context, store.Environment) (time.Time, error)
	// Dial connects to mail servers that tenants name.
	Dial mailbox.Dialer
}

func (d Deps) complete() bool {
	return d.State != nil && d.Archive != nil && d.Secrets != nil && d.SIIKeys != nil && d.Keys != nil && d.Guard != nil &&
		d.Events != nil && d.Logger != nil && d.Now != nil && d.SII != nil && d.SIIDate != nil && d.Dial != nil
}

// Handler is the HTTP edge of the function.
type Handler struct {
	service *service
	logger  *slog.Logger
	routes  *serve.Mux
}

// New wires the routes.
func New(cfg Config, d Deps) (*Handler, error) {
	if !d.complete() {
		return nil, errors.New("onboard: a dependency is missing")
	}
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("load Chile's time zone: %w", err)
	}
	h := &Handler{service: newService(cfg, d, chile), logger: d.Logger, routes: serve.NewMux(d.Logger)}
	h.route(d.Guard)
	return h, nil
}

func newService(cfg Config, d Deps, chile *time.Location) *service {
	return &service{
		state: d.State, archive: d.Archive, secrets: d.Secrets, vault: company.NewVault(d.Secrets, d.SIIKeys), siiKeys: d.SIIKeys,
		keys: d.Keys, ledger: folio.New(d.State, d.Logger, d.Now, folio.Options{}), log: d.Logger, chile: chile, now: d.Now,
		alerts: &alert.Raiser{State: d.State, Events: d.Events, Now: d.Now, Chile: chile, Logger: d.Logger},
		doctor: doctor{
			sii: d.SII, clock: d.SIIDate, dial: d.Dial,
			mail: mailbox.NewReader(d.Dial, mailbox.Options{Timeout: mailTimeout, Retries: -1}),
		},
		plainWebhooks: cfg.AllowPrivateHosts,
		lookEvery:     cmp.Or(cfg.LookEvery, 6*time.Hour),
	}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }

// Checks are what the function needs for its work.
func (h *Handler) Checks() []serve.Check {
	s := h.service
	return []serve.Check{
		{Name: "state-bucket", Probe: func(ctx context.Context) error { return probeBucket(ctx, s.state) }},
		{Name: "archive-bucket", Probe: func(ctx context.Context) error { return probeBucket(ctx, s.archive) }},
	}
}

func probeBucket(ctx context.Context, b *store.Bucket) error {
	_, err := b.Prefixes(ctx, store.CompanyPrefix)
	return err
}

func (h *Handler) route(guard *access.Guard) {
	routes := []struct {
		pattern string
		scope   access.Scope
		do      action
	}{
		{"PUT /v1/companies/{rut}", access.Admin, h.putCompany},
		{"GET /v1/companies/{rut}", access.Read, h.getCompany},
		{"DELETE /v1/companies/{rut}", access.Admin, h.deleteCompany},
		{"PUT /v1/companies/{rut}/certificate", access.Admin, h.putCertificate},
		{"POST /v1/companies/{rut}/certificate:promote", access.Admin, h.promoteCertificate},
		{"PUT /v1/companies/{rut}/secrets", access.Admin, h.putSecrets},
		{"POST /v1/companies/{rut}/webhook:rotate", access.Admin, h.rotateWebhook},
		{"POST /v1/companies/{rut}/cafs", access.Admin, h.postCAF},
		{"GET /v1/companies/{rut}/folios", access.Read, h.getFolios},
		{"POST /v1/companies/{rut}/folios:void", access.Admin, h.voidFolios},
		{"POST /v1/companies/{rut}/:check", access.Admin, h.check},
		{"GET /v1/companies/{rut}/export", access.Admin, h.export},
		{"POST /v1/companies/{rut}/keys", access.Admin, h.postKey},
		{"GET /v1/companies/{rut}/keys", access.Read, h.getKeys},
		{"DELETE /v1/companies/{rut}/keys/{id}", access.Admin, h.deleteKey},
	}
	for _, r := range routes {
		h.routes.Handle(r.pattern, guard.Require(r.scope, h.edge(r.scope, r.do)))
	}
	h.routes.Handle("POST "+serve.TickPath, guard.Internal(serve.Tick(h.logger, h.service.tick)))
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

// deleteCompany is for whom alone may create one.
func (h *Handler) deleteCompany(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	if !access.From(r.Context()).Bootstrap {
		return problem.Wrap(problem.Forbidden, "", errors.New("onboard: only the bootstrap key deletes companies"))
	}
	waiting, err := h.service.leave(r.Context(), of)
	if err != nil {
		return err
	}
	if waiting == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(waiting.After.Sub(h.service.now()).Seconds()))))
	return h.answer(w, http.StatusAccepted, waiting)
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

func (h *Handler) promoteCertificate(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	answer, err := h.service.promote(r.Context(), of, environment(r))
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, answer)
}

func (h *Handler) putSecrets(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	var request secretsRequest
	if err := serve.ReadJSON(w, r, maxJSON, &request); err != nil {
		return err
	}
	answer, err := h.service.putSecrets(r.Context(), of, &request)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, answer)
}

func (h *Handler) rotateWebhook(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	answer, err := h.service.rotateWebhook(r.Context(), of)
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

func (h *Handler) voidFolios(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	var request voidRequest
	if err := serve.ReadJSON(w, r, maxJSON, &request); err != nil {
		return err
	}
	answer, err := h.service.void(r.Context(), of, environment(r), &request)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, answer)
}

func (h *Handler) check(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	answer, err := h.service.examine(r.Context(), of, environment(r))
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, answer)
}

func (h *Handler) export(w http.ResponseWriter, r *http.Request, of rut.RUT) error {
	query := r.URL.Query()
	x, err := h.service.prepareExport(r.Context(), access.From(r.Context()), of, environment(r), query.Get("from"), query.Get("to"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="timbre-%s-%s.zip"`, of, x.company.Env))
	if err := x.write(r.Context(), w); err != nil { // the answer has begun
		h.logger.ErrorContext(r.Context(), "export broken off", "error", err)
	}
	return nil
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
