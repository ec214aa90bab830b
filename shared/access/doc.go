// Package access tells who calls and what he may do: API keys and Google ID tokens, verified in the
// application, in the cloud and on one machine by the same code.
//
// A Guard wraps handlers: Require for the public paths, whose Principal says for which companies and
// scopes he may act, Internal for /_push and /_tick, which take only the ID tokens of the configured
// service accounts. Neither takes the other's credentials.
//
// API keys are 256 random bits behind the prefix timbre_; only their SHA-256 is stored, as the name of
// an object. A key is remembered for at most 30 seconds, so that a revoked one is dead within a minute.
// Each credential has so many requests a second in each process (429 with Retry-After beyond).
// The bootstrap key stands in the configuration (its SHA-256), may act for every company, and alone
// creates companies.
//
// Cloud Run's invoker IAM check must be off: while it is on, it takes the signature away from ID tokens.
package access
