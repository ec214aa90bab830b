// Package onboard registers companies: who they are, their certificates and CAFs, their API keys, and
// the stock of their folios.
//
//	PUT    /v1/companies/{rut}                create (bootstrap key) or change
//	GET    /v1/companies/{rut}                the configuration, without secrets
//	PUT    /v1/companies/{rut}/certificate    a PFX with its password
//	POST   /v1/companies/{rut}/webhook:rotate a new secret of the webhook, shown once
//	POST   /v1/companies/{rut}/cafs           a CAF file as the SII delivered it
//	GET    /v1/companies/{rut}/folios         the stock of each type
//	POST   /v1/companies/{rut}/keys           an API key, shown once
//	GET    /v1/companies/{rut}/keys
//	DELETE /v1/companies/{rut}/keys/{id}
//
// Reading needs the scope read, all else admin. Certificate, CAFs and folios are of one environment:
// ?environment=, or the company's active one.
//
// It is idempotent: the key of a company is its RUT, of a certificate the company and environment, of a
// CAF the file's SHA-256 (the same file again gets the same answer). It takes no events and sends none;
// its tick has nothing to do so far. A refusal (4xx) leaves nothing behind, in no bucket and not in
// Secret Manager: all is checked before anything is stored, a secret is stored before the configuration
// names its version, and the configuration is changed by compare-and-set.
//
// Environment: that of settings.Common.
package onboard
