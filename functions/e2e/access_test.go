package e2e_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/emulators/oidc"
	downloadreceived "timbre/functions/download-received"
	generatesign "timbre/functions/generate-sign"
	"timbre/functions/notify"
	"timbre/functions/onboard"
	pollstatus "timbre/functions/poll-status"
	"timbre/functions/send"
	"timbre/shared/access"
	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/company"
	"timbre/shared/dial"
	"timbre/shared/event"
	"timbre/shared/mailbox"
	"timbre/shared/rut"
	"timbre/shared/serve"
	"timbre/shared/sii"
	"timbre/shared/store"
)

const (
	accessA = "99928793-K"
	accessB = "99923634-0"

	accessAudience  = "https://timbre.example"
	accessAccount   = "push@proj.iam.gserviceaccount.com"
	accessPerson    = "ana@example.cl"
	accessBootstrap = "timbre_bootstrap-of-tests"
)

// accessRoute is a path of a function with a request that is right for it. The scope "" is an internal
// path. Let in, the caller gets one of the statuses: some requests name what does not exist.
type accessRoute struct {
	function, method, path, body string
	scope                        access.Scope
	statuses                     []int
	bootstrapOnly                bool
	makes                        int // objects, each time somebody is let in
}

// accessRoutes lists every path of every function, of company A.
func accessRoutes() []accessRoute {
	of, document := "/v1/companies/"+accessA, "/v1/documents/"+accessA+"/33/1"
	purchases := "/v1/received/" + accessA
	received := purchases + "/" + accessB + "/33/1"
	company := `{"company":"` + accessA + `"}`
	push := `{"message":{"data":"e30="}}`
	move := `{"move_id":1,"company_vat":"` + accessA + `","partner_vat":"60803000-K","partner":{},"lines":[]}`
	public := func(function, method, path, body string, scope access.Scope, statuses ...int) accessRoute {
		return accessRoute{function: function, method: method, path: path, body: body, scope: scope, statuses: statuses}
	}
	internal := func(function, path, body string) accessRoute {
		return accessRoute{function: function, method: "POST", path: path, body: body, statuses: []int{204}}
	}
	return []accessRoute{
		public("generate-sign", "POST", "/v1/documents", `{"company":"`+accessA+`","document":{}}`, access.Issue, 400, 422),
		public("generate-sign", "POST", "/v1/batches", `{"company":"`+accessA+`","documents":[]}`, access.Issue, 200),
		public("generate-sign", "POST", "/v1/folios:reserve", `{"company":"`+accessA+`","type":33}`, access.Issue, 400),
		public("generate-sign", "POST", "/api/dte/generate", move, access.Issue, 409, 422),
		internal("generate-sign", "/_tick", ""),
		public("send", "POST", "/v1/outbox:flush", company, access.Admin, 200),
		internal("send", "/_push/dte-signed", push),
		internal("send", "/_tick", ""),
		public("poll-status", "GET", "/v1/documents/"+accessA, "", access.Read, 200),
		public("poll-status", "GET", document, "", access.Read, 404),
		public("poll-status", "GET", document+"/xml", "", access.Read, 404),
		public("poll-status", "GET", document+"/envelope", "", access.Read, 404),
		public("poll-status", "GET", document+"/evidence", "", access.Read, 404),
		public("poll-status", "GET", "/v1/events?company="+accessA, "", access.Read, 200),
		public("poll-status", "POST", "/v1/status:sweep", company, access.Admin, 200),
		internal("poll-status", "/_push/dte-sent", push),
		internal("poll-status", "/_tick", ""),
		public("download-received", "POST", "/v1/received?company="+accessA, "<x/>", access.Receive, 422),
		public("download-received", "POST", "/v1/received:download", company, access.Receive, 409),
		public("download-received", "GET", "/v1/received?company="+accessA, "", access.Read, 200),
		public("download-received", "GET", received, "", access.Read, 404),
		public("download-received", "GET", received+"/xml", "", access.Read, 404),
		public("download-received", "POST", received+"/response", `{"action":"ERM"}`, access.Receive, 404),
		public("download-received", "GET", purchases+"/quarantine", "", access.Read, 200),
		public("download-received", "GET", purchases+"/files", "", access.Read, 200),
		public("download-received", "GET", purchases+"/files/00", "", access.Read, 404),
		public("download-received", "GET", purchases+"/mails/00", "", access.Read, 404),
		public("download-received", "POST", received+"/answers", `{"action":"ACD"}`, access.Receive, 404),
		public("download-received", "GET", purchases+"/outbox", "", access.Read, 200),
		public("download-received", "GET", purchases+"/outbox/0", "", access.Read, 404),
		public("download-received", "POST", purchases+"/outbox/0/resend", "", access.Receive, 404),
		public("download-received", "GET", purchases+"/outbox/0/resend", "", access.Read, 404), // has the form of a document
		public("download-received", "GET", purchases+"/suppliers/"+accessB, "", access.Read, 404),
		public("download-received", "PUT", purchases+"/suppliers/"+accessB, "{}", access.Receive, 422),
		public("download-received", "GET", purchases+"/reconciliation?period=2026-11", "", access.Read, 200),
		public("download-received", "PUT", purchases+"/reconciliation?period=2026-11", "x", access.Receive, 422),
		public("download-received", "POST", purchases+"/reconciliation/requests", "{}", access.Receive, 404),
		public("download-received", "GET", "/api/dte/download/received?rut="+accessA+"&since=2026-11-01", "", access.Read, 200),
		internal("download-received", "/_tick", ""),
		internal("notify", "/_push/dte-status", push),
		internal("notify", "/_push/dte-received", push),
		internal("notify", "/_tick", ""),
		public("onboard", "PUT", of, "{}", access.Admin, 422),
		public("onboard", "GET", of, "", access.Read, 200),
		public("onboard", "PUT", of+"/certificate", "{}", access.Admin, 422),
		public("onboard", "POST", of+"/certificate:promote", "", access.Admin, 409),
		public("onboard", "PUT", of+"/secrets", "{}", access.Admin, 422),
		public("onboard", "POST", of+"/cafs", "<xml/>", access.Admin, 422),
		public("onboard", "GET", of+"/folios", "", access.Read, 200),
		public("onboard", "POST", of+"/folios:void", "{}", access.Admin, 422),
		public("onboard", "POST", of+"/:check", "", access.Admin, 200),
		public("onboard", "GET", of+"/export", "", access.Admin, 200),
		public("onboard", "POST", of+"/keys", "{}", access.Admin, 422),
		public("onboard", "GET", of+"/keys", "", access.Read, 200),
		public("onboard", "DELETE", of+"/keys/0123456789abcdef", "", access.Admin, 404),
		internal("onboard", "/_tick", ""),
		{function: "onboard", method: "POST", path: of + "/webhook:rotate", scope: access.Admin, statuses: []int{200}, makes: 2}, // a secret, and the configuration in the archive,
		{function: "onboard", method: "DELETE", path: of, scope: access.Admin, statuses: []int{202}, bootstrapOnly: true, makes: 1},
	}
}

