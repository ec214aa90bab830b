package pollstatus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pollstatus "timbre/functions/poll-status"
	"timbre/shared/access"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dispatch"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	noon   = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	issuer = rut.MustParse("76192083-9")
	here   = store.Company{Env: store.Certificacion, RUT: issuer}
	chain  = dispatch.Chain{Company: here, Channel: store.DTE}
)

// rig is the function over buckets in memory, with a clock that stands still.
type rig struct {
	t              *testing.T
	memory         *store.Memory
	state, archive *store.Bucket
	events         *event.Memory
	sii            *fakeSII
	caller         access.Principal
	handler        *pollstatus.Handler

	mu  sync.Mutex
	now time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	archive := store.NewMemory()
	archive.Retained = true
	r := &rig{
		t: t, now: noon, memory: store.NewMemory(), archive: store.NewBucket(archive), events: &event.Memory{},
		sii: &fakeSII{tracks: map[string]string{}, counts: map[string][]sii.Count{}, documents: map[string]string{}},
	}
	r.state = store.NewBucket(r.memory)
	r.caller = access.Principal{RUTs: []rut.RUT{issuer}, Scopes: access.Scopes()}
	r.handler = r.instance(r.memory)
	c := company.Company{RUT: issuer, Active: store.Certificacion}
	if _, err := r.state.CreateJSON(t.Context(), store.CompanyConfig(issuer), c, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) instance(state store.Driver) *pollstatus.Handler {
	r.t.Helper()
	h, err := pollstatus.New(pollstatus.Config{PollFirst: time.Millisecond}, pollstatus.Deps{
		State: store.NewBucket(state), Archive: r.archive, Events: r.events, Guard: r,
		Companies: company.NewDirectory(r.state, r.clock), Identities: nobody{},
		SII:    func(store.Environment, *cert.Identity) pollstatus.Inquirer { return r.sii },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: r.clock,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return h
}

type nobody struct{}

// Identity implements pollstatus.Identities.
func (nobody) Identity(context.Context, *company.Certificate) (*cert.Identity, error) {
	return &cert.Identity{}, nil
}

// Require lets the rig's caller in.
func (r *rig) Require(_ access.Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		next.ServeHTTP(w, q.WithContext(access.With(q.Context(), r.caller)))
	})
}

// Internal lets everybody in.
func (r *rig) Internal(next http.Handler) http.Handler { return next }

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func id(kind dte.Type, folio int64) store.DocumentID {
	return store.DocumentID{Series: store.Series{Company: here, Type: kind}, Folio: folio}
}

// envelope puts an envelope where send leaves it when the SII has it.
func (r *rig) envelope(n int64, tracks []string, documents ...store.DocumentID) store.EnvelopeID {
	r.t.Helper()
	ctx := r.t.Context()
	p := dispatch.Plan{
		EnvelopeID: chain.Envelope(n), SignedAt: r.now, State: dispatch.Received, Tracks: tracks,
		Attempts: []dispatch.Attempt{{ID: "a", At: r.now, Ended: r.now, Result: dispatch.ResultReceived}},
	}
	for _, d := range documents {
		p.Documents = append(p.Documents, dispatch.Item{Type: d.Type, Folio: d.Folio, Version: 1})
		record := document.Record{
			DocumentID: d, Answer: fmt.Sprintf(`{"id":%q,"type":%d,"folio":%d}`, d, d.Type, d.Folio), Version: 1, Envelope: n,
			IssueDate: "2026-11-20", Receiver: rut.SII, Total: "1190", Status: event.StatusSending,
		}
		if err := document.Create(ctx, r.state, &record); err != nil {
			r.t.Fatal(err)
		}
		if _, err := r.archive.Create(ctx, store.SignedDTE(d, 1), r.signed(d), nil); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := dispatch.Create(ctx, r.state, &p); err != nil {
		r.t.Fatal(err)
	}
	desk := dispatch.Desk{
		State: r.state, Archive: r.archive, Events: r.events, Now: r.clock, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if err := desk.Received(ctx, &p); err != nil {
		r.t.Fatal(err)
	}
	return p.EnvelopeID
}

// signed is what stands for a signed document.
func (r *rig) signed(d store.DocumentID) []byte {
	return fmt.Appendf(nil, `<DTE><Documento/><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignatureValue>%s</SignatureValue></Signature></DTE>`, signature(d.Type, d.Folio))
}

func signature(kind dte.Type, folio int64) string {
	return fmt.Sprintf("signature of %d/%d", kind, folio)
}

// push delivers a dte-sent message.
func (r *rig) push(e store.EnvelopeID) {
	r.t.Helper()
	data, err := json.Marshal(event.Sent{EnvelopeID: e})
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"message": map[string]any{"data": data}})
	if err != nil {
		r.t.Fatal(err)
	}
	if w := call(r.handler, http.MethodPost, "/_push/dte-sent", string(body)); w.Code != http.StatusNoContent {
		r.t.Fatalf("push answered %d: %s", w.Code, w.Body)
	}
}

func (r *rig) tick() {
	r.t.Helper()
	if w := call(r.handler, http.MethodPost, "/_tick", ""); w.Code != http.StatusNoContent {
		r.t.Fatalf("tick answered %d: %s", w.Code, w.Body)
	}
}

func call(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	request := httptest.NewRequest(method, path, bytes.NewBufferString(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	h.ServeHTTP(w, request)
	return w
}

func (r *rig) record(d store.DocumentID) document.Record {
	r.t.Helper()
	record, err := document.Load(r.t.Context(), r.state, d)
	if err != nil {
		r.t.Fatal(err)
	}
	return record
}

func (r *rig) plan(n int64) *dispatch.Plan {
	r.t.Helper()
	p, err := dispatch.Load(r.t.Context(), r.state, chain.Envelope(n))
	if err != nil {
		r.t.Fatal(err)
	}
	return &p
}

func (r *rig) names(prefix string) []string {
	r.t.Helper()
	var all []string
	for o, err := range r.state.List(r.t.Context(), store.Query{Prefix: prefix}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if !strings.Contains(o.Name, "/notify/") { // changes of status that notify will tell of
			all = append(all, o.Name)
		}
	}
	return all
}

// due lists the entries of send and of poll-status.
func (r *rig) due() []string {
	r.t.Helper()
	return slices.DeleteFunc(r.names(store.DuePrefix), func(name string) bool {
		return !strings.Contains(name, "/send/") && !strings.Contains(name, "/poll-status/")
	})
}

// fakeSII answers by tables: the state of a track, its counts, the state of a document (33/1).
type fakeSII struct {
	mu        sync.Mutex
	tracks    map[string]string
	counts    map[string][]sii.Count
	details   []sii.Reviewed // as the boletas' service gives them
	documents map[string]string
	down      error
	mute      map[string]bool // documents that it says nothing about
	foreign   map[string]bool // documents with the data of ours and another signature
	unproven  bool            // it does not answer about signatures
	asked     []string
}

// EnvelopeState implements pollstatus.Inquirer.
func (f *fakeSII) EnvelopeState(_ context.Context, _ rut.RUT, track string) (sii.EnvelopeState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, track)
	state := f.tracks[track]
	return sii.EnvelopeState{State: state, Glosa: "glosa de " + state, Counts: f.counts[track], Details: f.details, Answer: "<" + state + ">"}, f.down
}

// DocumentState implements pollstatus.Inquirer.
func (f *fakeSII) DocumentState(_ context.Context, q sii.Question) (sii.DocumentState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := fmt.Sprintf("%d/%d", q.Type, q.Folio)
	f.asked = append(f.asked, name)
	if f.mute[name] {
		return sii.DocumentState{}, sii.ErrUnavailable
	}
	return sii.DocumentState{State: f.documents[name], Glosa: "glosa", Answer: "<" + f.documents[name] + ">"}, f.down
}

// ExactState implements pollstatus.Inquirer.
func (f *fakeSII) ExactState(_ context.Context, q sii.Question) (sii.DocumentState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := fmt.Sprintf("%d/%d", q.Type, q.Folio)
	switch {
	case f.unproven:
		return sii.DocumentState{}, sii.ErrUnavailable
	case f.foreign[name] || q.Signature != signature(q.Type, q.Folio):
		return sii.DocumentState{State: "DNK", Glosa: "otra firma", Answer: "<DNK>"}, f.down
	}
	return sii.DocumentState{State: f.documents[name], Glosa: "glosa", Answer: "<" + f.documents[name] + ">"}, f.down
}

// MailAgain implements pollstatus.Inquirer.
func (f *fakeSII) MailAgain(_ context.Context, _ rut.RUT, track string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, "mail "+track)
	return f.down
}

func (f *fakeSII) set(track, state string, counts ...sii.Count) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tracks[track], f.counts[track] = state, counts
}

// times counts the questions and forgets them.
func (f *fakeSII) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.asked)
	f.asked = nil
	return n
}
