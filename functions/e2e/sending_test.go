package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	simulator "timbre/emulators/sii"
	"timbre/emulators/sii/authority"
	pollstatus "timbre/functions/poll-status"
	"timbre/functions/send"
	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/sii"
	"timbre/shared/store"
	"timbre/shared/ted"
)

// morning is when these tests begin: a Friday, 11 h in Chile.
var morning = time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)

// sending is send and poll-status before the simulated SII, all by one clock that the test moves.
type sending struct {
	t              *testing.T
	dir            string
	company        authority.Company
	identity       *cert.Identity
	driver         store.Driver // of state
	state, archive *store.Bucket
	events         *event.Memory
	sii            *simulator.Server
	send, poll     http.Handler
	boletasMax     int
	boletasREST    bool
	flaw           bool                 // documents get a slight remark (HED-1-863)
	box            *company.Mailbox     // of result mails
	mail           pollstatus.Mailboxes // reads it
	mailControl    string

	mu  sync.Mutex
	now time.Time
}

// smallWorld is a world of one company, made once.
var smallWorld = sync.OnceValues(func() (fs.FS, error) {
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	err = authority.Make(dir, authority.Options{
		Companies: authority.DefaultCompanies()[:1], Types: []int{33, 34, 39, 41, 61}, Now: morning,
	})
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = &fstest.MapFile{Data: data, Mode: 0o600}
		return err
	})
	return files, err
})

func newSending(t *testing.T, change ...func(*simulator.Options)) *sending {
	t.Helper()
	archive := store.NewMemory()
	archive.Retained = true
	s := &sending{
		t: t, dir: t.TempDir(), now: morning, events: &event.Memory{},
		driver: store.NewMemory(), archive: store.NewBucket(archive),
	}
	s.state = store.NewBucket(s.driver)
	made, err := smallWorld()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.dir, made); err != nil {
		t.Fatal(err)
	}
	s.readCompany()
	s.configure(s.company.FchResol)
	o := simulator.Options{World: s.dir, Now: s.clock}
	for _, c := range change {
		c(&o)
	}
	if s.sii, err = simulator.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.sii.Close(); err != nil {
			t.Error(err)
		}
	})
	s.start()
	return s
}

