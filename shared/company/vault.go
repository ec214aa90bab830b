package company

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"timbre/shared/caf"
	"timbre/shared/cert"
	"timbre/shared/recent"
	"timbre/shared/rut"
)

// Vault opens certificates and CAFs. A version of a secret never changes, so that what was opened once
// is kept as long as there is room. But a secret that was deleted and made anew counts its versions from 1
// again: so what is kept goes by the digest that the configuration names, and a CAF must have it.
type Vault struct {
	secrets    Secrets
	keys       caf.Keys
	identities *recent.Cache[signerRef, *cert.Identity]
	cafs       *recent.Cache[cafRef, *caf.CAF]
	passwords  *recent.Cache[Secret, Password]
}

// signerRef is what an identity depends on.
type signerRef struct {
	secret Secret
	sha256 string
	signer rut.RUT
}

// cafRef is what an opened CAF depends on.
type cafRef struct {
	secret Secret
	sha256 string
}

// errOtherContent says that a secret does not hold what the configuration was made of.
var errOtherContent = errors.New("company: secret holds something else than the configuration names")

// NewVault opens secrets; keys are the SII's, which sign CAFs.
func NewVault(s Secrets, keys caf.Keys) *Vault {
	v := &Vault{secrets: s, keys: keys}
	v.identities = recent.New(recent.Options[signerRef, *cert.Identity]{Load: v.openIdentity})
	v.cafs = recent.New(recent.Options[cafRef, *caf.CAF]{Load: v.openCAF})
	v.passwords = recent.New(recent.Options[Secret, Password]{Load: func(ctx context.Context, ref Secret) (Password, error) {
		text, err := s.Access(ctx, ref.Name, ref.Version)
		return Password(text), err
	}})
	return v
}

// Identity is the signer of a certificate. Whether it may sign now is for its Check to say.
func (v *Vault) Identity(ctx context.Context, c *Certificate) (*cert.Identity, error) {
	return v.identities.Get(ctx, signerRef{c.Secret, c.SHA256, c.Signer})
}

// CAF is the file of an authorisation, checked.
func (v *Vault) CAF(ctx context.Context, c CAF) (*caf.CAF, error) {
	return v.cafs.Get(ctx, cafRef{c.Secret, c.SHA256})
}

// Password is the content of a secret that is a text.
func (v *Vault) Password(ctx context.Context, ref Secret) (Password, error) {
	return v.passwords.Get(ctx, ref)
}

func (v *Vault) openIdentity(ctx context.Context, ref signerRef) (*cert.Identity, error) {
	text, err := v.secrets.Access(ctx, ref.secret.Name, ref.secret.Version)
	if err != nil {
		return nil, err
	}
	var content pfxSecret
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, fmt.Errorf("decode secret %s: not as onboard wrote it", ref.secret.Name) // err would quote it
	}
	identity, err := cert.ReadPFX(content.PFX, content.Password)
	if err != nil {
		return nil, fmt.Errorf("open secret %s: %w", ref.secret.Name, err)
	}
	return identity.WithRUT(ref.signer)
}

func (v *Vault) openCAF(ctx context.Context, ref cafRef) (*caf.CAF, error) {
	file, err := v.secrets.Access(ctx, ref.secret.Name, ref.secret.Version)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(file); ref.sha256 != "" && ref.sha256 != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("open secret %s, version %s: %w", ref.secret.Name, ref.secret.Version, errOtherContent)
	}
	c, err := caf.Parse(file, v.keys)
	if err != nil {
		return nil, fmt.Errorf("open secret %s: %w", ref.secret.Name, err)
	}
	return c, nil
}
