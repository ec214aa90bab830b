package downloadreceived_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // America/Santiago must exist everywhere

	fakesii "timbre/emulators/sii"
	"timbre/emulators/sii/authority"
	downloadreceived "timbre/functions/download-received"
	"timbre/shared/cert"
	"timbre/shared/claim"
	"timbre/shared/company"
	"timbre/shared/due"
	"timbre/shared/event"
	"timbre/shared/received"
	"timbre/shared/sii"
	"timbre/shared/store"
	"timbre/shared/store/storetest"
)

// The operations of the SII's register.
const (
	opEnter     = "ingresarAceptacionReclamoDoc"
	opEvents    = "listarEventosHistDoc"
	opReception = "consultarFechaRecepcionSii"
	opCedible   = "consultarDocDteCedible"
)

func santiago(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// claimRig is the function before the SII in a box, over HTTP, with a wire in between that counts and cuts.
type claimRig struct {
	t       *testing.T
	world   *claimWorld
	memory  *store.Memory
	state   *store.Bucket
	events  *event.Memory
	sii     *fakesii.Server
	wire    *wire
	signer  string // company of the world whose certificate the buyer has
	tokens  store.Environment
	handler *downloadreceived.Handler

	mu  sync.Mutex
	now time.Time
}

// claimWorld is the world of all subtests of a test; opening a certificate takes longer than a test.
type claimWorld struct {
	dir        string
	identities sync.Map
}

func makeClaimWorld(t *testing.T) *claimWorld {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "world")
	if err := authority.Make(dir, authority.Options{Now: noon, Types: []int{33}, Folios: 100}); err != nil {
		t.Fatal(err)
	}
	return &claimWorld{dir: dir}
}

