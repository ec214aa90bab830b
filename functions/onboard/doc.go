// Package onboard registers companies: who they are, their certificates and CAFs, their API keys, and
// the stock of their folios.
//
//	PUT    /v1/companies/{rut}                        create (bootstrap key) or change
//	GET    /v1/companies/{rut}                        the configuration, without secrets
//	DELETE /v1/companies/{rut}                        in two steps (bootstrap key)
//	PUT    /v1/companies/{rut}/certificate            a PFX with its password, present or stand-by
//	POST   /v1/companies/{rut}/certificate:promote    lets the stand-by take over
//	PUT    /v1/companies/{rut}/secrets                passwords of mailboxes
//	POST   /v1/companies/{rut}/webhook:rotate         a secret for the webhook, shown once
//	POST   /v1/companies/{rut}/cafs                   a CAF file as the SII delivered it
//	GET    /v1/companies/{rut}/folios                 the stock of each type, and how long it lasts
//	POST   /v1/companies/{rut}/folios:void            folios that are not to be used
//	POST   /v1/companies/{rut}/:check                 the doctor
//	GET    /v1/companies/{rut}/export                 a ZIP of all that is not secret
//	POST   /v1/companies/{rut}/keys                   an API key, shown once
//	GET    /v1/companies/{rut}/keys
//	DELETE /v1/companies/{rut}/keys/{id}
//
// Reading needs the scope read, all else admin, the export too. Certificates, CAFs and folios are of one
// environment: ?environment=, or the company's active one.
//
// It is idempotent: the key of a company is its RUT, of a certificate the company and environment, of a
// CAF the file's SHA-256 (the same file again gets the same answer), of a void folio the folio. A refusal
// (4xx) leaves nothing behind, in no bucket and not in Secret Manager: all is checked before anything is
// stored, a secret is stored before the configuration names its version, and the configuration is changed
// by compare-and-set.
//
// Its tick looks at each company every LOOK_EVERY: a stand-by certificate takes over on the last day of
// the present one, and alerts (shared/alert) tell of certificates, CAFs and folios that end. It takes no
// messages.
//
// Environment: that of settings.Common, SII_BASE_URL, LOOK_EVERY, and ALLOW_PRIVATE_HOSTS for runs on one
// machine.
package onboard
