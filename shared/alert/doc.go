// Package alert tells a company's callers of something that a person should see to: folios that run out,
// a CAF or certificate that expires, a document without verdict.
//
// Raise writes one object, the due entry of notify, which holds the whole event; notify numbers it in the
// company's log and calls the webhook. Each alert has an id of its subject and occasion, so that it is
// told once however often a tick comes upon it: raising it again costs one listing. What Raise returned an
// error for was perhaps not stored; the next tick raises it again.
package alert
