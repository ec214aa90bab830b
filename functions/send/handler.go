package send

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"timbre/shared/access"
	"timbre/shared/dispatch"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/problem"
	"timbre/shared/serve"
	"timbre/shared/store"
)

const (
	// maxFlush bounds the body of a flush.
	maxFlush = 4 << 10
	// maxDue bounds the due entries of a tick.
	maxDue = 100
	// chainsAtOnce bounds the chains that a tick runs at a time.
	chainsAtOnce = 8
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
	h.mux.Handle("POST "+serve.PushPath, d.Guard.Internal(serve.Push(d.Logger, h.push)))
	h.mux.Handle("POST "+serve.TickPath, d.Guard.Internal(http.HandlerFunc(h.tick)))
	h.mux.Handle("POST /v1/outbox:flush", d.Guard.Require(access.Admin, http.HandlerFunc(h.flush)))
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// push runs the chain of a signed document. An upload that has begun is not broken off when the caller
// goes away: its answer would be lost.
func (h *Handler) push(ctx context.Context, topic event.Topic, message json.RawMessage, _ int) error {
	var signed event.Signed
	if err := json.Unmarshal(message, &signed); err != nil {
		return serve.Permanent(fmt.Errorf("decode %s: %w", topic, err))
	}
	if topic != event.DTESigned || !signed.Env.Valid() || signed.RUT.IsZero() || !signed.Type.Valid() {
		return serve.Permanent(fmt.Errorf("%s names no document of ours", topic))
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	return h.wake(ctx, dispatch.ChainFor(signed.DocumentID))
}

// tick looks at what is due and at each chain whose outbox is not empty. Unlike serve.Tick it lets ticks
// overlap: each waits only for the chains that it runs itself, so that a slow one holds up no other.
func (h *Handler) tick(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := detach(r.Context())
	defer cancel()
	if err := h.lookAround(ctx); err != nil {
		problem.Write(w, r, err, h.Logger)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// lookAround does what is due. One chain's trouble is not another's.
func (h *Handler) lookAround(ctx context.Context) error {
	entries, dueErr := due.List(ctx, h.State, h.Now(), dispatch.Send, maxDue)
	chains, chainErr := dispatch.Waiting(ctx, h.State)
	work := make([]func() error, 0, len(entries)+len(chains))
	for _, e := range entries {
		work = append(work, func() error { return h.recoverDue(ctx, e) })
	}
	for _, c := range chains {
		work = append(work, func() error { return errors.Join(h.wake(ctx, c), h.watch(ctx, c)) })
	}
	failed := make([]error, len(work))
	var g errgroup.Group
	g.SetLimit(chainsAtOnce)
	for i, do := range work {
		g.Go(func() error {
			failed[i] = do()
			return nil
		})
	}
	_ = g.Wait() // the errors are in failed
	return errors.Join(append(failed, dueErr, chainErr)...)
}

// detach keeps the deadline of a context and drops its cancellation.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	free := context.WithoutCancel(ctx)
	if deadline, limited := ctx.Deadline(); limited {
		return context.WithDeadline(free, deadline)
	}
	return context.WithCancel(free)
}

// flush lifts the company's blocks and runs its chains.
func (h *Handler) flush(w http.ResponseWriter, r *http.Request) {
	answer, err := h.flushed(w, r)
	if err != nil {
		problem.Write(w, r, err, h.Logger)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		h.Logger.WarnContext(r.Context(), "answer not written", "error", err)
	}
}

func (h *Handler) flushed(w http.ResponseWriter, r *http.Request) (FlushAnswer, error) {
	var request FlushRequest
	if r.ContentLength != 0 {
		if err := serve.ReadJSON(w, r, maxFlush, &request); err != nil {
			return FlushAnswer{}, err
		}
	}
	caller := access.From(r.Context())
	if !request.Company.IsZero() {
		if err := caller.Check(request.Company, access.Admin); err != nil {
			return FlushAnswer{}, err
		}
	}
	ctx, cancel := detach(r.Context())
	defer cancel()
	chains, err := dispatch.Waiting(ctx, h.State)
	if err != nil {
		return FlushAnswer{}, err
	}
	answer := FlushAnswer{Chains: []ChainState{}}
	for _, c := range chains {
		if !caller.MayAct(c.RUT, access.Admin) || !request.Company.IsZero() && request.Company != c.RUT {
			continue
		}
		state, err := h.release(ctx, c)
		if err != nil {
			return answer, err
		}
		answer.Chains = append(answer.Chains, state)
	}
	return answer, nil
}

// Checks are what the function needs to do its work.
func (h *Handler) Checks() []serve.Check {
	return []serve.Check{
		{Name: "state-bucket", Probe: func(ctx context.Context) error {
			_, err := h.State.Prefixes(ctx, store.OutboxRoot)
			return err
		}},
		{Name: "archive-bucket", Probe: func(ctx context.Context) error {
			_, err := h.Archive.Prefixes(ctx, "envelopes/")
			return err
		}},
	}
}
