package oidc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
)

// CertsPath is the path of Google's certificates in JWK form.
const CertsPath = "/oauth2/v3/certs"

type jwk struct {
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Kty string `json:"kty"`
	E   string `json:"e"`
	N   string `json:"n"`
}

// ServeHTTP answers the public key as Google's certificates URL does; register
// it at CertsPath.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	body, err := i.certs()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	maps.Copy(w.Header(), certsHeader())
	_, _ = w.Write(body) // a caller that has gone away needs no answer
}

// certsHeader lets verifiers keep the key for a minute; Google says hours.
func certsHeader() http.Header {
	return http.Header{
		"Content-Type":  {"application/json; charset=UTF-8"},
		"Cache-Control": {"public, max-age=60"},
	}
}

func (i *Issuer) certs() ([]byte, error) {
	exponent := big.NewInt(int64(i.key.E)).Bytes()
	return json.Marshal(map[string][]jwk{"keys": {{
		Kid: i.keyID,
		Use: "sig",
		Alg: "RS256",
		Kty: "RSA",
		E:   base64.RawURLEncoding.EncodeToString(exponent),
		N:   base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()),
	}}})
}

// Client answers an HTTP client that gets the certificates whatever it asks
// for, without a network: for option.WithHTTPClient of idtoken.NewValidator.
func (i *Issuer) Client() *http.Client {
	return &http.Client{Transport: transport{i}}
}

type transport struct{ issuer *Issuer }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := t.issuer.certs()
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status:        "200 OK",
		StatusCode:    http.StatusOK,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        certsHeader(),
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}, nil
}
