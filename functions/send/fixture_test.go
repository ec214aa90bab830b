package send_test

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
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/emulators/sii/authority"
	"timbre/functions/send"
	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
	"timbre/shared/ted"
)

// noon is when the tests begin.
var noon = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)

// world is one company with certificate and CAFs, made once.
type world struct {
	company  authority.Company
	identity *cert.Identity
	cafs     map[dte.Type]*caf.CAF

	mu     sync.Mutex
	signed map[string]signedDocument // by type, folio and references
}

// signedDocument is made once and stored by many tests.
type signedDocument struct {
	order *dte.Order
	bytes []byte
}

var theWorld = sync.OnceValues(func() (*world, error) {
	dir, err := os.MkdirTemp("", "send")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	companies := authority.DefaultCompanies()[:1]
	err = authority.Make(dir, authority.Options{Companies: companies, Types: []int{33, 61}, Folios: 300, Now: noon})
	if err != nil {
		return nil, err
	}
	return readWorld(dir, companies[0])
})

func readWorld(dir string, c authority.Company) (*world, error) {
	w := &world{company: c, cafs: map[dte.Type]*caf.CAF{}, signed: map[string]signedDocument{}}
	pfx, err := filepath.Glob(filepath.Join(dir, "certs", "*.pfx"))
	if err != nil || len(pfx) == 0 {
		return nil, fmt.Errorf("no certificate: %w", err)
	}
	file, err := os.ReadFile(pfx[0])
	if err != nil {
		return nil, err
	}
	if w.identity, err = cert.ReadPFX(file, authority.Password); err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(filepath.Join(dir, "sii", "100.pub"))
	if err != nil {
		return nil, err
	}
	key, err := caf.ParseKey(pem)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "caf", c.ID, "*.xml"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		parsed, err := caf.Parse(text, caf.Keys{caf.IDKCertificacion: key})
		if err != nil {
			return nil, err
		}
		kind, err := dte.ParseType(strings.Split(filepath.Base(name), "-")[0])
		if err != nil {
			return nil, err
		}
		w.cafs[kind] = parsed
	}
	return w, nil
}

// rig is the function over buckets in memory, with a clock that stands still.
type rig struct {
	t       *testing.T
	world   *world
	drivers drivers
	state   *store.Bucket
	archive *store.Bucket
	events  *event.Memory
	sii     *fakeSII
	handler *send.Handler

	mu  sync.Mutex
	now time.Time
}

type drivers struct{ state, archive store.Driver }

func newRig(t *testing.T, change ...func(*send.Config)) *rig {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, world: w, now: noon, events: &event.Memory{}, sii: newFakeSII()}
	archive := store.NewMemory()
	archive.Retained = true
	r.open(drivers{store.NewMemory(), archive}, change...)
	r.configure("2024-01-02")
	return r
}

// open starts an instance over the drivers; the rig's buckets go to the drivers below.
func (r *rig) open(d drivers, change ...func(*send.Config)) {
	r.t.Helper()
	if r.state == nil {
		r.drivers = d
		r.state, r.archive = store.NewBucket(d.state), store.NewBucket(d.archive)
	}
	r.handler = r.instance(d, change...)
}

func (r *rig) instance(d drivers, change ...func(*send.Config)) *send.Handler {
	r.t.Helper()
	cfg := send.Config{EnvelopeMax: 200, RetryFirst: time.Minute}
	for _, c := range change {
		c(&cfg)
	}
	state := store.NewBucket(d.state)
	h, err := send.New(cfg, send.Deps{
		State: state, Archive: store.NewBucket(d.archive), Events: r.events, Guard: everybody{},
		Companies: company.NewDirectory(r.state, r.clock), Identities: r,
		SII:    func(store.Environment, *cert.Identity) send.Uploader { return uploader(d.state, r.sii) },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: r.clock,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return h
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

// Identity implements send.Identities.
func (r *rig) Identity(context.Context, *company.Certificate) (*cert.Identity, error) {
	return r.world.identity, nil
}

// everybody lets every caller in.
type everybody struct{}

func (everybody) Require(_ access.Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Principal{Bootstrap: true})))
	})
}
func (everybody) Internal(next http.Handler) http.Handler { return next }

func (r *rig) company() store.Company {
	return store.Company{Env: store.Certificacion, RUT: rut.MustParse(r.world.company.RUT)}
}

func (r *rig) id(kind dte.Type, folio int64) store.DocumentID {
	return store.DocumentID{Series: store.Series{Company: r.company(), Type: kind}, Folio: folio}
}

