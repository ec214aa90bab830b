package downloadreceived_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/supplier"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/mailbox"
	"timbre/shared/received"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
)

var (
	chile = time.FixedZone("-03", -3*60*60)
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, chile)
	buyer = rut.MustParse(authority.DefaultCompanies()[0].RUT)
	other = rut.MustParse(authority.DefaultCompanies()[1].RUT) // the supplier
	here  = store.Company{Env: store.Certificacion, RUT: buyer}
)

// world is the throw-away one of all tests: its supplier, the keys of its SII, who signs for the buyer.
type world struct {
	bot    *supplier.Bot
	office *supplier.Office
	keys   caf.Keys
	signer *cert.Identity
}

var theWorld = sync.OnceValues(func() (*world, error) {
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // all is read
	dir = filepath.Join(dir, "world")
	if err := authority.Make(dir, authority.Options{Now: noon, Types: []int{33}, Folios: 100_000}); err != nil {
		return nil, err
	}
	bot, err := supplier.New(dir, "b")
	if err != nil {
		return nil, err
	}
	office, err := supplier.NewOffice(dir, "b")
	if err != nil {
		return nil, err
	}
	keys, err := company.ReadSIIKeys(filepath.Join(dir, "sii"))
	if err != nil {
		return nil, err
	}
	pfx, err := os.ReadFile(filepath.Join(dir, "certs", "a-modern.pfx"))
	if err != nil {
		return nil, err
	}
	signer, err := cert.ReadPFX(pfx, authority.Password)
	return &world{bot, office, keys, signer}, err
})

