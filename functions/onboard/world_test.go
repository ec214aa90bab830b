package onboard_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/emulators/oidc"
	"timbre/functions/onboard"
	"timbre/shared/access"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/event"
	"timbre/shared/golden"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/sii"
	"timbre/shared/store"
)

const (
	companyA = "99928793-K"
	companyB = "99923634-0"
	signerA  = "49624463-K"
	password = "prueba123"

	audience = "https://timbre.example"
	account  = "tick@proj.iam.gserviceaccount.com"
	person   = "ana@example.cl"
	// bootstrap is a marker as well: it must be found nowhere.
	bootstrap = "timbre_bootstrap-marker"
)

var (
	sharedIssuer = sync.OnceValues(oidc.New)
	// today is when the tests happen; the CAFs of the fake PKI are of 2026-11-02.
	today = time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
)

// world is the function over HTTP with everything that it works with in memory.
type world struct {
	url     string
	state   *store.Memory
	bucket  *store.Bucket
	archive *store.Bucket
	deps    onboard.Deps
	logger  *slog.Logger
	events  *event.Memory
	sii     fakeSII
	secrets *company.MemorySecrets
	keys    *access.Keys
	issuer  *oidc.Issuer
	log     *bytes.Buffer
	now     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	issuer, err := sharedIssuer()
	if err != nil {
		t.Fatal(err)
	}
	certs := httptest.NewServer(issuer)
	t.Cleanup(certs.Close)
	siiKeys, err := company.ReadSIIKeys(golden.Reference(t, "testpki", "sii"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{state: store.NewMemory(), secrets: &company.MemorySecrets{}, issuer: issuer, log: &bytes.Buffer{}, now: today}
	w.bucket, w.archive, w.events = store.NewBucket(w.state), store.NewBucket(store.NewMemory()), &event.Memory{}
	w.sii.at = func() time.Time { return w.now }
	w.keys = access.NewKeys(w.bucket, w.clock)
	logger := serve.NewLogger(w.log, "proj")
	sum := sha256.Sum256([]byte(bootstrap))
	guard, err := access.New(t.Context(), access.Config{
		BootstrapKeySHA256: hex.EncodeToString(sum[:]), Audience: audience, CertsURL: certs.URL,
		ServiceAccounts: []string{account}, UserEmails: person + "=" + companyA + "/read,admin",
	}, w.keys, logger)
	if err != nil {
		t.Fatal(err)
	}
	w.logger = logger
	w.deps = onboard.Deps{
		State: w.bucket, Archive: w.archive, Secrets: w.secrets, SIIKeys: siiKeys, Keys: w.keys, Guard: guard, Events: w.events,
		Logger: logger, Now: w.clock, Dial: (&net.Dialer{}).DialContext,
		SII:     func(store.Environment, *cert.Identity) onboard.Inquirer { return &w.sii },
		SIIDate: func(context.Context, store.Environment) (time.Time, error) { return w.sii.at(), w.sii.err },
	}
	w.serve(t)
	return w
}

// serve starts the function with w.deps.
func (w *world) serve(t *testing.T) {
	t.Helper()
	handler, err := onboard.New(onboard.Config{}, w.deps)
	if err != nil {
		t.Fatal(err)
	}
	server, err := serve.New(serve.Options{Handler: handler, Logger: w.logger, Checks: handler.Checks()})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	w.url = web.URL
}

// fakeSII answers as it is told; it knows no folio, if told nothing.
type fakeSII struct {
	at     func() time.Time
	err    error
	states map[int64]string
}

func (f *fakeSII) Ready(context.Context) error { return f.err }

func (f *fakeSII) DocumentState(_ context.Context, q sii.Question) (sii.DocumentState, error) {
	return sii.DocumentState{State: cmp.Or(f.states[q.Folio], "FAU")}, f.err
}

func (w *world) clock() time.Time { return w.now }

// objects counts what is stored, in the bucket and in Secret Manager.
func (w *world) objects() int { return w.state.Len() + w.secrets.Len() }

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	text   string
}

// json decodes the answer.
func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(r.text), &v); err != nil {
		t.Fatalf("%d %s: %v", r.status, r.text, err)
	}
	return v
}

// code is the code of a problem document.
func (r reply) code(t *testing.T) string {
	t.Helper()
	kind, _ := r.json(t)["type"].(string)
	return strings.TrimPrefix(kind, "urn:dte:problem:")
}

// faults are the codes of a problem document by path.
func (r reply) faults(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	list, _ := r.json(t)["errors"].([]any)
	for _, item := range list {
		fault, _ := item.(map[string]any)
		path, _ := fault["path"].(string)
		found[path], _ = fault["code"].(string)
	}
	return found
}

// call sends a request with a credential, "" for none.
func (w *world) call(t *testing.T, credential, method, path, body string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if credential != "" {
		request.Header.Set("Authorization", "Bearer "+credential)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// must is call of which the status is known.
func (w *world) must(t *testing.T, status int, credential, method, path, body string) reply {
	t.Helper()
	r := w.call(t, credential, method, path, body)
	if r.status != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.text)
	}
	return r
}

// refused makes sure that a request is refused with a code and leaves nothing behind.
func (w *world) refused(t *testing.T, status int, code, credential, method, path, body string) reply {
	t.Helper()
	before := w.objects()
	r := w.must(t, status, credential, method, path, body)
	if got := r.code(t); got != code {
		t.Errorf("%s %s: code %s, want %s: %s", method, path, got, code, r.text)
	}
	if after := w.objects(); after != before {
		t.Errorf("%s %s: %d objects became %d", method, path, before, after)
	}
	return r
}

// bodyA registers company A of the fake PKI.
const bodyA = `{"RznSoc":"Panadería Ñuñoa & Hijos Ltda.","GiroEmis":"Fabricación y venta de pan","Acteco":[107100],
	"DirOrigen":"Avda. Irarrázaval 3000","CmnaOrigen":"Ñuñoa","CiudadOrigen":"Santiago",
	"certificacion":{"FchResol":"2024-01-02","NroResol":0}}`

// register creates a company.
func (w *world) register(t *testing.T, of string) {
	t.Helper()
	w.must(t, 201, bootstrap, http.MethodPut, "/v1/companies/"+of, bodyA)
}

// key makes an API key of a company.
func (w *world) key(t *testing.T, of string, scopes ...access.Scope) string {
	t.Helper()
	text, _, err := w.keys.Issue(t.Context(), []rut.RUT{rut.MustParse(of)}, scopes, "")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (w *world) token(t *testing.T, email string, change func(*oidc.Claims)) string {
	t.Helper()
	claims := w.issuer.Claims(audience, email)
	if change != nil {
		change(&claims)
	}
	token, err := w.issuer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// pki reads a file of the fake PKI.
func pki(t *testing.T, parts ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(golden.Reference(t, append([]string{"testpki"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// certificateBody is the body of PUT …/certificate.
func certificateBody(t *testing.T, pfx []byte, password, signer string) string {
	t.Helper()
	body := map[string]string{"pfx": base64.StdEncoding.EncodeToString(pfx), "password": password}
	if signer != "" {
		body["signer_rut"] = signer
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
