package pollstatus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"timbre/shared/access"
	"timbre/shared/dispatch"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/serve"
	"timbre/shared/store"
)

const (
	// maxDue bounds the due entries of a tick.
	maxDue = 200
	// looksAtOnce bounds the envelopes that are asked for at a time; the SII publishes no limit.
	looksAtOnce = 4
)

// Guard verifies callers.
type Guard interface {
	Require(s access.Scope, next http.Handler) http.Handler
	Internal(next http.Handler) http.Handler
}

// Handler is the function's HTTP edge.
type Handler struct {
	*service
	mux       *serve.Mux
	refreshed throttle
}

// New makes the function.
func New(cfg Config, d Deps) (*Handler, error) {
	s, err := newService(cfg, d)
	if err != nil {
		return nil, err
	}
	h := &Handler{service: s, mux: serve.NewMux(d.Logger), refreshed: throttle{now: d.Now}}
	h.mux.Handle("POST "+serve.PushPath, d.Guard.Internal(serve.Push(d.Logger, h.push)))
	h.mux.Handle("POST "+serve.TickPath, d.Guard.Internal(serve.Tick(d.Logger, h.tick)))
	h.route(access.Read, "GET /v1/documents/{company}", h.list)
	h.route(access.Read, "GET /v1/documents/{company}/{type}/{folio}", h.show)
	h.route(access.Read, "GET /v1/documents/{company}/{type}/{folio}/xml", h.xml)
	h.route(access.Read, "GET /v1/documents/{company}/{type}/{folio}/envelope", h.envelope)
	h.route(access.Read, "GET /v1/documents/{company}/{type}/{folio}/evidence", h.evidence)
	h.route(access.Read, "GET /v1/events", h.events)
	h.route(access.Admin, "POST /v1/status:sweep", h.sweep)
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// route adds a public path.
func (h *Handler) route(scope access.Scope, pattern string, do func(http.ResponseWriter, *http.Request) (serve.Reply, error)) {
	h.mux.Handle(pattern, h.Guard.Require(scope, serve.Answer(h.Logger, do)))
}

// push follows an envelope that was just uploaded.
func (h *Handler) push(ctx context.Context, topic event.Topic, message json.RawMessage, _ int) error {
	var sent event.Sent
	if err := json.Unmarshal(message, &sent); err != nil {
		return serve.Permanent(fmt.Errorf("decode %s: %w", topic, err))
	}
	if topic != event.DTESent || !sent.Env.Valid() || sent.RUT.IsZero() || sent.Number < 1 {
		return serve.Permanent(fmt.Errorf("%s names no envelope of ours", topic))
	}
	err := h.follow(ctx, sent.EnvelopeID)
	if errors.Is(err, store.ErrNotFound) {
		return serve.Permanent(err)
	}
	return err
}

// tick looks at what is due: at the SII, then for mails. One envelope's trouble is not another's.
func (h *Handler) tick(ctx context.Context, _ time.Time) error {
	entries, err := due.List(ctx, h.State, h.Now(), dispatch.PollStatus, maxDue)
	if err != nil {
		return err
	}
	var looks, mails []due.Entry
	for _, e := range entries {
		if e.Parts[0] == reasonsOf {
			mails = append(mails, e)
		} else {
			looks = append(looks, e)
		}
	}
	return errors.Join(eachEntry(ctx, looks, h.lookDue), h.lookForMails(ctx, mails))
}

// mailTime bounds the part of a tick that waits for mail servers; what it does not come to stays due.
const mailTime = 30 * time.Second

func (h *Handler) lookForMails(ctx context.Context, entries []due.Entry) error {
	enough := time.Now().Add(mailTime)
	return eachEntry(ctx, entries, func(ctx context.Context, e due.Entry) error {
		if time.Now().After(enough) {
			return nil
		}
		return h.reasonsDue(ctx, e)
	})
}

// eachEntry calls do for all entries, some at a time.
func eachEntry(ctx context.Context, entries []due.Entry, do func(context.Context, due.Entry) error) error {
	failed := make([]error, len(entries))
	var g errgroup.Group
	g.SetLimit(looksAtOnce)
	for i, e := range entries {
		g.Go(func() error {
			failed[i] = do(ctx, e)
			return nil
		})
	}
	_ = g.Wait() // the errors are in failed
	return errors.Join(failed...)
}

// Checks are what the function needs to do its work.
func (h *Handler) Checks() []serve.Check {
	return []serve.Check{
		{Name: "state-bucket", Probe: func(ctx context.Context) error {
			_, err := h.State.Prefixes(ctx, store.CompanyPrefix)
			return err
		}},
		{Name: "archive-bucket", Probe: func(ctx context.Context) error {
			_, err := h.Archive.Prefixes(ctx, "dte/")
			return err
		}},
	}
}
