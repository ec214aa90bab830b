package oidc_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"timbre/emulators/oidc"
)

const (
	audience = "https://send.example"
	account  = "push@timbre.iam.gserviceaccount.com"
)

func newIssuer(t *testing.T) *oidc.Issuer {
	t.Helper()
	issuer, err := oidc.New()
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// validate asks the verifier of the official library, which knows the key only
// through the certificates that the client answers.
func validate(t *testing.T, client *http.Client, token string) (*idtoken.Payload, error) {
	t.Helper()
	validator, err := idtoken.NewValidator(t.Context(), option.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	return validator.Validate(t.Context(), token, audience)
}

func TestTokenPassesTheOfficialValidator(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	token, err := issuer.Token(audience, account)
	if err != nil {
		t.Fatal(err)
	}
	got, err := validate(t, issuer.Client(), token)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"iss": got.Issuer, "email": got.Claims["email"], "email_verified": got.Claims["email_verified"]}
	want := map[string]any{"iss": oidc.GoogleIssuer, "email": account, "email_verified": true}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Error(diff)
	}
	if life := got.Expires - got.IssuedAt; life != 3600 {
		t.Errorf("token lives %d s, want 3600", life)
	}
	if len(got.Subject) != 21 || got.Claims["azp"] != got.Subject {
		t.Errorf("sub %q, azp %v", got.Subject, got.Claims["azp"])
	}
}

func TestValidatorRefuses(t *testing.T) {
	t.Parallel()
	issuer, other := newIssuer(t), newIssuer(t)
	past := issuer.Claims(audience, account)
	past.Expires = time.Now().Add(-time.Minute).Unix()
	cases := map[string]struct {
		signer *oidc.Issuer
		claims oidc.Claims
		want   string
	}{
		"audience of another function": {issuer, issuer.Claims("https://notify.example", account), "does not match aud"},
		"expired":                      {issuer, past, "token expired"},
		"key of another issuer":        {other, issuer.Claims(audience, account), "could not find matching cert"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := c.signer.Sign(c.claims)
			if err != nil {
				t.Fatal(err)
			}
			_, err = validate(t, issuer.Client(), token)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTokenIsKeptPerAudienceAndAccount(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	tokens := map[string]bool{}
	for range 2 {
		for _, who := range [][2]string{{"a", "x"}, {"a", "y"}, {"b", "x"}} {
			token, err := issuer.Token(who[0], who[1])
			if err != nil {
				t.Fatal(err)
			}
			tokens[token] = true
		}
	}
	if len(tokens) != 3 {
		t.Errorf("%d different tokens, want 3", len(tokens))
	}
}

func TestCertificatesOverHTTP(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	mux := http.NewServeMux()
	mux.Handle("GET "+oidc.CertsPath, issuer)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+oidc.CertsPath, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	overHTTP, headers := get(t, server.Client(), request)
	inMemory, _ := get(t, issuer.Client(), request)
	if diff := cmp.Diff(inMemory, overHTTP); diff != "" {
		t.Error(diff)
	}
	if got := headers.Get("Cache-Control"); got != "public, max-age=60" {
		t.Errorf("Cache-Control %q", got)
	}
}

func get(t *testing.T, client *http.Client, request *http.Request) (string, http.Header) {
	t.Helper()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), response.Header
}

func TestOpenSharesOneKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	issuers := make([]*oidc.Issuer, 6)
	var racers sync.WaitGroup
	for i := range issuers {
		racers.Go(func() {
			issuer, err := oidc.Open(dir)
			if err != nil {
				t.Error(err)
			}
			issuers[i] = issuer
		})
	}
	racers.Wait()
	if t.Failed() {
		return
	}
	claims := issuers[0].Claims(audience, account)
	want, err := issuers[0].Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	for _, issuer := range issuers[1:] {
		if got, err := issuer.Sign(claims); err != nil || got != want {
			t.Errorf("signed with another key (%v)", err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("files left in the folder: %v (%v)", left, err)
	}
}

func TestOpenRefusesWhatIsNoKey(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"empty":     "",
		"no block":  "hello",
		"other pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"bad der":   "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "oidc-key.pem"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := oidc.Open(dir); !errors.Is(err, oidc.ErrKey) {
				t.Errorf("got %v, want %v", err, oidc.ErrKey)
			}
		})
	}
}
