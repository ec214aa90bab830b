package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"timbre/shared/rut"
)

// Config says whom to believe. Everything unset lets nobody in.
type Config struct {
	// BootstrapKeySHA256 is the SHA-256 of the bootstrap key, in hex.
	BootstrapKeySHA256 string `env:"BOOTSTRAP_KEY_SHA256"`
	// Audience is the aud that ID tokens must carry; without one none is taken.
	Audience string `env:"OIDC_AUDIENCE"`
	// CertsURL stands in for Google's certificates, for an issuer on this machine.
	CertsURL string `env:"OIDC_CERTS_URL"`
	// ServiceAccounts are the e-mails of those who may push and tick.
	ServiceAccounts []string `env:"SERVICE_ACCOUNTS"`
	// UserEmails are the people whose ID tokens count: ana@example.cl=76192083-9,96790240-3/issue,read;…
	UserEmails string `env:"USER_EMAILS"`
	// RatePerSecond is how many requests of one credential a process lets in, RateBurst how many at once;
	// 0 sets no bound. The bootstrap key and service accounts have none.
	RatePerSecond int `env:"RATE_PER_SECOND,default=100"`
	RateBurst     int `env:"RATE_BURST,default=200"`
}

// settings is a Config that has been read.
type settings struct {
	bootstrap [sha256.Size]byte // zero: none
	audience  string
	accounts  []string
	users     map[string]Principal
}

func (c Config) read() (settings, error) {
	s := settings{audience: c.Audience, accounts: c.ServiceAccounts}
	if c.BootstrapKeySHA256 != "" {
		sum, err := hex.DecodeString(c.BootstrapKeySHA256)
		if err != nil || len(sum) != sha256.Size {
			return s, errors.New("access: BOOTSTRAP_KEY_SHA256 is no SHA-256 in hex")
		}
		copy(s.bootstrap[:], sum)
	}
	if c.RatePerSecond < 0 || c.RatePerSecond > 0 && c.RateBurst < 1 {
		return s, errors.New("access: RATE_PER_SECOND and RATE_BURST must be positive")
	}
	var err error
	if s.users, err = readUsers(c.UserEmails); err != nil {
		return s, err
	}
	for _, account := range s.accounts {
		if _, both := s.users[account]; both {
			return s, fmt.Errorf("access: %s is in SERVICE_ACCOUNTS and in USER_EMAILS", account)
		}
	}
	return s, nil
}

// readUsers reads e-mail=RUTs/scopes, one after another with semicolons.
func readUsers(text string) (map[string]Principal, error) {
	users := map[string]Principal{}
	for _, entry := range strings.Split(text, ";") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		email, rights, _ := strings.Cut(entry, "=")
		ruts, scopes, ok := strings.Cut(rights, "/")
		if !ok || email == "" {
			return nil, fmt.Errorf("access: USER_EMAILS: %q is not e-mail=RUTs/scopes", entry)
		}
		p := Principal{ID: "id-token", Email: email}
		var err error
		if p.RUTs, err = readRUTs(ruts); err != nil {
			return nil, fmt.Errorf("access: USER_EMAILS: %w", err)
		}
		if p.Scopes, err = readScopes(scopes); err != nil {
			return nil, fmt.Errorf("access: USER_EMAILS: %w", err)
		}
		users[email] = p
	}
	return users, nil
}

func readRUTs(text string) ([]rut.RUT, error) {
	var all []rut.RUT
	for _, part := range strings.Split(text, ",") {
		r, err := rut.Parse(part)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func readScopes(text string) ([]Scope, error) {
	var all []Scope
	for _, part := range strings.Split(text, ",") {
		s := Scope(strings.TrimSpace(part))
		if !s.Valid() {
			return nil, fmt.Errorf("no scope %q", part)
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
