package onboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"timbre/shared/access"
	"timbre/shared/company"
	"timbre/shared/rut"
	"timbre/shared/store"
)

// companyRequest is the body of PUT /v1/companies/{rut}. A block or a field that is absent and stands
// for a switch (active, strict_remarks, boletas_rest, intercambio) stays as it is.
type companyRequest struct {
	RznSoc       string   `json:"RznSoc"`
	GiroEmis     string   `json:"GiroEmis"`
	Acteco       []digits `json:"Acteco"`
	DirOrigen    string   `json:"DirOrigen"`
	CmnaOrigen   string   `json:"CmnaOrigen"`
	CiudadOrigen string   `json:"CiudadOrigen"`

	Active        string        `json:"active"`
	Certificacion *blockRequest `json:"certificacion"`
	Produccion    *blockRequest `json:"produccion"`

	WebhookURL    string               `json:"webhook_url"`
	NamespaceForm string               `json:"namespace_form"`
	StrictRemarks *bool                `json:"strict_remarks"`
	BoletasREST   *bool                `json:"boletas_rest"`
	Intercambio   *company.Intercambio `json:"intercambio"`
}

// blockRequest is the resolution of the company in an environment.
type blockRequest struct {
	FchResol string `json:"FchResol"`
	NroResol int    `json:"NroResol"`
}

// digits is a code given as a JSON number or as a text.
type digits string

// UnmarshalJSON implements json.Unmarshaler; what is neither stays as it came, for the validation to refuse.
func (d *digits) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		*d = digits(s)
		return nil
	}
	if !json.Valid(text) {
		return errors.New("not a JSON value")
	}
	*d = digits(bytes.TrimSpace(text))
	return nil
}

// companyAnswer shows a configuration without its secrets.
type companyAnswer struct {
	RUT          rut.RUT  `json:"rut"`
	RznSoc       string   `json:"RznSoc"`
	GiroEmis     string   `json:"GiroEmis"`
	Acteco       []string `json:"Acteco"`
	DirOrigen    string   `json:"DirOrigen"`
	CmnaOrigen   string   `json:"CmnaOrigen"`
	CiudadOrigen string   `json:"CiudadOrigen"`

	Active        store.Environment `json:"active"`
	Certificacion *blockAnswer      `json:"certificacion"`
	Produccion    *blockAnswer      `json:"produccion"`

	WebhookURL    string               `json:"webhook_url"`
	NamespaceForm string               `json:"namespace_form"`
	StrictRemarks bool                 `json:"strict_remarks"`
	BoletasREST   bool                 `json:"boletas_rest"`
	Intercambio   *company.Intercambio `json:"intercambio"`
	// IMAPPassword and SMTPPassword tell whether there is one.
	IMAPPassword bool `json:"imap_password"`
	SMTPPassword bool `json:"smtp_password"`
	// Leaving is since when the company is being deleted.
	Leaving *time.Time `json:"leaving,omitempty"`
}

type blockAnswer struct {
	FchResol    string             `json:"FchResol"`
	NroResol    int                `json:"NroResol"`
	Certificate *certificateAnswer `json:"certificate"`
	Standby     *certificateAnswer `json:"standby"`
	CAFs        []cafAnswer        `json:"cafs"`
}

// certificateRequest is the body of PUT …/certificate.
type certificateRequest struct {
	PFX       []byte `json:"pfx"`
	Password  string `json:"password"`
	SignerRUT string `json:"signer_rut"`
	// Standby keeps the certificate for when the present one expires.
	Standby bool `json:"standby"`
}

// secretsRequest is the body of PUT …/secrets; what is absent stays, "" takes the password away.
type secretsRequest struct {
	IMAPPassword *string `json:"imap_password"`
	SMTPPassword *string `json:"smtp_password"`
}

type secretsAnswer struct {
	Company      rut.RUT `json:"company"`
	IMAPPassword bool    `json:"imap_password"`
	SMTPPassword bool    `json:"smtp_password"`
}

// webhookAnswer is the only time that a webhook's secret is seen; Live counts those that sign now.
type webhookAnswer struct {
	Secret string `json:"secret"`
	Live   int    `json:"live"`
}