// accessWorld is all functions in one process, in memory.
type accessWorld struct {
	urls           map[string]string
	handlers       map[string]http.Handler
	state, archive *store.Memory
	events         *event.Memory
	secrets        *company.MemorySecrets
	keys           *access.Keys
	issuer         *oidc.Issuer
	log            *slog.Logger
	siiKeys        caf.Keys
}

func newAccessWorld(t *testing.T) *accessWorld {
	t.Helper()
	return newAccessWorldOf(t, slog.New(slog.DiscardHandler), caf.SIIKeys())
}

func newAccessWorldOf(t *testing.T, log *slog.Logger, siiKeys caf.Keys) *accessWorld {
	t.Helper()
	issuer, err := oidc.New()
	if err != nil {
		t.Fatal(err)
	}
	certs := httptest.NewServer(issuer)
	t.Cleanup(certs.Close)
	w := &accessWorld{urls: map[string]string{}, handlers: map[string]http.Handler{}, state: store.NewMemory(), archive: store.NewMemory(), secrets: &company.MemorySecrets{}, events: &event.Memory{}, issuer: issuer, log: log, siiKeys: siiKeys}
	state := store.NewBucket(w.state)
	w.keys = access.NewKeys(state, time.Now)
	sum := sha256.Sum256([]byte(accessBootstrap))
	guard, err := access.New(t.Context(), access.Config{
		BootstrapKeySHA256: hex.EncodeToString(sum[:]), Audience: accessAudience, CertsURL: certs.URL,
		ServiceAccounts: []string{accessAccount}, UserEmails: accessPerson + "=" + accessA + "/issue,read,receive,admin",
	}, w.keys, log)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{accessA, accessB} {
		c := company.Company{RUT: rut.MustParse(r), Active: store.Certificacion}
		if _, err := state.CreateJSON(t.Context(), store.CompanyConfig(c.RUT), c, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.serveAll(t, state, guard)
	return w
}

// serveAll leaves the SII out: a request of these tests that came to it would panic.
func (w *accessWorld) serveAll(t *testing.T, state *store.Bucket, guard *access.Guard) {
	t.Helper()
	archive, log := store.NewBucket(w.archive), w.log
	companies, vault, events := company.NewDirectory(state, time.Now), company.NewVault(w.secrets, w.siiKeys), w.events
	w.serve(t, "generate-sign", func() (http.Handler, error) {
		return generatesign.New(generatesign.Config{}, generatesign.Deps{
			State: state, Archive: archive, Companies: companies, Vault: vault, Events: events, Guard: guard, Logger: log, Now: time.Now,
		})
	})
	w.serve(t, "send", func() (http.Handler, error) {
		return send.New(send.Config{EnvelopeMax: 1, RetryFirst: time.Second}, send.Deps{
			State: state, Archive: archive, Companies: companies, Identities: vault, Events: events, Guard: guard, Logger: log, Now: time.Now,
			SII: func(store.Environment, *cert.Identity) send.Uploader { return nil },
		})
	})
	w.serve(t, "poll-status", func() (http.Handler, error) {
		return pollstatus.New(pollstatus.Config{PollFirst: time.Second}, pollstatus.Deps{
			State: state, Archive: archive, Companies: companies, Identities: vault, Events: events, Guard: guard, Logger: log, Now: time.Now,
			SII: func(store.Environment, *cert.Identity) pollstatus.Inquirer { return nil },
		})
	})
	w.serve(t, "download-received", func() (http.Handler, error) {
		return downloadreceived.New(downloadreceived.Config{IntakeEvery: time.Hour, IntakePast: time.Hour}, downloadreceived.Deps{
			State: state, Archive: archive, Companies: companies, Identities: vault, Passwords: vault, Events: events, Guard: guard,
			Logger: log, Now: time.Now, SIIKeys: w.siiKeys, Mail: mailbox.NewReader(dial.New(dial.Options{}).DialContext, mailbox.Options{}),
			SII:     func(store.Environment, *cert.Identity) downloadreceived.Inquirer { return nil },
			Claims:  func(store.Environment, *cert.Identity, *time.Location) downloadreceived.Registrar { return nil },
			Letters: mailbox.NewSender(dial.New(dial.Options{}).DialContext, 0),
		})
	})
	w.serve(t, "notify", func() (http.Handler, error) {
		return notify.New(notify.Config{}, notify.Deps{
			State: state, Companies: companies, Secrets: w.secrets, Dial: dial.New(dial.Options{}).DialContext, Guard: guard, Logger: log, Now: time.Now,
		})
	})
	w.serve(t, "onboard", func() (http.Handler, error) {
		return onboard.New(onboard.Config{}, onboard.Deps{
			State: state, Archive: archive, Secrets: w.secrets, SIIKeys: w.siiKeys, Keys: w.keys, Guard: guard, Events: events, Logger: log, Now: time.Now,
			SII:     func(store.Environment, *cert.Identity) onboard.Inquirer { return deafSII{} },
			SIIDate: func(context.Context, store.Environment) (time.Time, error) { return time.Now(), nil },
			Dial:    dial.New(dial.Options{}).DialContext,
		})
	})
}

// deafSII answers nobody.
type deafSII struct{}

func (deafSII) Ready(context.Context) error { return sii.ErrUnavailable }

func (deafSII) DocumentState(context.Context, sii.Question) (sii.DocumentState, error) {
	return sii.DocumentState{}, sii.ErrUnavailable
}

func (w *accessWorld) serve(t *testing.T, function string, make func() (http.Handler, error)) {
	t.Helper()
	handler, err := make()
	if err != nil {
		t.Fatal(err)
	}
	server, err := serve.New(serve.Options{Handler: handler, Logger: w.log})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	w.urls[function], w.handlers[function] = web.URL, server
}

// call answers status and body.
func (w *accessWorld) call(t *testing.T, r accessRoute, credential string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.method, w.urls[r.function]+r.path, strings.NewReader(r.body))
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
	return response.StatusCode, string(text)
}

func (w *accessWorld) key(t *testing.T, of string, scopes ...access.Scope) string {
	t.Helper()
	text, _, err := w.keys.Issue(t.Context(), []rut.RUT{rut.MustParse(of)}, scopes, "")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (w *accessWorld) token(t *testing.T, email string, change func(*oidc.Claims)) string {
	t.Helper()
	claims := w.issuer.Claims(accessAudience, email)
	if change != nil {
		change(&claims)
	}
	token, err := w.issuer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// letIn stands for the statuses of the route.
const letIn = 0

// credential is a column of the matrix: what it gets on public and on internal paths.
type accessCredential struct {
	name             string
	text             func(r accessRoute) string
	public, internal int
}

// expected are the statuses that the credential may get on a path.
func (c accessCredential) expected(r accessRoute) []int {
	want := c.public
	if r.scope == "" {
		want = c.internal
	}
	switch {
	case want != letIn:
		return []int{want}
	case r.bootstrapOnly && c.name != bootstrapName:
		return []int{403}
	}
	return r.statuses
}

const bootstrapName = "bootstrap key"

func (w *accessWorld) credentials(t *testing.T) []accessCredential {
	t.Helper()
	fixed := func(text string) func(accessRoute) string { return func(accessRoute) string { return text } }
	others := map[access.Scope]string{} // every scope but one
	for _, missing := range access.Scopes() {
		var scopes []access.Scope
		for _, s := range access.Scopes() {
			if s != missing {
				scopes = append(scopes, s)
			}
		}
		others[missing] = w.key(t, accessA, scopes...)
	}
	right := func(change func(*oidc.Claims)) func(accessRoute) string { // of him who would be let in
		person, account := w.token(t, accessPerson, change), w.token(t, accessAccount, change)
		return func(r accessRoute) string {
			if r.scope == "" {
				return account
			}
			return person
		}
	}
	return []accessCredential{
		{"no key", fixed(""), 401, 401},
		{"bad key", fixed("timbre_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 401, 401},
		{"other company's key", fixed(w.key(t, accessB, access.Scopes()...)), 403, 401},
		{"wrong scope", func(r accessRoute) string { return others[r.scope] }, 403, 401},
		{"expired token", right(func(c *oidc.Claims) { c.Expires = time.Now().Add(-time.Minute).Unix() }), 401, 401},
		{"wrong audience", right(func(c *oidc.Claims) { c.Audience = "https://other.example" }), 401, 401},
		{"wrong issuer", right(func(c *oidc.Claims) { c.Issuer = "https://evil.example" }), 401, 401},
		{"e-mail not verified", right(func(c *oidc.Claims) { c.EmailVerified = false }), 401, 401},
		{"token of a stranger", fixed(w.token(t, "eva@example.cl", nil)), 401, 401},
		{"signature removed", func(r accessRoute) string { return unsigned(right(nil)(r)) }, 401, 401},
		{"service account", fixed(w.token(t, accessAccount, nil)), 401, letIn},
		{"right key", fixed(w.key(t, accessA, access.Scopes()...)), letIn, 401},
		{"person's token", fixed(w.token(t, accessPerson, nil)), letIn, 401},
		{bootstrapName, fixed(accessBootstrap), letIn, 401},
	}
}

// unsigned is a token as Cloud Run hands it on while its invoker IAM check is on.
func unsigned(token string) string {
	return token[:strings.LastIndex(token, ".")] + ".SIGNATURE_REMOVED_BY_GOOGLE"
}

// TestAccessMatrix tries every credential on every path: who is not let in learns nothing and changes nothing.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	credentials := w.credentials(t)
	for _, function := range []string{"onboard", "download-received"} { // their ticks note when to look at each company
		if status, text := w.call(t, accessRoute{function: function, method: "POST", path: "/_tick"}, w.token(t, accessAccount, nil)); status != 204 {
			t.Fatalf("tick of %s: %d %s", function, status, text)
		}
	}
	objects := w.state.Len() + w.archive.Len() + w.secrets.Len()
	for _, r := range accessRoutes() {
		for _, c := range credentials {
			want := c.expected(r)
			status, text := w.call(t, r, c.text(r))
			if !slices.Contains(want, status) {
				t.Errorf("%s: %s %s with %s: %d, want %v: %s", r.function, r.method, r.path, c.name, status, want, text)
			}
			if status < 400 {
				objects += r.makes
			}
			if status >= 400 && !strings.Contains(text, `"type":"urn:dte:problem:`) {
				t.Errorf("%s: %s %s with %s: %d is no problem document: %s", r.function, r.method, r.path, c.name, status, text)
			}
		}
	}
	if now := w.state.Len() + w.archive.Len() + w.secrets.Len(); now != objects {
		t.Errorf("%d objects became %d", objects, now)
	}
}

// TestOtherMethodsAreRefused tries every other method on every path.
func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	known := map[string]bool{}
	for _, r := range accessRoutes() {
		known[r.function+r.method+r.path] = true
	}
	for _, r := range accessRoutes() {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			if known[r.function+method+r.path] {
				continue
			}
			other := r
			other.method = method
			if status, text := w.call(t, other, accessBootstrap); status != 405 || !strings.Contains(text, "method-not-allowed") {
				t.Errorf("%s: %s %s: %d %s", r.function, method, r.path, status, text)
			}
		}
	}
}
