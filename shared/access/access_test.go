package access_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timbre/emulators/oidc"
	"timbre/shared/access"
	"timbre/shared/problem"
	"timbre/shared/rut"
	"timbre/shared/store"
)

const (
	audience  = "https://timbre.example"
	account   = "push@proj.iam.gserviceaccount.com"
	person    = "ana@example.cl"
	bootstrap = "timbre_bootstrap-of-tests"
)

var (
	companyA = rut.MustParse("99928793-K")
	companyB = rut.MustParse("99923634-0")
)

// sharedIssuer saves each test the making of a key.
var sharedIssuer = sync.OnceValues(oidc.New)

// world is a guard with keys, an issuer of ID tokens and the log.
type world struct {
	keys    *access.Keys
	guard   *access.Guard
	issuer  *oidc.Issuer
	certs   *httptest.Server
	bucket  *store.Memory
	log     *bytes.Buffer
	now     time.Time
	fetches int
	mu      sync.Mutex
}

func newWorld(t *testing.T) *world {
	t.Helper()
	issuer, err := sharedIssuer()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{issuer: issuer, bucket: store.NewMemory(), log: &bytes.Buffer{}, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	w.certs = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.fetches++
		w.mu.Unlock()
		issuer.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.certs.Close)
	w.keys = access.NewKeys(store.NewBucket(w.bucket), func() time.Time { return w.now })
	w.guard = w.guardOf(t, w.config())
	return w
}

func (w *world) config() access.Config {
	sum := sha256.Sum256([]byte(bootstrap))
	return access.Config{
		BootstrapKeySHA256: hex.EncodeToString(sum[:]), Audience: audience, CertsURL: w.certs.URL,
		ServiceAccounts: []string{account}, UserEmails: person + "=" + companyA.String() + "/issue,read",
	}
}

func (w *world) guardOf(t *testing.T, c access.Config) *access.Guard {
	t.Helper()
	guard, err := access.New(t.Context(), c, w.keys, slog.New(slog.NewTextHandler(w.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

func (w *world) key(t *testing.T, ruts []rut.RUT, scopes ...access.Scope) (string, access.Key) {
	t.Helper()
	text, key, err := w.keys.Issue(t.Context(), ruts, scopes, "ERP")
	if err != nil {
		t.Fatal(err)
	}
	return text, key
}

// token is an ID token whose claims change alters.
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

// ask calls a handler behind the guard; the principal is nil if the caller was not let in.
func ask(wrap func(http.Handler) http.Handler, authorization ...string) (int, *access.Principal) {
	var got *access.Principal
	h := wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p := access.From(r.Context())
		got = &p
	}))
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, got
}

func (w *world) public(h http.Handler) http.Handler { return w.guard.Require(access.Read, h) }

func TestRequire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, key := w.key(t, []rut.RUT{companyA}, access.Issue, access.Read)
	issueOnly, _ := w.key(t, []rut.RUT{companyA}, access.Issue)
	removed := w.token(t, person, nil)
	removed = removed[:strings.LastIndex(removed, ".")] + ".SIGNATURE_REMOVED_BY_GOOGLE"
	stranger, err := oidc.New()
	if err != nil {
		t.Fatal(err)
	}
	forged, err := stranger.Sign(w.issuer.Claims(audience, person))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		headers []string
		status  int
		want    *access.Principal
	}{
		"API key":       {[]string{"Bearer " + good}, 200, &access.Principal{ID: key.ID, RUTs: []rut.RUT{companyA}, Scopes: []access.Scope{access.Issue, access.Read}}},
		"bootstrap key": {[]string{"bearer " + bootstrap}, 200, &access.Principal{ID: "bootstrap", Scopes: access.Scopes(), Bootstrap: true}},
		"ID token": {[]string{"Bearer " + w.token(t, person, nil)}, 200, &access.Principal{
			ID: "id-token", Email: person, RUTs: []rut.RUT{companyA}, Scopes: []access.Scope{access.Issue, access.Read},
		}},
		"ID token, short issuer": {[]string{"Bearer " + w.token(t, person, func(c *oidc.Claims) { c.Issuer = "accounts.google.com" })}, 200, &access.Principal{
			ID: "id-token", Email: person, RUTs: []rut.RUT{companyA}, Scopes: []access.Scope{access.Issue, access.Read},
		}},
		"no credential":         {nil, 401, nil},
		"two credentials":       {[]string{"Bearer " + good, "Bearer " + good}, 401, nil},
		"basic":                 {[]string{"Basic " + good}, 401, nil},
		"empty":                 {[]string{"Bearer "}, 401, nil},
		"huge":                  {[]string{"Bearer " + strings.Repeat("x", 9000)}, 401, nil},
		"unknown API key":       {[]string{"Bearer " + good[:len(good)-1] + "!"}, 401, nil},
		"bare prefix":           {[]string{"Bearer timbre_"}, 401, nil},
		"scope missing":         {[]string{"Bearer " + issueOnly}, 403, nil},
		"service account":       {[]string{"Bearer " + w.token(t, account, nil)}, 401, nil},
		"unknown person":        {[]string{"Bearer " + w.token(t, "eva@example.cl", nil)}, 401, nil},
		"expired":               {[]string{"Bearer " + w.token(t, person, func(c *oidc.Claims) { c.Expires = time.Now().Add(-time.Minute).Unix() })}, 401, nil},
		"wrong audience":        {[]string{"Bearer " + w.token(t, person, func(c *oidc.Claims) { c.Audience = "https://other.example" })}, 401, nil},
		"wrong issuer":          {[]string{"Bearer " + w.token(t, person, func(c *oidc.Claims) { c.Issuer = "https://evil.example" })}, 401, nil},
		"e-mail not verified":   {[]string{"Bearer " + w.token(t, person, func(c *oidc.Claims) { c.EmailVerified = false })}, 401, nil},
		"no e-mail":             {[]string{"Bearer " + w.token(t, "", nil)}, 401, nil},
		"forged":                {[]string{"Bearer " + forged}, 401, nil},
		"signature removed":     {[]string{"Bearer " + removed}, 401, nil},
		"signature cut":         {[]string{"Bearer " + removed[:strings.LastIndex(removed, ".")+1]}, 401, nil},
		"unsigned":              {[]string{"Bearer " + withHeader(w.token(t, person, nil), `{"alg":"none"}`)}, 401, nil},
		"short ES256 signature": {[]string{"Bearer " + withHeader(w.token(t, person, nil), `{"alg":"ES256","kid":"x"}`)}, 401, nil},
		"header not base64":     {[]string{"Bearer a!.b.c"}, 401, nil},
		"two parts":             {[]string{"Bearer a.b"}, 401, nil},
	}
	for name, c := range cases {
		status, got := ask(w.public, c.headers...)
		if status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if !strings.Contains(w.log.String(), "--no-invoker-iam-check") {
		t.Error("the log does not name the switch to turn when signatures are removed")
	}
	for _, secret := range []string{good, bootstrap, removed} {
		if strings.Contains(w.log.String(), secret) {
			t.Error("the log holds a credential")
		}
	}
}

