package generatesign

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // scratch images have no zones

	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/document"
	"timbre/shared/event"
	"timbre/shared/folio"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

const (
	// maxDocument bounds the body of one order: 60 lines of 1,000 characters need a fraction of it.
	maxDocument = 1 << 20
	// maxWait is the longest Prefer: wait=N, in seconds.
	maxWait = 50
	// lookEvery is how often a waiting request looks for the track id.
	lookEvery = 250 * time.Millisecond
)

// Deps are what the function works with; all are required.
type Deps struct {
	State, Archive *store.Bucket
	Companies      *company.Directory
	Vault          *company.Vault
	Events         event.Publisher
	Guard          *access.Guard
	Logger         *slog.Logger
	Now            func() time.Time
}

// Handler is the HTTP edge of the function.
type Handler struct {
	service *service
	log     *slog.Logger
	routes  *serve.Mux
}

// New wires the routes.
func New(cfg Config, d Deps) (*Handler, error) {
	if d.State == nil || d.Archive == nil || d.Companies == nil || d.Vault == nil || d.Events == nil || d.Guard == nil || d.Logger == nil || d.Now == nil {
		return nil, errors.New("generate-sign: a dependency is missing")
	}
	chile, err := time.LoadLocation("America/Santiago")
	if err != nil {
		return nil, fmt.Errorf("load Chile's time zone: %w", err)
	}
	options := folio.Options{SweepAfter: cfg.SweepAfter, AnnounceEvery: cfg.SweepEvery, Grace: cfg.SweepGrace}
	h := &Handler{
		service: &service{
			state: d.State, archive: d.Archive, ledger: folio.New(d.State, d.Logger, d.Now, options),
			companies: d.Companies, vault: d.Vault, events: d.Events, log: d.Logger, now: d.Now, chile: chile,
			reserveFor: cmp.Or(cfg.ReserveFor, 24*time.Hour),
		},
		log: d.Logger, routes: serve.NewMux(d.Logger),
	}
	h.routes.Handle("POST /v1/documents", d.Guard.Require(access.Issue, h.edge(h.postDocument)))
	h.routes.Handle("POST /v1/batches", d.Guard.Require(access.Issue, h.edge(h.postBatch)))
	h.routes.Handle("POST /api/dte/generate", d.Guard.Require(access.Issue, http.HandlerFunc(h.postMove)))
	h.routes.Handle("POST /v1/folios:reserve", d.Guard.Require(access.Issue, h.edge(h.postReserve)))
	h.routes.Handle("POST "+serve.TickPath, d.Guard.Internal(serve.Tick(d.Logger, h.service.sweep)))
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }

// Checks are what the function needs for its work.
func (h *Handler) Checks() []serve.Check {
	probe := func(b *store.Bucket) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := b.Prefixes(ctx, store.CompanyPrefix)
			return err
		}
	}
	return []serve.Check{
		{Name: "state-bucket", Probe: probe(h.service.state)},
		{Name: "archive-bucket", Probe: probe(h.service.archive)},
	}
}

// edge answers the errors of a route as problem documents.
func (h *Handler) edge(do func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			problem.Write(w, r, err, h.log)
		}
	})
}

func (h *Handler) postDocument(w http.ResponseWriter, r *http.Request) error {
	request, hash, err := readDocument(w, r)
	if err != nil {
		return err
	}
	dry, err := dryRun(r)
	if err != nil {
		return err
	}
	if err := allowed(r.Context(), request.Company); err != nil {
		return err
	}
	if dry {
		return h.dryRun(w, r, request)
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	done, err := h.service.issue(r.Context(), key, hash, request)
	if err != nil {
		return err
	}
	serve.Note(r.Context(), slog.String("rut_emisor", done.RUT.String()), slog.Int("tipo_dte", int(done.Type)), slog.Int64("folio", done.Folio))
	return h.answer(w, r, done)
}

// answer writes the 201, or the 200 of a repeat; a caller that prefers to wait sees the present state.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, done issued) error {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Location", "/v1/documents/"+done.String())
	status := http.StatusCreated
	if done.replay {
		header.Set("Idempotent-Replayed", "true")
		status = http.StatusOK
	}
	body := done.answer
	if wait := preferredWait(r); wait > 0 && !done.replay {
		header.Set("Preference-Applied", "wait")
		var err error
		if body, err = h.awaitTrack(r.Context(), done, wait); err != nil {
			return err
		}
	}
	w.WriteHeader(status)
	_, err := w.Write(body)
	if err != nil {
		h.log.InfoContext(r.Context(), "the caller went away, the document stands", "error", err)
	}
	return nil
}

