package pollstatus

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/store"
)

// refreshEvery is how often a caller may have the SII asked for one document.
const refreshEvery = 10 * time.Second

// show answers a document in its present state; ?refresh=true asks the SII first.
func (h *Handler) show(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	record, err := h.record(r)
	if err != nil {
		return serve.Reply{}, err
	}
	if r.URL.Query().Get("refresh") == "true" {
		if record, err = h.refresh(r.Context(), record); err != nil {
			return serve.Reply{}, err
		}
	}
	view, err := record.View(h.chile)
	if err != nil {
		return serve.Reply{}, err
	}
	return serve.JSON(view)
}

// refresh looks at the document's envelope now; an SII that does not answer leaves what is known.
func (h *Handler) refresh(ctx context.Context, r document.Record) (document.Record, error) {
	if r.Envelope == 0 || r.Status.Final() || !h.refreshed.allow(r.DocumentID) {
		return r, nil
	}
	id := dispatch.ChainFor(r.DocumentID).Envelope(r.Envelope)
	_, err := h.look(ctx, id)
	if err := h.overlook(ctx, id, err); err != nil {
		return r, err
	}
	return document.Load(ctx, h.State, r.DocumentID)
}

// xml answers the signed bytes.
func (h *Handler) xml(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	record, err := h.record(r)
	if err != nil {
		return serve.Reply{}, err
	}
	return h.archived(r.Context(), store.SignedDTE(record.DocumentID, record.Version))
}

// envelope answers the envelope as uploaded.
func (h *Handler) envelope(_ http.ResponseWriter, r *http.Request) (serve.Reply, error) {
	record, err := h.record(r)
	if err != nil {
		return serve.Reply{}, err
	}
	if record.Envelope == 0 {
		return serve.Reply{}, problem.New(problem.NotFound, "El documento aún no va en un envío.")
	}
	return h.archived(r.Context(), store.SentEnvelope(dispatch.ChainFor(record.DocumentID).Envelope(record.Envelope)))
}

func (h *Handler) archived(ctx context.Context, name store.Name) (serve.Reply, error) {
	o, err := h.Archive.Read(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return serve.Reply{}, problem.Wrap(problem.NotFound, "", err)
	}
	return serve.Reply{ContentType: "application/xml; charset=ISO-8859-1", Body: o.Data}, err
}

// record reads the document that a path names, for a caller who may.
func (h *Handler) record(r *http.Request) (document.Record, error) {
	c, err := h.company(r, r.PathValue("company"))
	if err != nil {
		return document.Record{}, err
	}
	t, typeErr := dte.ParseType(r.PathValue("type"))
	folio, folioErr := strconv.ParseInt(r.PathValue("folio"), 10, 64)
	if typeErr != nil || folioErr != nil || folio < 1 {
		return document.Record{}, problem.New(problem.NotFound, "")
	}
	id := store.DocumentID{Series: store.Series{Company: c, Type: t}, Folio: folio}
	record, err := document.Load(r.Context(), h.State, id)
	if errors.Is(err, store.ErrNotFound) {
		return record, problem.Wrap(problem.NotFound, "El documento no existe.", err)
	}
	return record, err
}

// company is the one of a RUT, in the environment that the query names or its active one.
func (h *Handler) company(r *http.Request, text string) (store.Company, error) {
	number, err := rut.Parse(text)
	if err != nil {
		return store.Company{}, problem.Wrap(problem.InvalidParameter, "El RUT de la empresa no es válido.", err)
	}
	if err := access.From(r.Context()).Check(number, access.Read); err != nil {
		return store.Company{}, err
	}
	found, err := h.Companies.Load(r.Context(), number)
	if errors.Is(err, company.ErrUnknown) {
		return store.Company{}, problem.Wrap(problem.CompanyUnknown, "", err)
	}
	if err != nil {
		return store.Company{}, err
	}
	c := store.Company{Env: found.Active, RUT: number}
	if asked := r.URL.Query().Get("environment"); asked != "" {
		c.Env = store.Environment(asked)
	}
	if !c.Env.Valid() {
		return c, problem.New(problem.InvalidParameter, "environment debe ser certificacion o produccion.")
	}
	return c, nil
}

// throttle lets one refresh of a document through at a time.
type throttle struct {
	now  func() time.Time
	mu   sync.Mutex
	last map[store.DocumentID]time.Time
}

// maxThrottled bounds what is remembered; beyond it all is forgotten.
const maxThrottled = 10_000

func (t *throttle) allow(id store.DocumentID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if now.Sub(t.last[id]) < refreshEvery {
		return false
	}
	if t.last == nil || len(t.last) >= maxThrottled {
		t.last = map[store.DocumentID]time.Time{}
	}
	t.last[id] = now
	return true
}
