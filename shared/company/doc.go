// Package company holds the configuration of a company: who it is, and for each environment of the SII
// its resolution, its certificate and its CAFs.
//
// A Directory reads configurations from the state bucket and keeps them for at most 30 seconds. Secrets
// are references to Secret Manager with a pinned version; a Vault turns a reference into a signer or a
// CAF and keeps it by that version, which never changes its content. Only onboard writes.
package company
