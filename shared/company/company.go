// Package company holds the configuration of a company: who it is, and for each environment of the SII
// its resolution, its certificate and its CAFs. Secrets are references to Secret Manager with a pinned
// version; the version is what caches are keyed by.
package company

import (
	"time"

	"timbre/shared/dte"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// Company is what stands under companies/ in the state bucket.
type Company struct {
	RUT        rut.RUT  `json:"rut"`
	RznSoc     string   `json:"RznSoc"`
	GiroEmis   string   `json:"GiroEmis"`
	Acteco     []string `json:"Acteco"`
	DirOrigen  string   `json:"DirOrigen"`
	CmnaOrigen string   `json:"CmnaOrigen"`
	// CiudadOrigen may be empty.
	CiudadOrigen string `json:"CiudadOrigen,omitempty"`

	Active store.Environment            `json:"active"`
	Blocks map[store.Environment]*Block `json:"blocks"`

	WebhookURL string `json:"webhook_url,omitempty"`
	// NamespaceForm is "both" or "sii" (FORMATS §10.2).
	NamespaceForm string `json:"namespace_form"`
	StrictRemarks bool   `json:"strict_remarks"`
}

// Block is what a company has in one environment.
type Block struct {
	FchResol    string       `json:"FchResol"` // AAAA-MM-DD
	NroResol    int          `json:"NroResol"` // 0 in certificacion
	Certificate *Certificate `json:"certificate,omitempty"`
	CAFs        []CAF        `json:"cafs,omitempty"`
}

// Secret names one version of one secret.
type Secret struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Certificate is the signing certificate of a person; the secret holds PFX and password.
type Certificate struct {
	Secret    Secret    `json:"secret"`
	SHA256    string    `json:"sha256"` // of the certificate's DER, hex
	Subject   string    `json:"subject"`
	Signer    rut.RUT   `json:"signer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

// CAF is one authorisation of folios; the secret holds the file as it came.
type CAF struct {
	Secret Secret   `json:"secret"`
	Type   dte.Type `json:"type"`
	From   int64    `json:"from"`
	To     int64    `json:"to"`
	// First is the lowest folio that may be used; those below were used elsewhere.
	First int64 `json:"first"`
	// Authorized (FA) is AAAA-MM-DD. Expires is the last day on which a document may be signed, "" if none.
	Authorized string `json:"authorized"`
	Expires    string `json:"expires,omitempty"`
	SHA256     string `json:"sha256"` // of the file, hex
}
