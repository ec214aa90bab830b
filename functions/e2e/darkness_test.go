package e2e_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/emulators/oidc"
	"timbre/emulators/sii/authority"
	"timbre/emulators/sii/faults"
	generatesign "timbre/functions/generate-sign"
	"timbre/functions/send"
	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/company"
	"timbre/shared/document"
	"timbre/shared/dte"
	"timbre/shared/event"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// fileSecrets are the company's certificate and CAFs, by the names that configureIssuer gives them.
type fileSecrets map[string][]byte

// Access implements company.Secrets.
func (f fileSecrets) Access(_ context.Context, name, _ string) ([]byte, error) {
	if data, found := f[name]; found {
		return data, nil
	}
	return nil, company.ErrSecret
}

// Add implements company.Secrets; nobody adds here.
func (fileSecrets) Add(context.Context, string, []byte) (string, error) { return "", company.ErrSecret }

// Delete implements company.Secrets.
func (fileSecrets) Delete(context.Context, string) error { return nil }

// newIssuer is generate-sign over the buckets of a sending.
func (s *sending) newIssuer(kinds ...dte.Type) http.Handler {
	s.t.Helper()
	pfx, err := json.Marshal(map[string]any{"pfx": s.file("certs", "*.pfx"), "password": authority.Password})
	check(s.t, err)
	secrets := fileSecrets{"pfx": pfx}
	block := &company.Block{FchResol: s.company.FchResol, Certificate: &company.Certificate{
		Secret: company.Secret{Name: "pfx", Version: "1"}, SHA256: "one", NotAfter: morning.AddDate(1, 0, 0), Signer: s.identity.RUT,
	}}
	key, err := caf.ParseKey(s.file("sii", "100.pub"))
	check(s.t, err)
	for _, kind := range kinds {
		secrets[kind.String()] = s.file("caf", s.company.ID, kind.String()+"-*.xml")
		block.CAFs = append(block.CAFs, company.CAF{
			Secret: company.Secret{Name: kind.String(), Version: "1"}, Type: kind, From: 1, To: 1000, First: 1, Authorized: "2026-01-01",
		})
	}
	c := company.Company{
		RUT: rut.MustParse(s.company.RUT), RznSoc: s.company.Name, GiroEmis: s.company.Activity, Acteco: []string{fmt.Sprint(s.company.Acteco)},
		DirOrigen: s.company.Address, CmnaOrigen: s.company.Comuna, CiudadOrigen: s.company.City, NamespaceForm: "both",
		Active: store.Certificacion, BoletasREST: s.boletasREST, Blocks: map[store.Environment]*company.Block{store.Certificacion: block},
	}
	name := store.CompanyConfig(c.RUT)
	old, err := s.state.Read(s.t.Context(), name)
	check(s.t, err)
	_, err = s.state.ReplaceJSON(s.t.Context(), name, old.Generation, c, nil)
	check(s.t, err)
	sum := sha256.Sum256([]byte(stackKey))
	invoker, err := anIssuer()
	check(s.t, err)
	certs := httptest.NewServer(invoker)
	s.t.Cleanup(certs.Close)
	guard, err := access.New(s.t.Context(), access.Config{
		BootstrapKeySHA256: hex.EncodeToString(sum[:]), Audience: stackAudience, CertsURL: certs.URL, ServiceAccounts: []string{stackInvoker},
	},
		access.NewKeys(s.state, s.clock), slog.New(slog.DiscardHandler))
	check(s.t, err)
	issuer, err := generatesign.New(generatesign.Config{}, generatesign.Deps{
		State: s.state, Archive: s.archive, Companies: company.NewDirectory(s.state, s.clock), Events: s.events, Guard: guard,
		Vault: company.NewVault(secrets, caf.Keys{caf.IDKCertificacion: key}), Logger: slog.New(slog.NewTextHandler(s.t.Output(), nil)), Now: s.clock,
	})
	check(s.t, err)
	return issuer
}

// anIssuer makes the tokens of service accounts.
var anIssuer = sync.OnceValues(oidc.New)

// sweep has generate-sign do what is due.
func (s *sending) sweep(h http.Handler) {
	s.t.Helper()
	invoker, err := anIssuer()
	check(s.t, err)
	token, err := invoker.Token(stackAudience, stackInvoker)
	check(s.t, err)
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/_tick", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusNoContent {
		s.t.Fatalf("tick answered %d: %s", w.Code, w.Body)
	}
}

// post issues a document by the API.
func (s *sending) post(h http.Handler, key string, body map[string]any) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.postIn(s.t.Context(), h, key, body)
}

