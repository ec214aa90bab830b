package company

import (
	"cmp"
	"errors"
	"slices"
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
	// WebhookSecrets sign what is sent to WebhookURL, the newest first: two while a receiver changes over.
	WebhookSecrets []Secret `json:"webhook_secrets,omitempty"`
	// NamespaceForm is "both" or "sii" (FORMATS §10.2).
	NamespaceForm string `json:"namespace_form"`
	StrictRemarks bool   `json:"strict_remarks"`
	// BoletasREST sends the boletas of certificacion to the service of their own too. Without it they go by
	// DTEUpload, the only way on which the reviewer of the set sees them (WEBSERVICES §7).
	BoletasREST bool `json:"boletas_rest,omitempty"`
	// Intercambio is the mailbox by which the company exchanges documents with others.
	Intercambio *Intercambio `json:"intercambio,omitempty"`
	// IMAPPassword and SMTPPassword are those of Intercambio's accounts.
	IMAPPassword *Secret `json:"imap_password,omitempty"`
	SMTPPassword *Secret `json:"smtp_password,omitempty"`

	// Revision grows by one with each change: the number under which the archive keeps the configuration.
	Revision int64 `json:"revision,omitempty"`
	// Leaving is since when the company is being deleted: it has no CAFs any more and issues nothing.
	Leaving *time.Time `json:"leaving,omitempty"`
}

// Intercambio names mail servers; their passwords are secrets.
type Intercambio struct {
	Email string   `json:"email"`
	IMAP  *Mailbox `json:"imap,omitempty"`
	SMTP  *Mailbox `json:"smtp,omitempty"`
}

// Mailbox is an account at a mail server; Folder is of IMAP only. Security is tls (if empty), starttls or plain.
type Mailbox struct {
	Host   string `json:"host"`
	Port   int    `json:"port"`
	User   string `json:"user"`
	Folder string `json:"folder,omitempty"`

	Security string `json:"security,omitempty"`
}

// Block is what a company has in one environment.
type Block struct {
	FchResol    string       `json:"FchResol"` // AAAA-MM-DD
	NroResol    int          `json:"NroResol"` // 0 in certificacion
	Certificate *Certificate `json:"certificate,omitempty"`
	// Standby takes the Certificate's place when that expires.
	Standby *Certificate `json:"standby,omitempty"`
	CAFs    []CAF        `json:"cafs,omitempty"`
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

// Void is what the archive keeps of folios that were declared unused.
type Void struct {
	Reason string `json:"reason"`
}

// ErrEnvironment says that a text names no environment of the SII.
var ErrEnvironment = errors.New("company: no such environment")

// Environment reads the parameter environment of a request; "" is the company's active one.
func (c *Company) Environment(name string) (store.Environment, error) {
	if name == "" {
		return c.Active, nil
	}
	if e := store.Environment(name); e.Valid() {
		return e, nil
	}
	return "", ErrEnvironment
}

// In is what the company has in an environment; an empty block, never nil, where it has nothing.
func (c *Company) In(e store.Environment) *Block {
	if b := c.Blocks[e]; b != nil {
		return b
	}
	return &Block{}
}

// CAFsOf are the block's CAFs of a type, in the order of their folios.
func (b *Block) CAFsOf(t dte.Type) []CAF {
	var all []CAF
	for _, c := range b.CAFs {
		if c.Type == t {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(x, y CAF) int { return cmp.Compare(x.From, y.From) })
	return all
}

// UsableOn tells whether the CAF may sign a document issued on a day, both as AAAA-MM-DD.
func (c CAF) UsableOn(day string) bool {
	return c.Authorized <= day && !c.ExpiredOn(day)
}

// ExpiredOn tells whether the last day of the CAF lies before a day.
func (c CAF) ExpiredOn(day string) bool { return c.Expires != "" && c.Expires < day }

// Overlaps tells whether both are of one type and authorise some same folio.
func (c CAF) Overlaps(o CAF) bool { return c.Type == o.Type && c.From <= o.To && o.From <= c.To }
