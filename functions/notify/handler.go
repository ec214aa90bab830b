package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/alert"
	"timbre/shared/document"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/serve"
	"timbre/shared/store"
)

const (
	// maxListed bounds the due entries that a tick reads, and maxEach those of one company that it does.
	maxListed = 20_000
	maxEach   = 500
	// companiesAtOnce and eachAtOnce bound what a tick does at a time.
	companiesAtOnce = 32
	eachAtOnce      = 8
	// tickBudget is when a tick begins nothing more of a company.
	tickBudget = 40 * time.Second
)

// Guard verifies callers.
type Guard interface {
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
	h.mux.Handle("POST "+serve.PushPath, d.Guard.Internal(serve.Push(d.Logger, h.push)))
	h.mux.Handle("POST "+serve.TickPath, d.Guard.Internal(serve.Tick(d.Logger, h.tick)))
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// push does at once what a due entry asks for; where there is none any more, nothing is left to be done.
func (h *Handler) push(ctx context.Context, topic event.Topic, message json.RawMessage, _ int) error {
	find, known := map[event.Topic]func(context.Context, json.RawMessage) (due.Entry, error){
		event.DTEStatus: h.changed, event.CompanyAlert: h.raised, event.DTEReceived: h.raised,
	}[topic]
	if !known {
		return serve.Permanent(fmt.Errorf("%s is not for notify", topic))
	}
	entry, err := find(ctx, message)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t, err := read(entry)
	if err != nil {
		return serve.Permanent(err)
	}
	return h.do(ctx, t, pushed)
}

// changed finds the entry that announced a change of a document's status.
func (h *Handler) changed(ctx context.Context, message json.RawMessage) (due.Entry, error) {
	var m event.StatusChanged
	if err := json.Unmarshal(message, &m); err != nil {
		return due.Entry{}, serve.Permanent(fmt.Errorf("decode a change: %w", err))
	}
	if !m.Env.Valid() || m.RUT.IsZero() || !m.Type.Valid() || m.Folio < 1 || m.Seq < 1 {
		return due.Entry{}, serve.Permanent(errors.New("message names no change of a document"))
	}
	r, err := document.Load(ctx, h.State, m.DocumentID)
	if err != nil {
		return due.Entry{}, err
	}
	entry, _, err := due.Find(ctx, h.State, r.NoticeDue(m.Seq), Name, document.NoticeParts(m.DocumentID, m.Seq)...)
	return entry, err
}

// raised finds the entry of an alert.
func (h *Handler) raised(ctx context.Context, message json.RawMessage) (due.Entry, error) {
	var m event.AlertRaised
	if err := json.Unmarshal(message, &m); err != nil {
		return due.Entry{}, serve.Permanent(fmt.Errorf("decode an alert: %w", err))
	}
	parts := alert.Parts(m.Company, m.ID)
	if _, _, err := alert.ParseParts(parts); err != nil {
		return due.Entry{}, serve.Permanent(err)
	}
	entry, _, err := due.Find(ctx, h.State, m.Due, Name, parts...)
	return entry, err
}

// tick does what is due, company by company. One's trouble is not another's.
func (h *Handler) tick(ctx context.Context, _ time.Time) error {
	entries, err := due.List(ctx, h.State, h.Now(), Name, maxListed)
	if err != nil {
		return err
	}
	tasks, err := byCompany(entries)
	failed := make(chan error, len(entries)+1)
	failed <- err
	var g errgroup.Group
	g.SetLimit(companiesAtOnce)
	for _, all := range tasks {
		g.Go(func() error {
			h.doEach(ctx, all, failed)
			return nil
		})
	}
	_ = g.Wait() // the errors are in failed
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// byCompany sorts entries; the error tells of those that are none of ours.
func byCompany(entries []due.Entry) (map[store.Company][]task, error) {
	tasks := map[store.Company][]task{}
	var strange error
	for _, e := range entries {
		t, err := read(e)
		if err != nil {
			strange = errors.Join(strange, err)
			continue
		}
		if len(tasks[t.company]) < maxEach {
			tasks[t.company] = append(tasks[t.company], t)
		}
	}
	return tasks, strange
}

// doEach does the tasks of a company, the oldest first, until its time is up.
func (h *Handler) doEach(ctx context.Context, tasks []task, failed chan<- error) {
	begin := time.Now()
	var g errgroup.Group
	g.SetLimit(eachAtOnce)
	for _, t := range tasks {
		if time.Since(begin) > tickBudget || ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := h.do(ctx, t, ticked); err != nil {
				failed <- err
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in failed
}

// Checks are what the function needs to do its work.
func (h *Handler) Checks() []serve.Check {
	return []serve.Check{
		{Name: "state-bucket", Probe: func(ctx context.Context) error {
			_, err := h.State.Prefixes(ctx, store.CompanyPrefix)
			return err
		}},
	}
}