// awaitTrack waits until the SII has given a track id, a verdict is there, or the time is over.
func (h *Handler) awaitTrack(ctx context.Context, done issued, wait time.Duration) ([]byte, error) {
	deadline := time.Now().Add(wait)
	for {
		record, err := document.Load(ctx, h.service.state, done.DocumentID)
		if err != nil {
			return nil, unavailable(err)
		}
		over := record.Track() != "" || record.Status.Final() || record.Status == event.StatusBlocked
		if over || !time.Now().Add(lookEvery).Before(deadline) || ctx.Err() != nil {
			view, err := record.View(h.service.chile)
			if err != nil {
				return nil, err
			}
			return view.JSON()
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

func (h *Handler) dryRun(w http.ResponseWriter, r *http.Request, request *documentRequest) error {
	c, who, err := h.service.company(r.Context(), request.Company)
	if err != nil {
		return err
	}
	p, err := h.service.prepare(r.Context(), c, who, request)
	if err == nil && request.Replaces != nil {
		_, err = h.service.target(r.Context(), who, *request.Replaces, p, "")
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(dryRunAnswer{
		DryRun: true, Company: c.RUT.String(), Environment: string(who.Env), Type: int(p.order.Type()), IssueDate: p.order.IssueDate(),
		Reference: request.Reference, Totals: p.order.Totals(), Explain: p.order.Explain(), Warnings: p.content.Warnings,
	})
}

func readDocument(w http.ResponseWriter, r *http.Request) (*documentRequest, string, error) {
	if err := serve.CheckJSON(r); err != nil {
		return nil, "", err
	}
	body, err := serve.ReadBody(w, r, maxDocument)
	if err != nil {
		return nil, "", err
	}
	request := &documentRequest{}
	if err := serve.DecodeJSON(body, request); err != nil {
		return nil, "", err
	}
	hash, err := hashBody(body)
	return request, hash, err
}

func dryRun(r *http.Request) (bool, error) {
	text := r.URL.Query().Get("dry_run")
	if text == "" {
		return false, nil
	}
	dry, err := strconv.ParseBool(text)
	if err != nil {
		return false, problem.New(problem.InvalidParameter, "dry_run debe ser true o false.")
	}
	return dry, nil
}

// allowed refuses a company that the credential does not carry, known or not, before anything is looked up.
func allowed(ctx context.Context, text string) error {
	company, err := rut.Parse(text)
	if err != nil {
		return problem.Invalid(problem.InvalidRequest, []problem.Field{{
			Path: "company", Code: "invalid-rut", Detail: "company debe ser el RUT de la empresa, como 76192083-9.",
		}})
	}
	return access.From(ctx).Check(company, access.Issue)
}

func idempotencyKey(r *http.Request) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	return key, checkKey(key)
}

func checkKey(key string) error {
	if key == "" {
		return problem.New(problem.IdempotencyKeyMissing, "")
	}
	printable := strings.IndexFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) < 0
	if len(key) > 200 || !printable {
		return problem.New(problem.IdempotencyKeyInvalid, "")
	}
	return nil
}

// preferredWait reads Prefer: wait=N (RFC 7240), 0 if it is absent or unreadable, as the RFC wants.
func preferredWait(r *http.Request) time.Duration {
	for _, preference := range strings.FieldsFunc(r.Header.Get("Prefer"), func(c rune) bool { return c == ',' || c == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		seconds, err := strconv.Atoi(value)
		if strings.EqualFold(name, "wait") && err == nil && seconds > 0 {
			return time.Duration(min(seconds, maxWait)) * time.Second
		}
	}
	return 0
}
