package oidc

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// GoogleIssuer is the iss claim of the ID tokens that Google signs.
const GoogleIssuer = "https://accounts.google.com"

const (
	lifetime = time.Hour
	// renewal is the age at which Token mints anew. Push tokens of the real
	// service, too, may be up to an hour old when they arrive.
	renewal = 20 * time.Minute
)

// Claims are the claims of an ID token of a Google service account.
type Claims struct {
	Issuer        string `json:"iss"`
	Audience      string `json:"aud"`
	Subject       string `json:"sub"`
	AuthorizedFor string `json:"azp"`
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	IssuedAt      int64  `json:"iat"`
	Expires       int64  `json:"exp"`
}

// Issuer signs ID tokens with one RSA key. It is safe for concurrent use.
type Issuer struct {
	key   *rsa.PrivateKey
	keyID string
	now   func() time.Time

	mu     sync.Mutex
	tokens map[identity]minted
}

type identity struct{ audience, email string }

type minted struct {
	token string
	at    time.Time
}

// New makes an issuer whose key lives in memory only.
func New() (*Issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("generate token key: %w", err)
	}
	return fromKey(key), nil
}

func fromKey(key *rsa.PrivateKey) *Issuer {
	sum := sha256.Sum256(key.N.Bytes())
	return &Issuer{
		key:    key,
		keyID:  hex.EncodeToString(sum[:20]),
		now:    time.Now,
		tokens: map[identity]minted{},
	}
}

// Token answers a token of the service account for the audience, valid for at
// least forty minutes. Tokens are kept and reused, as signing each push would
// cost a millisecond.
func (i *Issuer) Token(audience, email string) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	who, now := identity{audience, email}, i.now()
	if kept, ok := i.tokens[who]; ok && now.Sub(kept.at) < renewal {
		return kept.token, nil
	}
	token, err := i.Sign(i.Claims(audience, email))
	if err != nil {
		return "", err
	}
	i.tokens[who] = minted{token, now}
	return token, nil
}

// Claims answers what a token of the service account says now. Tests change
// them before Sign to make tokens that must be refused.
func (i *Issuer) Claims(audience, email string) Claims {
	now := i.now()
	return Claims{
		Issuer:        GoogleIssuer,
		Audience:      audience,
		Subject:       subject(email),
		AuthorizedFor: subject(email),
		Email:         email,
		EmailVerified: true,
		IssuedAt:      now.Unix(),
		Expires:       now.Add(lifetime).Unix(),
	}
}

// Sign writes the claims as a JWT (RFC 7519) signed with RS256.
func (i *Issuer) Sign(claims Claims) (string, error) {
	header := map[string]string{"alg": "RS256", "kid": i.keyID, "typ": "JWT"}
	head, err := segment(header)
	if err != nil {
		return "", err
	}
	body, err := segment(claims)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(head + "." + body))
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return head + "." + body + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func segment(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// subject is a stable number of 21 digits, the form of Google's account ids.
func subject(email string) string {
	sum := sha256.Sum256([]byte(email))
	return fmt.Sprintf("1%020d", binary.BigEndian.Uint64(sum[:8]))
}
