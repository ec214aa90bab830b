package notify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

	"timbre/functions/notify"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/journal"
	"timbre/shared/rut"
	"timbre/shared/store"
)

var (
	issuer = rut.MustParse("76192083-9")
	other  = rut.MustParse("96790240-3")
)

const (
	oldSecret = "whsec_old"
	newSecret = "whsec_new"
)

// rig is the world around instances of the function.
type rig struct {
	t       *testing.T
	memory  *store.Memory
	state   *store.Bucket
	events  *event.Memory
	secrets *company.MemorySecrets
	journal *journal.Journal

	mu  sync.Mutex
	now time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	memory := store.NewMemory()
	r := &rig{
		t: t, memory: memory, state: store.NewBucket(memory), events: &event.Memory{}, secrets: &company.MemorySecrets{},
		now: time.Date(2026, 11, 24, 15, 0, 7, 0, time.UTC),
	}
	r.journal = journal.New(r.state, event.Log)
	return r
}

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

// Internal lets everybody in.
func (r *rig) Internal(next http.Handler) http.Handler { return next }

// company registers a company with a webhook and its secrets, the newest first.
func (r *rig) company(of rut.RUT, url string, secrets ...string) {
	r.t.Helper()
	c := company.Company{RUT: of, Active: store.Certificacion, WebhookURL: url}
	for _, text := range secrets {
		version, err := r.secrets.Add(r.t.Context(), company.WebhookSecret(of), []byte(text))
		if err != nil {
			r.t.Fatal(err)
		}
		c.WebhookSecrets = append(c.WebhookSecrets, company.Secret{Name: company.WebhookSecret(of), Version: version})
	}
	name := store.CompanyConfig(of)
	_, err := r.state.CreateJSON(r.t.Context(), name, c, nil)
	if errors.Is(err, store.ErrExists) {
		_, err = store.Update(r.t.Context(), r.state, name, func(standing *company.Company) error {
			*standing = c
			return nil
		}, nil)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// instance is a process of the function with its own connection to the bucket.
func (r *rig) instance(d store.Driver) http.Handler {
	return r.configured(d, notify.Config{AllowPrivateHosts: true}, dial.New(dial.Options{AllowPrivate: true}))
}

func (r *rig) configured(d store.Driver, cfg notify.Config, dialer *dial.Dialer) http.Handler {
	r.t.Helper()
	h, err := notify.New(cfg, notify.Deps{
		State: store.NewBucket(d), Companies: company.NewDirectory(r.state, r.clock), Secrets: r.secrets,
		Dial: dialer.DialContext, Guard: r, Logger: slog.New(slog.DiscardHandler), Now: r.clock,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return h
}

func invoice(of rut.RUT, folio int64) store.DocumentID {
	return store.DocumentID{Series: store.Series{Company: store.Company{Env: store.Certificacion, RUT: of}, Type: dte.Factura}, Folio: folio}
}

// issue makes a document that was signed.
func (r *rig) issue(d store.DocumentID) {
	r.t.Helper()
	err := document.Create(r.t.Context(), r.state, &document.Record{
		DocumentID: d, Answer: fmt.Sprintf(`{"id":%q,"reference":"account.move,%d"}`, d, d.Folio), Version: 1,
		Status: event.StatusSigned, History: []document.Change{{At: r.clock(), Status: event.StatusSigned}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// become changes a document as send and poll-status do; the answer is the message that they publish.
func (r *rig) become(ctx context.Context, b *store.Bucket, d store.DocumentID, next event.Status) (event.StatusChanged, error) {
	changed, err := document.Update(ctx, b, d, func(c *document.Record) error {
		if next == event.StatusSent {
			c.AddTrack("0123456789")
		}
		if next.Final() {
			c.SII = &document.SII{EnvelopeState: "EPR", Glosa: "Envío Procesado", Details: []document.Detail{}}
		}
		return c.Become(next, r.clock(), "")
	})
	return event.StatusChanged{DocumentID: d, Seq: changed.Seq}, err
}

// changed is become that goes well.
func (r *rig) changed(d store.DocumentID, statuses ...event.Status) []event.StatusChanged {
	r.t.Helper()
	var all []event.StatusChanged
	for _, next := range statuses {
		m, err := r.become(r.t.Context(), r.state, d, next)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// push delivers a message.
func push(ctx context.Context, h http.Handler, topic event.Topic, message any) int {
	data, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	body, err := json.Marshal(map[string]any{"message": map[string]any{"data": data}, "deliveryAttempt": 1})
	if err != nil {
		panic(err)
	}
	return call(ctx, h, "/_push/"+string(topic), body)
}

func tick(ctx context.Context, h http.Handler) int { return call(ctx, h, "/_tick", nil) }

func call(ctx context.Context, h http.Handler, path string, body []byte) int {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer.Code
}

func (r *rig) pushed(h http.Handler, m event.StatusChanged) {
	r.t.Helper()
	if code := push(r.t.Context(), h, event.DTEStatus, m); code != http.StatusNoContent {
		r.t.Fatalf("push of %s, %d: %d", m.DocumentID, m.Seq, code)
	}
}

func (r *rig) ticked(h http.Handler) {
	r.t.Helper()
	if code := tick(r.t.Context(), h); code != http.StatusNoContent {
		r.t.Fatalf("tick: %d", code)
	}
}

// logged are the notices in the log of a company, whose numbers must have no gap.
func (r *rig) logged(of rut.RUT) []event.Notice {
	r.t.Helper()
	entries, err := r.journal.Read(r.t.Context(), store.Company{Env: store.Certificacion, RUT: of}, 0, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	all := make([]event.Notice, len(entries))
	for i, e := range entries {
		if err := json.Unmarshal(e.Body, &all[i]); err != nil {
			r.t.Fatal(err)
		}
	}
	return all
}

// loggedIDs are the ids in the log without what all have in common.
func (r *rig) loggedIDs(of rut.RUT) []string {
	r.t.Helper()
	var all []string
	for _, n := range r.logged(of) {
		all = append(all, short(n.ID))
	}
	return all
}

// short is an id without environment and company.
func short(id string) string { return strings.SplitN(id, ".", 3)[2] }

func (r *rig) names(prefix string) []string {
	r.t.Helper()
	var all []string
	for o, err := range r.state.List(r.t.Context(), store.Query{Prefix: prefix}) {
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, o.Name)
	}
	return all
}

// settled fails the test if anything is left to be done.
func (r *rig) settled() {
	r.t.Helper()
	if left := r.names(store.DuePrefix); len(left) > 0 {
		r.t.Errorf("due entries left: %v", left)
	}
}

// receiver is an ERP's webhook: it believes who knows its secret.
type receiver struct {
	*httptest.Server
	secret string

	mu     sync.Mutex
	status int // answered; 0 and 200 take the event
	posts  []post
	onPost func()
}

type post struct {
	notice event.Notice
	data   notify.StatusData
	at     string
}

func newReceiver(t *testing.T, secret string) *receiver {
	t.Helper()
	r := &receiver{secret: secret}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP takes a delivery whose signature is good.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	timestamp := q.Header.Get(notify.TimestampHeader)
	signatures := strings.Split(q.Header.Get(notify.SignatureHeader), ",")
	if err != nil || !slices.Contains(signatures, notify.Signature([]byte(r.secret), timestamp, body)) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var p post
	if err := json.Unmarshal(body, &p.notice); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if p.notice.Event == event.DocumentStatus {
		if err := json.Unmarshal(p.notice.Data, &p.data); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	p.at = timestamp
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.onPost != nil {
		r.onPost()
	}
	if r.status != 0 && r.status != http.StatusOK {
		w.WriteHeader(r.status)
		return
	}
	r.posts = append(r.posts, p)
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// took are the ids of the posts that were answered 200, in their order.
func (r *receiver) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, p := range r.posts {
		all = append(all, short(p.notice.ID))
	}
	return all
}

// serve runs a handler and tells its URL.
func serve(t *testing.T, tls bool, h http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.URL
}

func loadRecord(r *rig, d store.DocumentID) (document.Record, error) {
	return document.Load(r.t.Context(), r.state, d)
}