// leaveAnswer tells when a company that is being deleted may be deleted for good.
type leaveAnswer struct {
	Company rut.RUT   `json:"company"`
	Leaving time.Time `json:"leaving"`
	After   time.Time `json:"deletable_after"`
}

type certificateAnswer struct {
	Environment store.Environment `json:"environment"`
	Subject     string            `json:"subject"`
	SignerRUT   rut.RUT           `json:"signer_rut"`
	NotBefore   time.Time         `json:"not_before"`
	NotAfter    time.Time         `json:"not_after"`
	SHA256      string            `json:"sha256"`
}

type cafAnswer struct {
	Environment store.Environment `json:"environment"`
	Type        int               `json:"type"`
	From        int64             `json:"from"`
	To          int64             `json:"to"`
	First       int64             `json:"first"`
	Authorized  string            `json:"authorized"`
	Expires     *string           `json:"expires"`
	SHA256      string            `json:"sha256"`
}

// foliosAnswer is the stock of folios of a company in an environment.
type foliosAnswer struct {
	Company     rut.RUT           `json:"company"`
	Environment store.Environment `json:"environment"`
	Types       []stockAnswer     `json:"types"`
}

// stockAnswer counts the folios of one type. Reserved ones wait for their document. Free ones were
// claimed in vain and are taken next; the list of them is cut at maxFreeListed. The forecast goes by the
// documents of the last 30 days.
type stockAnswer struct {
	Type       int     `json:"type"`
	Name       string  `json:"name"`
	Next       *int64  `json:"next"`
	Used       int64   `json:"used"`
	Reserved   int64   `json:"reserved"`
	Free       int64   `json:"free"`
	FreeFolios []int64 `json:"free_folios"`
	Voided     int64   `json:"voided"`
	Remaining  int64   `json:"remaining"`
	Expires    *string `json:"expires"`

	UsedRecently int64       `json:"used_last_30_days"`
	PerDay       json.Number `json:"use_per_day"`
	DaysLeft     *int64      `json:"days_until_run_out"`
	RunOut       *string     `json:"run_out"`
	Lost         int64       `json:"lost_at_expiry"`

	CAFs []stockCAF `json:"cafs"`
}

// stockCAF is a CAF with the folios of it that nobody used, and those of them that its expiry will take.
type stockCAF struct {
	cafAnswer
	Unused int64 `json:"unused"`
	Lost   int64 `json:"lost_at_expiry"`
}

// voidRequest is the body of POST …/folios:void.
type voidRequest struct {
	Type   int    `json:"type"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Reason string `json:"reason"`
}

type voidAnswer struct {
	Company     rut.RUT           `json:"company"`
	Environment store.Environment `json:"environment"`
	Type        int               `json:"type"`
	From        int64             `json:"from"`
	To          int64             `json:"to"`
	Reason      string            `json:"reason"`
}

// doctorAnswer is the table of the doctor; its Status is the worst of the checks.
type doctorAnswer struct {
	Company     rut.RUT           `json:"company"`
	Environment store.Environment `json:"environment"`
	At          string            `json:"at"`
	Status      status            `json:"status"`
	Checks      []checkAnswer     `json:"checks"`
}

// checkAnswer is a row of it: what was found, and what to do.
type checkAnswer struct {
	Check  string `json:"check"`
	Status status `json:"status"`
	Detail string `json:"detail"`
	Cure   string `json:"cure,omitempty"`
}

// keyRequest is the body of POST …/keys.
type keyRequest struct {
	RUTs   []string `json:"ruts"`
	Scopes []string `json:"scopes"`
	Label  string   `json:"label"`
}

// keyAnswer describes an API key; Key is present only in the answer that made it.
type keyAnswer struct {
	ID      string         `json:"id"`
	Key     string         `json:"key,omitempty"`
	RUTs    []rut.RUT      `json:"ruts"`
	Scopes  []access.Scope `json:"scopes"`
	Label   string         `json:"label"`
	Created time.Time      `json:"created"`
}

type keysAnswer struct {
	Keys []keyAnswer `json:"keys"`
}