func makeWorld(t *testing.T) *world {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// letters are those that were written: signing takes longer than all the rest of a test.
var letters sync.Map

// letter writes the mails of one of the supplier's oddities.
func letter(t *testing.T, name string, folio int) supplier.Letter {
	t.Helper()
	key := fmt.Sprint(name, folio)
	if l, written := letters.Load(key); written {
		return l.(supplier.Letter) //nolint:errcheck // nothing else is in it
	}
	for _, odd := range supplier.Oddities() {
		if odd.Name != name {
			continue
		}
		l, err := makeWorld(t).bot.Letter(odd, supplier.Order{Receiver: buyer.String(), To: "dte@empresa.example", Folio: folio, At: noon})
		if err != nil {
			t.Fatal(err)
		}
		letters.Store(key, l)
		return l
	}
	t.Fatalf("no oddity %q", name)
	return supplier.Letter{}
}

func id(folio int64) store.ReceivedID {
	return store.ReceivedID{Company: here, Issuer: other, Type: 33, Folio: folio}
}

// rig is the function over buckets in memory, a mailbox that is a list, and a clock that stands still.
type rig struct {
	t              *testing.T
	memory, kept   *store.Memory
	state, archive *store.Bucket
	events         *event.Memory
	sii            *fakeSII
	box            *fakeBox
	handler        *downloadreceived.Handler

	mu  sync.Mutex
	now time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		t: t, now: noon, memory: store.NewMemory(), kept: store.NewMemory(), events: &event.Memory{},
		sii: &fakeSII{states: map[int64]string{}}, box: &fakeBox{validity: 1},
	}
	r.kept.Retained = true
	r.state, r.archive = store.NewBucket(r.memory), store.NewBucket(r.kept)
	r.handler = r.instance(r.memory, r.kept, r.box)
	c := company.Company{
		RUT: buyer, Active: store.Certificacion, IMAPPassword: &company.Secret{Name: "imap", Version: "1"},
		Intercambio: &company.Intercambio{IMAP: &company.Mailbox{Host: "imap.example", User: "dte"}},
		Blocks:      map[store.Environment]*company.Block{store.Certificacion: {Certificate: &company.Certificate{}}},
	}
	if _, err := r.state.CreateJSON(t.Context(), store.CompanyConfig(buyer), c, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// instance is a process of the function.
func (r *rig) instance(state, archive store.Driver, box downloadreceived.Mailboxes) *downloadreceived.Handler {
	r.t.Helper()
	h, err := downloadreceived.New(downloadreceived.Config{IntakeEvery: time.Hour, IntakePast: 24 * time.Hour}, downloadreceived.Deps{
		State: store.NewBucket(state), Archive: store.NewBucket(archive), Events: r.events, Guard: open{},
		Companies: company.NewDirectory(r.state, r.clock), Identities: nobody{}, Passwords: nobody{}, Mail: box,
		SII:     func(store.Environment, *cert.Identity) downloadreceived.Inquirer { return r.sii },
		SIIKeys: makeWorld(r.t).keys, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: r.clock,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return h
}

// open lets everybody in who may act for the buyer.
type open struct{}

func (open) Require(_ access.Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		p := access.Principal{RUTs: []rut.RUT{buyer}, Scopes: access.Scopes()}
		next.ServeHTTP(w, q.WithContext(access.With(q.Context(), p)))
	})
}

func (open) Internal(next http.Handler) http.Handler { return next }

type nobody struct{}

// Identity implements downloadreceived.Identities.
func (nobody) Identity(context.Context, *company.Certificate) (*cert.Identity, error) {
	return &cert.Identity{}, nil
}

// Password implements downloadreceived.Passwords.
func (nobody) Password(context.Context, company.Secret) (company.Password, error) { return "x", nil }

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

func call(h http.Handler, method, path string, body []byte, kind string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	request := httptest.NewRequest(method, path, bytes.NewReader(body))
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	h.ServeHTTP(w, request)
	return w
}

// get reads JSON from a path that must answer 200.
func (r *rig) get(path string, v any) {
	r.t.Helper()
	w := call(r.handler, http.MethodGet, path, nil, "")
	r.read(w, path, v)
}

func (r *rig) read(w *httptest.ResponseRecorder, path string, v any) {
	r.t.Helper()
	if w.Code != http.StatusOK {
		r.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
}

func (r *rig) download() downloadreceived.DownloadAnswer {
	r.t.Helper()
	var a downloadreceived.DownloadAnswer
	w := call(r.handler, http.MethodPost, "/v1/received:download", []byte(`{"company":"`+buyer.String()+`"}`), "application/json")
	r.read(w, "download", &a)
	return a
}

func (r *rig) post(body []byte) downloadreceived.PostAnswer {
	r.t.Helper()
	var a downloadreceived.PostAnswer
	r.read(call(r.handler, http.MethodPost, "/v1/received?company="+buyer.String(), body, ""), "post", &a)
	return a
}

func (r *rig) tick() {
	r.t.Helper()
	if w := call(r.handler, http.MethodPost, "/_tick", nil, ""); w.Code != http.StatusNoContent {
		r.t.Fatalf("tick answered %d: %s", w.Code, w.Body)
	}
}

func (r *rig) list() []downloadreceived.Item {
	r.t.Helper()
	var page downloadreceived.List
	r.get("/v1/received?limit=1000&company="+buyer.String(), &page)
	return page.Items
}

func (r *rig) quarantine() []downloadreceived.QuarantineItem {
	r.t.Helper()
	var page downloadreceived.QuarantineList
	r.get("/v1/received/"+buyer.String()+"/quarantine", &page)
	return page.Items
}

func (r *rig) record(folio int64) received.Record {
	r.t.Helper()
	record, err := received.Load(r.t.Context(), r.state, id(folio))
	if err != nil {
		r.t.Fatal(err)
	}
	return record
}

// due counts the entries of a kind.
func (r *rig) due(kind string) int {
	r.t.Helper()
	n := 0
	for o, err := range r.state.List(r.t.Context(), store.Query{Prefix: store.DuePrefix}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.Contains(o.Name, "/"+downloadreceived.Name+"/"+kind+"/") {
			n++
		}
	}
	return n
}

// fakeSII answers by folio; without a state it is out of order.
type fakeSII struct {
	mu     sync.Mutex
	states map[int64]string
	exact  bool // getEstDteAv answers too
	asked  int
}

func (f *fakeSII) set(folio int64, state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.states[folio] = state
}

// DocumentState implements downloadreceived.Inquirer.
func (f *fakeSII) DocumentState(_ context.Context, q sii.Question) (sii.DocumentState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if state := f.states[q.Folio]; state != "" {
		return sii.DocumentState{State: state, Glosa: "glosa"}, nil
	}
	return sii.DocumentState{}, sii.ErrUnavailable
}

// ExactState implements downloadreceived.Inquirer.
func (f *fakeSII) ExactState(ctx context.Context, q sii.Question) (sii.DocumentState, error) {
	if !f.exact || q.Signature == "" {
		return sii.DocumentState{}, sii.ErrUnavailable
	}
	return f.DocumentState(ctx, q)
}

// fakeBox is a mailbox.
type fakeBox struct {
	mu       sync.Mutex
	validity uint32
	mails    [][]byte
	reads    int // mails that were given out
}

func (b *fakeBox) add(mails ...[]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, mails...)
}

// Read implements downloadreceived.Mailboxes, ten mails at a time.
func (b *fakeBox) Read(ctx context.Context, _ mailbox.Account, from mailbox.Cursor, each func(context.Context, mailbox.Message) error) (mailbox.Progress, error) {
	b.mu.Lock()
	mails, p := b.mails, mailbox.Progress{Cursor: from}
	if from.UIDValidity != b.validity {
		p.Cursor = mailbox.Cursor{UIDValidity: b.validity}
	}
	b.mu.Unlock()
	for ; int(p.Cursor.UID) < len(mails); p.Mails++ {
		if p.Mails == 10 {
			p.More = true
			break
		}
		raw := mails[p.Cursor.UID]
		if err := each(ctx, mailbox.Message{Size: int64(len(raw)), Body: bytes.NewReader(raw)}); err != nil {
			return p, err
		}
		p.Cursor.UID++
		b.mu.Lock()
		b.reads++
		b.mu.Unlock()
	}
	return p, nil
}

func invoice(t *testing.T, folio int) []byte { t.Helper(); return letter(t, "plain", folio).Mails[0] }

func invoices(t *testing.T, from, n int) [][]byte {
	t.Helper()
	all := make([][]byte, n)
	for i := range all {
		all[i] = invoice(t, from+i)
	}
	return all
}

func folios(items []downloadreceived.Item) string {
	var all []string
	for _, i := range items {
		all = append(all, fmt.Sprint(i.Folio))
	}
	return strings.Join(all, " ")
}