// start makes both functions.
func (s *sending) start() {
	s.t.Helper()
	logger := slog.New(slog.NewTextHandler(s.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	client := sii.New(s.state, s.clock, sii.Options{
		BaseURL: s.sii.URL, Pause: func(ctx context.Context, _ int) error { return context.Cause(ctx) },
	})
	companies := company.NewDirectory(s.state, s.clock)
	sender, err := send.New(send.Config{EnvelopeMax: 200, BoletasMax: s.boletasMax, RetryFirst: time.Minute}, send.Deps{
		State: s.state, Archive: s.archive, Events: s.events, Guard: openDoor{}, Logger: logger, Now: s.clock,
		Companies: companies, Identities: s,
		SII: func(e store.Environment, id *cert.Identity) send.Uploader { return client.As(e, sii.PersonOf(id)) },
		Boletas: func(e store.Environment, id *cert.Identity) send.Uploader {
			return client.AsBoletas(e, sii.PersonOf(id))
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	poller, err := pollstatus.New(pollstatus.Config{PollFirst: 5 * time.Second, BoletasFirst: 10 * time.Minute}, pollstatus.Deps{
		State: s.state, Archive: s.archive, Events: s.events, Guard: openDoor{}, Logger: logger, Now: s.clock,
		Companies: companies, Identities: s,
		SII: func(e store.Environment, id *cert.Identity) pollstatus.Inquirer {
			return client.As(e, sii.PersonOf(id))
		},
		Mail: s.mail, Passwords: s,
		Boletas: func(e store.Environment, id *cert.Identity) pollstatus.Inquirer {
			return client.AsBoletas(e, sii.PersonOf(id))
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.send, s.poll = sender, poller
}

// openDoor lets every caller in, for every company.
type openDoor struct{}

func (openDoor) Require(_ access.Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Principal{Bootstrap: true})))
	})
}
func (openDoor) Internal(next http.Handler) http.Handler { return next }

// Identity opens the company's certificate.
func (s *sending) Identity(context.Context, *company.Certificate) (*cert.Identity, error) {
	return s.identity, nil
}

func (s *sending) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// pass lets minutes pass, with a tick of both functions in each.
func (s *sending) pass(minutes int) {
	s.t.Helper()
	for range minutes {
		s.mu.Lock()
		s.now = s.now.Add(time.Minute)
		s.mu.Unlock()
		for _, h := range []http.Handler{s.send, s.poll} {
			if w := request(h, http.MethodPost, "/_tick"); w.Code != http.StatusNoContent {
				s.t.Fatalf("tick answered %d: %s", w.Code, w.Body)
			}
		}
	}
}

func request(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func (s *sending) file(parts ...string) []byte {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(append([]string{s.dir}, parts...)...))
	if err != nil || len(found) == 0 {
		s.t.Fatalf("the world has no %v: %v", parts, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// readCompany opens the certificate and takes the company's data as the world has them.
func (s *sending) readCompany() {
	s.t.Helper()
	var rows []authority.Company
	err := json.Unmarshal(s.file("companies.json"), &rows)
	if err != nil || len(rows) != 1 {
		s.t.Fatalf("companies.json: %v", err)
	}
	s.company = rows[0]
	if s.identity, err = cert.ReadPFX(s.file("certs", "*.pfx"), authority.Password); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sending) configure(resolved string) {
	s.t.Helper()
	c := company.Company{
		RUT: rut.MustParse(s.company.RUT), Active: store.Certificacion, BoletasREST: s.boletasREST,
		Intercambio: &company.Intercambio{IMAP: s.box}, IMAPPassword: &company.Secret{Name: "imap", Version: "1"},
		Blocks: map[store.Environment]*company.Block{store.Certificacion: {
			FchResol: resolved, Certificate: &company.Certificate{SHA256: "one", NotAfter: morning.AddDate(1, 0, 0)},
		}},
	}
	name := store.CompanyConfig(c.RUT)
	old, err := s.state.Read(s.t.Context(), name)
	if errors.Is(err, store.ErrNotFound) {
		_, err = s.state.CreateJSON(s.t.Context(), name, c, nil)
	} else if err == nil {
		_, err = s.state.ReplaceJSON(s.t.Context(), name, old.Generation, c, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// issue puts a signed document where generate-sign leaves it.
func (s *sending) issue(kind dte.Type, folio int64, references ...store.DocumentID) store.DocumentID {
	s.t.Helper()
	order := s.order(kind, references).WithFolio(folio)
	key, err := caf.ParseKey(s.file("sii", "100.pub"))
	if err != nil {
		s.t.Fatal(err)
	}
	folios, err := caf.Parse(s.file("caf", s.company.ID, kind.String()+"-*.xml"), caf.Keys{caf.IDKCertificacion: key})
	if err != nil {
		s.t.Fatal(err)
	}
	at := s.clock().In(time.FixedZone("CLST", -3*3600))
	stamp, err := ted.Stamp(order.Stamped(), folios, at)
	if err != nil {
		s.t.Fatal(err)
	}
	signed, err := dte.Write(order, stamp, at, "both", s.identity)
	if err != nil {
		s.t.Fatal(err)
	}
	here := store.Company{Env: store.Certificacion, RUT: order.Issuer()}
	id := store.DocumentID{Series: store.Series{Company: here, Type: kind}, Folio: folio}
	record := document.Record{
		DocumentID: id, Answer: `{}`, Version: 1, References: references, IssueDate: order.IssueDate(),
		Receiver: order.Receiver(), Total: order.Total().String(), Status: event.StatusSigned, Bytes: len(signed),
	}
	_, xmlErr := s.archive.Create(s.t.Context(), store.SignedDTE(id, 1), signed, nil)
	_, outErr := s.state.Create(s.t.Context(), store.Outbox(store.ChannelOf(kind), id), nil, nil)
	if err := errors.Join(xmlErr, outErr, document.Create(s.t.Context(), s.state, &record)); err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *sending) order(kind dte.Type, references []store.DocumentID) *dte.Order {
	s.t.Helper()
	line := map[string]any{"NmbItem": "Pan amasado & «queso» ñandú", "QtyItem": 2, "PrcItem": 3000}
	if kind == dte.FacturaExenta || kind == dte.BoletaExenta {
		line["IndExe"] = 1
	}
	heading, receiver := map[string]any{"TipoDTE": int(kind)}, map[string]any{
		"RUTRecep": "76192083-9", "RznSocRecep": "Ferretería O'Higgins & Cía.", "GiroRecep": "Ferretería",
		"DirRecep": "Calle Copiapó 77", "CmnaRecep": "Santiago",
	}
	if kind.IsBoleta() {
		heading["IndServicio"] = 3
		delete(receiver, "GiroRecep")
	}
	request := map[string]any{
		"Encabezado": map[string]any{
			"IdDoc": heading, "Receptor": receiver,
		},
		"Detalle": []any{line},
	}
	for _, ref := range references {
		request["Referencia"] = []any{map[string]any{
			"TpoDocRef": ref.Type.String(), "FolioRef": fmt.Sprint(ref.Folio), "FchRef": "2026-11-20", "CodRef": 1, "RazonRef": "Anula",
		}}
	}
	text, err := json.Marshal(request)
	if err != nil {
		s.t.Fatal(err)
	}
	c := s.company
	if s.flaw {
		c.Name += " y otros"
	}
	order, _, err := dte.Resolve(dte.Request{
		Document: text, Today: morning, AllowRemarks: true,
		Issuer: dte.Issuer{
			RUT: rut.MustParse(c.RUT), RznSoc: c.Name, GiroEmis: c.Activity, Acteco: []string{fmt.Sprint(c.Acteco)},
			DirOrigen: c.Address, CmnaOrigen: c.Comuna, CiudadOrigen: c.City,
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return order
}

// want compares the documents with what is expected and with the simulator's own registry: a document is
// accepted here if and only if the SII holds it, under the track id that it gave.
func (s *sending) want(want map[store.DocumentID]event.Status) {
	s.t.Helper()
	held := map[string]simulator.Document{}
	for _, d := range s.sii.Documents() {
		name := fmt.Sprintf("%s/%d/%d", d.Issuer, d.Type, d.Folio)
		if _, twice := held[name]; twice {
			s.t.Errorf("the SII judged %s twice", name)
		}
		held[name] = d
	}
	got := map[store.DocumentID]event.Status{}
	for id := range want {
		r, err := document.Load(s.t.Context(), s.state, id)
		if err != nil {
			s.t.Fatal(err)
		}
		got[id] = r.Status
		registered, known := held[id.String()]
		if r.Status.Accepted() != (known && registered.Accepted()) {
			s.t.Errorf("%s is %s; at the SII: %t %+v", id, r.Status, known, registered.Details)
		}
		if r.Status.Final() && known && !sii.SameTrack(registered.TrackID, r.Track()) {
			s.t.Errorf("%s has track %s, at the SII %s", id, r.Track(), registered.TrackID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("statuses (-want +got):\n%s", diff)
		for _, e := range s.sii.Envelopes() {
			s.t.Logf("envelope %s %s sent %d: %+v", e.TrackID, e.State, e.Sent, e.Fault)
			for _, d := range e.Documents {
				s.t.Logf("  %d/%d %s %v", d.Type, d.Folio, d.State, d.Details)
			}
		}
	}
}

// script queues answers of the simulator.
func (s *sending) script(answers ...simulator.Answer) {
	s.t.Helper()
	for _, a := range answers {
		if err := s.sii.Script(a); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *sending) change(op string, value any) {
	s.t.Helper()
	if err := s.sii.Change(op, value); err != nil {
		s.t.Fatal(err)
	}
}

// TestSendingToVerdict: what was signed is sent and gets the verdict that the SII's registry has, whatever
// the SII does on the way.
func TestSendingToVerdict(t *testing.T) {
	t.Parallel()
	const page = "<html><body>Error</body></html>"
	tests := map[string]func(s *sending){
		"calm":              func(*sending) {},
		"answer lost":       func(s *sending) { s.script(simulator.Answer{Operation: "upload", Drop: "after"}) },
		"answers lost":      func(s *sending) { s.script(simulator.Answer{Operation: "upload", Drop: "after", Times: 3}) },
		"reset before":      func(s *sending) { s.script(simulator.Answer{Operation: "upload", Drop: "before", Times: 2}) },
		"page after upload": func(s *sending) { s.script(simulator.Answer{Operation: "upload", Body: page, Process: true, Times: 2}) },
		"503 instead":       func(s *sending) { s.script(simulator.Answer{Operation: "upload", Status: 503, Body: page, Times: 2}) },
		"no seed":           func(s *sending) { s.script(simulator.Answer{Operation: "getSeed", Status: 503, Body: page, Times: 9}) },
		"no token":          func(s *sending) { s.script(simulator.Answer{Operation: "getToken", Body: "Error 500", Times: 5}) },
		"envelope's page":   func(s *sending) { s.script(simulator.Answer{Operation: "getEstUp", Body: page, Times: 7}) },
		"document's page":   func(s *sending) { s.script(simulator.Answer{Operation: "getEstDte", Drop: "after", Times: 4}) },
		"queries empty":     func(s *sending) { s.script(simulator.Answer{Operation: "getEstUp", Status: 200, Times: 5}) },
		"notes listed":      func(s *sending) { s.change("switches", map[string]bool{"list_credit_notes": true}) },
	}
	for name, trouble := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSending(t)
			trouble(s)
			one, two := s.issue(dte.Factura, 1), s.issue(dte.Factura, 2)
			exempt := s.issue(dte.FacturaExenta, 1)
			note := s.issue(dte.NotaCredito, 1, one)
			s.pass(40)
			s.want(map[store.DocumentID]event.Status{
				one: event.StatusAccepted, two: event.StatusAccepted, exempt: event.StatusAccepted, note: event.StatusAccepted,
			})
		})
	}
}

// TestTokenKilled: the SII forgets all tokens between the upload and the question.
func TestTokenKilled(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	one := s.issue(dte.Factura, 1)
	s.pass(1)
	for range 2 {
		revoke, err := http.Post(s.sii.ControlURL+"/_control/tokens:revoke", "", nil) //nolint:noctx // of this test
		if err != nil {
			t.Fatal(err)
		}
		_ = revoke.Body.Close()
		s.pass(2)
	}
	two := s.issue(dte.Factura, 2)
	s.pass(10)
	s.want(map[store.DocumentID]event.Status{one: event.StatusAccepted, two: event.StatusAccepted})
}

// TestRejectedByTheSII: one of three is rejected inside a processed envelope; a note to it is blocked.
func TestRejectedByTheSII(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	s.change("folios:annul", simulator.FolioRange{Company: s.company.RUT, Type: 33, From: 2})
	one, two, three := s.issue(dte.Factura, 1), s.issue(dte.Factura, 2), s.issue(dte.Factura, 3)
	note := s.issue(dte.NotaCredito, 1, two)
	s.pass(30)
	s.want(map[store.DocumentID]event.Status{
		one: event.StatusAccepted, two: event.StatusRejected, three: event.StatusAccepted, note: event.StatusBlocked,
	})
}

// TestWrongResolution: one upload, all blocked; one repair, all accepted.
func TestWrongResolution(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	s.configure("2019-01-01")
	want := map[store.DocumentID]event.Status{}
	for folio := int64(1); folio <= 5; folio++ {
		want[s.issue(dte.Factura, folio)] = event.StatusBlocked
	}
	s.pass(10)
	s.want(want)
	if n := len(s.sii.Envelopes()); n != 1 {
		t.Errorf("%d uploads with a wrong resolution, want 1", n)
	}
	s.configure(s.company.FchResol)
	s.pass(10)
	for id := range want {
		want[id] = event.StatusAccepted
	}
	s.want(want)
}

// TestNoPermission: the person may not send; after it is granted, a flush sends all.
func TestNoPermission(t *testing.T) {
	t.Parallel()
	s := newSending(t)
	permission := simulator.Permission{Person: s.company.Signer.RUT, Company: s.company.RUT, Sign: true}
	s.change("permissions", permission)
	one := s.issue(dte.Factura, 1)
	s.pass(5)
	s.want(map[store.DocumentID]event.Status{one: event.StatusBlocked})
	permission.Send = true
	s.change("permissions", permission)
	s.pass(5)
	s.want(map[store.DocumentID]event.Status{one: event.StatusBlocked})
	if w := request(s.send, http.MethodPost, "/v1/outbox:flush"); w.Code != http.StatusOK {
		t.Fatalf("flush answered %d: %s", w.Code, w.Body)
	}
	s.pass(5)
	s.want(map[store.DocumentID]event.Status{one: event.StatusAccepted})
}