func newClaimRig(t *testing.T, world *claimWorld) *claimRig {
	t.Helper()
	r := &claimRig{t: t, world: world, now: noon, memory: store.NewMemory(), events: &event.Memory{}, signer: authority.DefaultCompanies()[0].ID}
	server, err := fakesii.Start(fakesii.Options{World: world.dir, Now: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	r.sii, r.state = server, store.NewBucket(r.memory)
	r.wire = newWire(t, server.URL)
	r.handler = r.instance(r.memory, nil)
	c := company.Company{
		RUT: buyer, Active: store.Certificacion,
		Blocks: map[store.Environment]*company.Block{store.Certificacion: {Certificate: &company.Certificate{}}},
	}
	if _, err := r.state.CreateJSON(t.Context(), store.CompanyConfig(buyer), c, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// instance is a process of the function; a life cuts it off from the SII too.
func (r *claimRig) instance(driver store.Driver, l *storetest.Life) *downloadreceived.Handler {
	r.t.Helper()
	state := store.NewBucket(driver)
	client := r.client()
	h, err := downloadreceived.New(downloadreceived.Config{IntakeEvery: 1000 * time.Hour, IntakePast: time.Hour}, downloadreceived.Deps{
		State: state, Archive: store.NewBucket(store.NewMemory()), Events: r.events, Guard: open{}, Companies: company.NewDirectory(r.state, r.clock),
		Identities: r, Passwords: nobody{}, Mail: &fakeBox{}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: r.clock,
		SII: func(env store.Environment, id *cert.Identity) downloadreceived.Inquirer {
			return client.As(env, sii.PersonOf(id))
		},
		Claims: func(env store.Environment, id *cert.Identity, chile *time.Location) downloadreceived.Registrar {
			desk := client.Claims(env, sii.PersonOf(id), chile)
			if l == nil {
				return desk
			}
			return mortalDesk{desk, l}
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return h
}

func (r *claimRig) client() *sii.Client {
	return sii.New(r.state, r.clock, sii.Options{
		BaseURL: r.wire.URL, ClaimTokens: r.tokens, OpenAfter: 1000, Pause: func(ctx context.Context, _ int) error { return context.Cause(ctx) },
	})
}

// mortalDesk is the register as a process that dies sees it.
type mortalDesk struct {
	downloadreceived.Registrar
	*storetest.Life
}

func (m mortalDesk) Enter(ctx context.Context, d sii.Received, a claim.Action) (sii.ClaimAnswer, error) {
	var answer sii.ClaimAnswer
	var err error
	m.Act(func() { answer, err = m.Registrar.Enter(ctx, d, a) })
	return answer, err
}

// Identity implements downloadreceived.Identities.
func (r *claimRig) Identity(context.Context, *company.Certificate) (*cert.Identity, error) {
	return r.identity(r.signer), nil
}

func (r *claimRig) identity(of string) *cert.Identity {
	r.t.Helper()
	if id, known := r.world.identities.Load(of); known {
		return id.(*cert.Identity) //nolint:errcheck // nothing else is in it
	}
	pfx, err := os.ReadFile(filepath.Join(r.world.dir, "certs", of+"-modern.pfx"))
	if err != nil {
		r.t.Fatal(err)
	}
	id, err := cert.ReadPFX(pfx, authority.Password)
	if err != nil {
		r.t.Fatal(err)
	}
	r.world.identities.Store(of, id)
	return id
}

func (r *claimRig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *claimRig) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// plant has the SII hold an invoice of the supplier, as the buyer's mailbox brought it.
func (r *claimRig) plant(folio int64, change func(*fakesii.Plant)) {
	r.t.Helper()
	r.mail(folio)
	p := fakesii.Plant{
		Issuer: other.String(), Type: 33, Folio: int(folio), Date: "2026-11-20", Receiver: buyer.String(), ReceivedAt: r.clock(), Signature: "c2lnbmVk",
	}
	p.Total, p.Net, p.VAT, p.IssuerName = 1190, 1000, 190, "Proveedor"
	if change != nil {
		change(&p)
	}
	if err := r.sii.Change("documents", p); err != nil {
		r.t.Fatal(err)
	}
}

// mail has the register of purchases hold an invoice, and the tick ask the SII for it.
func (r *claimRig) mail(folio int64) {
	r.t.Helper()
	_, err := received.Add(r.t.Context(), r.state, id(folio), received.Variant{
		SHA256: strings.Repeat("0", 64), At: r.clock(), Encoding: "ISO-8859-1", IssuerName: "Proveedor", Receiver: buyer, IssueDate: "2026-11-20",
		Total: "1190", Signature: "c2lnbmVk",
	})
	if err != nil {
		r.t.Fatal(err)
	}
	parts := append([]string{"sii", "0"}, id(folio).DueParts()...)
	if err := due.Add(r.t.Context(), r.state, r.clock(), downloadreceived.Name, parts...); err != nil {
		r.t.Fatal(err)
	}
}

// enters has somebody enter an action by other means than this product.
func (r *claimRig) enters(who string, folio int64, actions ...claim.Action) {
	r.t.Helper()
	direct := sii.New(store.NewBucket(store.NewMemory()), r.clock, sii.Options{BaseURL: r.sii.URL})
	desk := direct.Claims(store.Certificacion, sii.PersonOf(r.identity(who)), santiago(r.t))
	for _, a := range actions {
		if said, err := desk.Enter(r.t.Context(), sii.Received{Issuer: other, Type: 33, Folio: folio}, a); err != nil || said.Code != claim.Done {
			r.t.Fatalf("%s by other means: %d, %v", a, said.Code, err)
		}
	}
}

// held are the events that the SII holds of an invoice.
func (r *claimRig) held(folio int64) string {
	r.t.Helper()
	var all []string
	for _, d := range r.sii.Documents() {
		if d.Folio == int(folio) && d.Issuer == other.String() {
			for _, e := range d.Events {
				all = append(all, e.Code)
			}
		}
	}
	return strings.Join(all, " ")
}

// answer is what a request for a response got.
type answer struct {
	status int
	code   string // of the problem
	sii    string // the SII's code in it
	detail string
	downloadreceived.ResponseAnswer
}

func respondPath(folio int64) string { return "/v1/received/" + id(folio).String() + "/response" }

func (r *claimRig) respond(folio int64, a claim.Action) answer {
	r.t.Helper()
	return r.respondBy(r.handler, folio, a)
}

func (r *claimRig) respondBy(h http.Handler, folio int64, a claim.Action) answer {
	r.t.Helper()
	w := call(h, http.MethodPost, respondPath(folio), []byte(`{"action":"`+string(a)+`","reason":"porque sí"}`), "application/json")
	got := answer{status: w.Code}
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &got.ResponseAnswer); err != nil {
			r.t.Fatal(err)
		}
		return got
	}
	var p struct {
		Type, Detail string
		SII          *struct{ Code string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		r.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	got.code, got.detail = strings.TrimPrefix(p.Type, "urn:dte:problem:"), p.Detail
	if p.SII != nil {
		got.sii = p.SII.Code
	}
	return got
}

func (r *claimRig) tick() {
	r.t.Helper()
	if w := call(r.handler, http.MethodPost, "/_tick", nil, ""); w.Code != http.StatusNoContent {
		r.t.Fatalf("tick answered %d: %s", w.Code, w.Body)
	}
}

func (r *claimRig) record(folio int64) received.Record {
	r.t.Helper()
	record, err := received.Load(r.t.Context(), r.state, id(folio))
	if err != nil {
		r.t.Fatal(err)
	}
	return record
}

// states are what became of an invoice's responses.
func (r *claimRig) states(folio int64) string {
	r.t.Helper()
	var all []string
	for _, p := range r.record(folio).Responses {
		all = append(all, string(p.Action)+" "+string(p.State))
	}
	return strings.Join(all, ", ")
}

// alerts are the levels of the reminders that were raised, by the ids of their events.
func (r *claimRig) alerts() []string {
	r.t.Helper()
	seen := map[string]bool{}
	var all []string
	for _, raw := range r.events.Take(event.CompanyAlert) {
		var raised event.AlertRaised
		if err := json.Unmarshal(raw, &raised); err != nil {
			r.t.Fatal(err)
		}
		if name := string(raised.ID); !seen[name] {
			seen[name] = true
			all = append(all, name[strings.Index(name, "claim.deadline"):])
		}
	}
	return all
}
