package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"
)

var (
	// errToken says that an ID token is not to be believed.
	errToken = errors.New("access: ID token refused")
	// errSignatureRemoved says that Cloud Run took the signature away.
	errSignatureRemoved = fmt.Errorf("%w: its signature was removed", errToken)
	// errCerts says that Google's certificates cannot be had.
	errCerts = errors.New("access: no certificates to verify ID tokens with")
)

// signatureRemoved is what Cloud Run puts in the place of a signature that it has checked itself.
const signatureRemoved = "SIGNATURE_REMOVED_BY_GOOGLE"

// googleIssuers are the iss of Google's ID tokens; the validator leaves them to us.
var googleIssuers = []string{"https://accounts.google.com", "accounts.google.com"}

// googleCerts is where the validator gets the keys of RS256 tokens.
const googleCerts = "https://www.googleapis.com/oauth2/v3/certs"

const certsTimeout = 10 * time.Second

// tokens verifies Google ID tokens.
type tokens struct {
	validator *idtoken.Validator
	audience  string
}

// newTokens makes a verifier; certsURL stands in for Google's, "" for none.
func newTokens(ctx context.Context, audience, certsURL string) (*tokens, error) {
	transport := &certsTransport{base: http.DefaultTransport}
	if certsURL != "" {
		instead, err := url.Parse(certsURL)
		if err != nil || instead.Host == "" {
			return nil, fmt.Errorf("access: OIDC_CERTS_URL %q is no address", certsURL)
		}
		transport.instead = instead
	}
	client := &http.Client{Transport: transport, Timeout: certsTimeout}
	validator, err := idtoken.NewValidator(ctx, option.WithHTTPClient(client))
	if err != nil {
		return nil, fmt.Errorf("make a validator of ID tokens: %w", err)
	}
	return &tokens{validator: validator, audience: audience}, nil
}

// email verifies signature, issuer, audience and expiry and gives the verified e-mail of a token.
func (t *tokens) email(ctx context.Context, token string) (string, error) {
	if t.audience == "" { // the validator would take any
		return "", fmt.Errorf("%w: OIDC_AUDIENCE is not set", errToken)
	}
	if err := checkForm(token); err != nil {
		return "", err
	}
	payload, err := t.validator.Validate(ctx, token, t.audience)
	if errors.Is(err, errCerts) || ctx.Err() != nil {
		return "", fmt.Errorf("verify an ID token: %w", err)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", errToken, err)
	}
	if !slices.Contains(googleIssuers, payload.Issuer) {
		return "", fmt.Errorf("%w: issuer %.60q", errToken, payload.Issuer)
	}
	email, _ := payload.Claims["email"].(string)
	if verified, _ := payload.Claims["email_verified"].(bool); !verified || email == "" {
		return "", fmt.Errorf("%w: no verified e-mail", errToken)
	}
	return email, nil
}

// checkForm refuses what the validator need not see: it would take other algorithms (and fall over a
// short ES256 signature).
func checkForm(token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fmt.Errorf("%w: not three parts", errToken)
	}
	if parts[2] == signatureRemoved {
		return errSignatureRemoved
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return fmt.Errorf("%w: header is not base64url", errToken)
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err := json.Unmarshal(text, &header); err != nil || header.Algorithm != "RS256" {
		return fmt.Errorf("%w: not signed with RS256", errToken)
	}
	return nil
}

// certsTransport fetches Google's certificates, or those of the issuer that stands in.
type certsTransport struct {
	base    http.RoundTripper
	instead *url.URL
}

// RoundTrip implements http.RoundTripper.
func (t *certsTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.String() != googleCerts {
		return nil, fmt.Errorf("%w: unexpected address %s", errCerts, r.URL)
	}
	if t.instead != nil {
		r = r.Clone(r.Context())
		r.URL, r.Host = t.instead, t.instead.Host
	}
	response, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCerts, err)
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close() // its content is of no use
		return nil, fmt.Errorf("%w: status %d", errCerts, response.StatusCode)
	}
	return response, nil
}