// withHeader puts another header before a token's claims, so that the signature is no longer its own.
func withHeader(token, header string) string {
	_, rest, _ := strings.Cut(token, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
}

func TestInternal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all, _ := w.key(t, []rut.RUT{companyA}, access.Scopes()...)
	cases := map[string]struct {
		credential string
		status     int
	}{
		"service account": {w.token(t, account, nil), 200},
		"person":          {w.token(t, person, nil), 401},
		"API key":         {all, 401},
		"bootstrap key":   {bootstrap, 401},
		"wrong audience":  {w.token(t, account, func(c *oidc.Claims) { c.Audience = "https://other.example" }), 401},
		"expired":         {w.token(t, account, func(c *oidc.Claims) { c.Expires = 1 }), 401},
		"wrong issuer":    {w.token(t, account, func(c *oidc.Claims) { c.Issuer = "https://evil.example" }), 401},
	}
	for name, c := range cases {
		if status, _ := ask(w.guard.Internal, "Bearer "+c.credential); status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
	}
	if status, _ := ask(w.guard.Internal); status != 401 {
		t.Errorf("no credential: status %d", status)
	}
	if w.fetches != 1 {
		t.Errorf("certificates fetched %d times, want 1", w.fetches)
	}
}

func TestNothingConfiguredLetsNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]access.Config{
		"nothing":  {CertsURL: w.certs.URL},
		"audience": {CertsURL: w.certs.URL, ServiceAccounts: []string{account}, UserEmails: w.config().UserEmails},
	} {
		guard := w.guardOf(t, c)
		for _, credential := range []string{"", bootstrap, w.token(t, account, nil), w.token(t, person, func(c *oidc.Claims) { c.Audience = "" })} {
			if status, _ := ask(func(h http.Handler) http.Handler { return guard.Require(access.Read, h) }, "Bearer "+credential); status != 401 {
				t.Errorf("%s: public path: %d", name, status)
			}
			if status, _ := ask(guard.Internal, "Bearer "+credential); status != 401 {
				t.Errorf("%s: internal path: %d", name, status)
			}
		}
	}
}

func TestUnreachableCertificatesAreNoRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(t, account, nil)
	w.certs.Close()
	if status, _ := ask(w.guard.Internal, "Bearer "+token); status != 503 {
		t.Errorf("certificates cannot be reached: status %d, want 503", status)
	}
	broken := httptest.NewServer(http.NotFoundHandler())
	defer broken.Close()
	c := w.config()
	c.CertsURL = broken.URL
	if status, _ := ask(w.guardOf(t, c).Internal, "Bearer "+token); status != 503 {
		t.Errorf("certificates answer 404: status %d, want 503", status)
	}
}

func TestKeysAreStoredAsHashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, key := w.key(t, []rut.RUT{companyA}, access.Read)
	random, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, access.KeyPrefix))
	if err != nil || len(random) != 32 {
		t.Errorf("%d random bytes, %v", len(random), err)
	}
	sum := sha256.Sum256([]byte(text))
	o, err := w.bucket.Read(t.Context(), "keys/"+hex.EncodeToString(sum[:])+".json")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"` + hex.EncodeToString(sum[:8]) + `","ruts":["99928793-K"],"scopes":["read"],"label":"ERP","created":"2026-11-24T12:00:00Z"}`
	if diff := cmp.Diff(want, string(o.Data)); diff != "" {
		t.Error(diff)
	}
	if key.ID != hex.EncodeToString(sum[:8]) {
		t.Errorf("id %s", key.ID)
	}
}

func TestRevokedKeyDiesWithinAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, key := w.key(t, []rut.RUT{companyA}, access.Read)
	elsewhere := access.NewKeys(store.NewBucket(w.bucket), time.Now) // another instance revokes
	if status, _ := ask(w.public, "Bearer "+text); status != 200 {
		t.Fatalf("status %d", status)
	}
	denied := errors.New("not yours")
	if err := elsewhere.Revoke(t.Context(), key.ID, func(access.Key) error { return denied }); !errors.Is(err, denied) {
		t.Errorf("got %v", err)
	}
	if err := elsewhere.Revoke(t.Context(), key.ID, func(access.Key) error { return nil }); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(31 * time.Second)
	if status, _ := ask(w.public, "Bearer "+text); status != 401 {
		t.Errorf("status %d after 31 seconds", status)
	}
	for _, id := range []string{key.ID, "", "zz", strings.Repeat("0", 16), strings.Repeat("0", 64), "../" + key.ID} {
		if err := elsewhere.Revoke(t.Context(), id, func(access.Key) error { return nil }); !errors.Is(err, access.ErrNoKey) {
			t.Errorf("revoke %q: %v", id, err)
		}
	}
}

func TestKeyThatIsRevokedHereDiesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, key := w.key(t, []rut.RUT{companyA}, access.Read)
	if status, _ := ask(w.public, "Bearer "+text); status != 200 {
		t.Fatalf("status %d", status)
	}
	if err := w.keys.Revoke(t.Context(), key.ID, func(access.Key) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if status, _ := ask(w.public, "Bearer "+text); status != 401 {
		t.Errorf("status %d", status)
	}
}

func TestListShowsACompanysKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, first := w.key(t, []rut.RUT{companyA}, access.Read)
	w.now = w.now.Add(time.Second)
	_, both := w.key(t, []rut.RUT{companyB, companyA}, access.Issue)
	w.now = w.now.Add(time.Second)
	w.key(t, []rut.RUT{companyB}, access.Admin)
	keys, err := w.keys.List(t.Context(), companyA)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]access.Key{first, both}, keys); diff != "" {
		t.Error(diff)
	}
}

// failing is a bucket that cannot be reached.
type failing struct{ store.Driver }

func (failing) Read(context.Context, string) (store.Object, error) {
	return store.Object{}, io.ErrUnexpectedEOF
}

func TestUnreachableBucketIsNoRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := access.NewKeys(store.NewBucket(failing{w.bucket}), time.Now)
	guard, err := access.New(t.Context(), w.config(), keys, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	h := guard.Require(access.Read, http.NotFoundHandler())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer timbre_"+strings.Repeat("x", 43))
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	if answer.Code != 503 || answer.Header().Get("Retry-After") == "" {
		t.Errorf("status %d", answer.Code)
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	p := access.Principal{RUTs: []rut.RUT{companyA}, Scopes: []access.Scope{access.Read}}
	cases := map[string]struct {
		p     access.Principal
		r     rut.RUT
		s     access.Scope
		allow bool
	}{
		"own":           {p, companyA, access.Read, true},
		"other company": {p, companyB, access.Read, false},
		"other scope":   {p, companyA, access.Issue, false},
		"bootstrap":     {access.Principal{Bootstrap: true}, companyB, access.Admin, true},
		"nobody":        {access.From(context.Background()), companyA, access.Read, false},
		"no company":    {access.Principal{Scopes: access.Scopes()}, rut.RUT{}, access.Read, false},
	}
	for name, c := range cases {
		err := c.p.Check(c.r, c.s)
		if c.p.MayAct(c.r, c.s) != c.allow || (err == nil) != c.allow || err != nil && !errors.Is(err, problem.New(problem.Forbidden, "")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]access.Config{
		"hash too short":        {BootstrapKeySHA256: "abcd"},
		"hash not hex":          {BootstrapKeySHA256: strings.Repeat("z", 64)},
		"certificates' address": {CertsURL: "::not an address"},
		"user without rights":   {UserEmails: "ana@example.cl"},
		"user with a bad RUT":   {UserEmails: "ana@example.cl=1-1/read"},
		"user for all":          {UserEmails: "ana@example.cl=*/read"},
		"user, unknown scope":   {UserEmails: "ana@example.cl=99928793-K/all"},
		"rate below zero":       {RatePerSecond: -1},
		"rate without burst":    {RatePerSecond: 1},
		"user is an account":    {UserEmails: account + "=99928793-K/read", ServiceAccounts: []string{account}},
	}
	for name, c := range cases {
		if _, err := access.New(t.Context(), c, nil, slog.Default()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