func (s *sending) postIn(ctx context.Context, h http.Handler, key string, body map[string]any) *httptest.ResponseRecorder {
	s.t.Helper()
	body["company"] = s.company.RUT
	text, err := json.Marshal(body)
	check(s.t, err)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/documents", strings.NewReader(string(text)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	r.Header.Set("Authorization", "Bearer "+stackKey)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// issued is the document of a 201.
func (s *sending) issued(w *httptest.ResponseRecorder) store.DocumentID {
	s.t.Helper()
	var answer struct{ Type, Folio int64 }
	if w.Code != http.StatusCreated {
		s.t.Fatalf("answered %d: %s", w.Code, w.Body)
	}
	check(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	here := store.Company{Env: store.Certificacion, RUT: rut.MustParse(s.company.RUT)}
	return store.DocumentID{Series: store.Series{Company: here, Type: dte.Type(answer.Type)}, Folio: answer.Folio}
}

// simple is a document that the API takes.
func simple(kind dte.Type) map[string]any {
	heading := map[string]any{"IdDoc": map[string]any{"TipoDTE": int(kind)}}
	if kind.IsBoleta() {
		heading["IdDoc"] = map[string]any{"TipoDTE": int(kind), "IndServicio": 3}
		heading["Receptor"] = map[string]any{"RUTRecep": "66666666-6"}
	} else {
		heading["Receptor"] = map[string]any{
			"RUTRecep": "76192083-9", "RznSocRecep": "Ferretería", "GiroRecep": "Ferretería", "DirRecep": "Calle 77", "CmnaRecep": "Santiago",
		}
	}
	return map[string]any{"document": map[string]any{
		"Encabezado": heading, "Detalle": []any{map[string]any{"NmbItem": "Pan", "QtyItem": 1, "PrcItem": 1190}},
	}}
}

// TestHourOfDarkness: the SII is down for an hour. Documents are issued as before, a boleta that waits too
// long raises an alarm, and all get their verdict afterwards.
func TestHourOfDarkness(t *testing.T) {
	t.Parallel()
	s := newBoletas(t, 50)
	issuer := s.newIssuer(dte.Factura, dte.Boleta)
	check(t, s.sii.Fault(faults.Rule{Fault: faults.Down, For: faults.Duration(time.Hour)}))
	want := map[store.DocumentID]event.Status{}
	for minute := range 60 {
		for _, kind := range []dte.Type{dte.Factura, dte.Boleta} {
			if minute%4 == 0 {
				id := s.issued(s.post(issuer, fmt.Sprint(kind, minute), simple(kind)))
				want[id] = event.StatusAccepted
			}
		}
		s.pass(1)
		if minute == 45 {
			s.wantQueue(45 * time.Minute)
		}
	}
	if n := len(s.sii.Envelopes()); n != 0 {
		t.Fatalf("%d envelopes arrived in the dark", n)
	}
	for _, level := range []string{"30", "60"} {
		if alarms := s.names(store.DuePrefix, string(event.DocumentsUnsent)+".39.2026-11-20."+level); len(alarms) == 0 { // notify, which makes one event of them, is not here
			t.Errorf("no alarm about boletas unsent for %s minutes", level)
		}
	}
	s.pass(45)
	s.want(want)
	if left := s.names(store.OutboxRoot, ""); len(left) != 0 {
		t.Errorf("left in the outbox: %v", left)
	}
}

// wantQueue checks what a flush says of the age of what waits.
func (s *sending) wantQueue(age time.Duration) {
	s.t.Helper()
	w := request(s.send, http.MethodPost, "/v1/outbox:flush")
	var answer send.FlushAnswer
	check(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	if len(answer.Chains) != 2 {
		s.t.Fatalf("flush answered %s", w.Body)
	}
	for _, c := range answer.Chains {
		if c.Waiting != 12 || c.AgeSeconds < int(age.Seconds()) || c.Oldest == "" {
			s.t.Errorf("flush says %+v", c)
		}
	}
}

// TestOneHostDark: the boletas' service is down, the invoices go on.
func TestOneHostDark(t *testing.T) {
	t.Parallel()
	s := newBoletas(t, 50)
	for _, host := range []string{"pangal.sii.cl", "apicert.sii.cl"} {
		check(t, s.sii.Fault(faults.Rule{Fault: faults.Down, Host: host, For: faults.Duration(20 * time.Minute)}))
	}
	invoice, boleta := s.issue(dte.Factura, 1), s.issue(dte.Boleta, 1)
	s.pass(8)
	s.want(map[store.DocumentID]event.Status{invoice: event.StatusAccepted})
	if r := s.record(boleta); r.Status.Final() {
		t.Errorf("%s is %s", boleta, r.Status)
	}
	s.pass(60)
	for _, id := range []store.DocumentID{invoice, boleta} {
		if r, err := document.Load(t.Context(), s.state, id); err != nil || r.Status != event.StatusAccepted {
			t.Errorf("%s is %s: %v", id, r.Status, err)
		}
	}
}
