package company

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// ErrSecret says that a secret, or that version of it, does not exist.
var ErrSecret = errors.New("company: no such secret")

// Secrets is Secret Manager as far as we use it.
type Secrets interface {
	// Add stores a new version of a secret, which is made if it is not there, and tells the version.
	Add(ctx context.Context, name string, data []byte) (string, error)
	Access(ctx context.Context, name, version string) ([]byte, error)
	// Delete destroys a secret with all its versions; one that is not there is success.
	Delete(ctx context.Context, name string) error
}

// probe is a secret that does not exist.
const probe = "timbre-readiness"

// Accessor reads versions of secrets.
type Accessor interface {
	Access(ctx context.Context, name, version string) ([]byte, error)
}

// CheckSecrets asks for a secret that does not exist: Secret Manager answers, and lets us read.
func CheckSecrets(ctx context.Context, s Accessor) error {
	_, err := s.Access(ctx, probe, "1")
	if errors.Is(err, ErrSecret) {
		return nil
	}
	return err
}

// CertificateSecret names the secret of a company's certificates; each certificate is a version.
func CertificateSecret(e store.Environment, r rut.RUT) string {
	return fmt.Sprintf("timbre-certificate-%s-%s", e, r)
}

// CAFSecret names the secret of a company's CAFs of one type; each file is a version.
func CAFSecret(e store.Environment, r rut.RUT, t dte.Type) string {
	return fmt.Sprintf("timbre-caf-%s-%s-%s", e, r, t)
}

// WebhookSecret names the secret by which a company knows that a webhook is ours; each rotation is a version.
func WebhookSecret(r rut.RUT) string { return "timbre-webhook-" + r.String() }

// IMAPSecret names the secret of the password to a company's mailbox.
func IMAPSecret(r rut.RUT) string { return fmt.Sprintf("timbre-imap-%s", r) }

// SMTPSecret names the secret of the password to a company's mail server.
func SMTPSecret(r rut.RUT) string { return fmt.Sprintf("timbre-smtp-%s", r) }

// pfxSecret is the content of a certificate's secret.
type pfxSecret struct {
	PFX      []byte `json:"pfx"` // base64 in JSON
	Password string `json:"password"`
}

// EncodePFX makes the content of a certificate's secret.
func EncodePFX(pfx []byte, password string) ([]byte, error) {
	return json.Marshal(pfxSecret{PFX: pfx, Password: password})
}

// Password is a text that prints as [redacted].
type Password string

const redacted = "[redacted]"

// Format keeps the password out of logs, whatever the verb.
func (Password) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalText keeps the password out of logs and answers.
func (Password) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MemorySecrets keeps secrets in memory, for tests. The zero value is empty.
type MemorySecrets struct {
	mu       sync.Mutex
	versions map[string][][]byte
}

// Add implements Secrets.
func (m *MemorySecrets) Add(_ context.Context, name string, data []byte) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.versions == nil {
		m.versions = map[string][][]byte{}
	}
	m.versions[name] = append(m.versions[name], append([]byte(nil), data...))
	return strconv.Itoa(len(m.versions[name])), nil
}

// Access implements Secrets.
func (m *MemorySecrets) Access(_ context.Context, name, version string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := strconv.Atoi(version)
	if err != nil || n < 1 || n > len(m.versions[name]) {
		return nil, fmt.Errorf("%w: version %s of %s", ErrSecret, version, name)
	}
	return append([]byte(nil), m.versions[name][n-1]...), nil
}

// Delete implements Secrets.
func (m *MemorySecrets) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.versions, name)
	return nil
}

// Len counts the versions of all secrets.
func (m *MemorySecrets) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	count := 0
	for _, v := range m.versions {
		count += len(v)
	}
	return count
}