// configure stores the company, with a resolution.
func (r *rig) configure(resolved string) {
	r.t.Helper()
	name := store.CompanyConfig(r.company().RUT)
	c := company.Company{
		RUT: r.company().RUT, Active: store.Certificacion,
		Blocks: map[store.Environment]*company.Block{store.Certificacion: {
			FchResol: resolved, Certificate: &company.Certificate{SHA256: "one", NotAfter: noon.AddDate(1, 0, 0)},
		}},
	}
	old, err := r.state.Read(r.t.Context(), name)
	if errors.Is(err, store.ErrNotFound) {
		_, err = r.state.CreateJSON(r.t.Context(), name, c, nil)
	} else if err == nil {
		_, err = r.state.ReplaceJSON(r.t.Context(), name, old.Generation, c, nil)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// sign puts a signed document where generate-sign leaves it.
func (r *rig) sign(kind dte.Type, folio int64, references ...store.DocumentID) store.DocumentID {
	r.t.Helper()
	signed := r.signed(kind, folio, references)
	order := signed.order
	id := r.id(kind, folio)
	ctx := r.t.Context()
	_, xmlErr := r.archive.Create(ctx, store.SignedDTE(id, 1), signed.bytes, nil)
	_, outErr := r.state.Create(ctx, store.Outbox(store.DTE, id), nil, nil)
	record := document.Record{
		DocumentID: id, Answer: `{"id":"` + id.String() + `"}`, Version: 1, References: references,
		IssueDate: order.IssueDate(), Receiver: order.Receiver(), Total: order.Total().String(),
		Status: event.StatusSigned, History: []document.Change{{At: noon, Status: event.StatusSigned}},
	}
	if err := errors.Join(xmlErr, outErr, document.Create(ctx, r.state, &record)); err != nil {
		r.t.Fatal(err)
	}
	return id
}

// signed writes a document, or takes the one that another test wrote.
func (r *rig) signed(kind dte.Type, folio int64, references []store.DocumentID) signedDocument {
	r.t.Helper()
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	key := fmt.Sprint(kind, folio, references)
	if found, made := r.world.signed[key]; made {
		return found
	}
	order := r.order(kind, references).WithFolio(folio)
	at := noon.In(time.FixedZone("CLST", -3*3600))
	stamp, err := ted.Stamp(order.Stamped(), r.world.cafs[kind], at)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := dte.Write(order, stamp, at, "both", r.world.identity)
	if err != nil {
		r.t.Fatal(err)
	}
	r.world.signed[key] = signedDocument{order, text}
	return r.world.signed[key]
}

func (r *rig) order(kind dte.Type, references []store.DocumentID) *dte.Order {
	r.t.Helper()
	request := map[string]any{
		"Encabezado": map[string]any{
			"IdDoc": map[string]any{"TipoDTE": int(kind)},
			"Receptor": map[string]any{
				"RUTRecep": "76192083-9", "RznSocRecep": "Ferretería O'Higgins & Cía.", "GiroRecep": "Ferretería",
				"DirRecep": "Calle Copiapó 77", "CmnaRecep": "Santiago",
			},
		},
		"Detalle": []any{map[string]any{"NmbItem": "Pan amasado", "QtyItem": 2, "PrcItem": 3000}},
	}
	for _, ref := range references {
		request["Referencia"] = []any{map[string]any{
			"TpoDocRef": ref.Type.String(), "FolioRef": fmt.Sprint(ref.Folio), "FchRef": "2026-11-20", "CodRef": 1, "RazonRef": "Anula",
		}}
	}
	text, err := json.Marshal(request)
	if err != nil {
		r.t.Fatal(err)
	}
	c := r.world.company
	order, _, err := dte.Resolve(dte.Request{
		Document: text, Today: noon, AllowRemarks: true,
		Issuer: dte.Issuer{
			RUT: rut.MustParse(c.RUT), RznSoc: c.Name, GiroEmis: c.Activity, Acteco: []string{fmt.Sprint(c.Acteco)},
			DirOrigen: c.Address, CmnaOrigen: c.Comuna,
		},
	})
	if err != nil {
		r.t.Fatalf("%v: %+v", err, err)
	}
	return order
}

// push delivers a dte-signed message; it must be taken.
func (r *rig) push(id store.DocumentID) {
	r.t.Helper()
	if status := r.pushTo(r.handler, id); status != http.StatusNoContent {
		r.t.Fatalf("push answered %d", status)
	}
}

func (r *rig) pushTo(h http.Handler, id store.DocumentID) int {
	r.t.Helper()
	data, err := json.Marshal(event.Signed{DocumentID: id})
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"message": map[string]any{"data": data}})
	if err != nil {
		r.t.Fatal(err)
	}
	return post(h, "/_push/dte-signed", string(body)).Code
}

// tick runs the function's tick; trouble with the SII is no failure of a tick.
func (r *rig) tick() {
	r.t.Helper()
	if w := post(r.handler, "/_tick", ""); w.Code != http.StatusNoContent {
		r.t.Fatalf("tick answered %d: %s", w.Code, w.Body)
	}
}

func post(h http.Handler, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, path, bytes.NewBufferString(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	h.ServeHTTP(w, request)
	return w
}

func (r *rig) record(id store.DocumentID) document.Record {
	r.t.Helper()
	record, err := document.Load(r.t.Context(), r.state, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return record
}

// want checks a document's status and newest track id.
func (r *rig) want(id store.DocumentID, status event.Status, track string) {
	r.t.Helper()
	if got := r.record(id); got.Status != status || got.Track() != track {
		r.t.Errorf("%s is %s with track %q, want %s with %q", id, got.Status, got.Track(), status, track)
	}
}

// dueFor lists the due entries of a function.
func (r *rig) dueFor(function string) []string {
	r.t.Helper()
	return slices.DeleteFunc(r.names(store.DuePrefix), func(name string) bool {
		return !strings.Contains(name, "/"+function+"/")
	})
}

// names lists what stands below a prefix of the state bucket.
func (r *rig) names(prefix string) []string {
	r.t.Helper()
	return namesOf(r.t, r.state, prefix)
}

func namesOf(t *testing.T, b *store.Bucket, prefix string) []string {
	t.Helper()
	var all []string
	for o, err := range b.List(t.Context(), store.Query{Prefix: prefix}) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(o.Name, "/notify/") { // changes of status that notify will tell of
			all = append(all, o.Name)
		}
	}
	return all
}
