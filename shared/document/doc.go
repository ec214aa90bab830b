// Package document holds the state of each issued document, as stored under doc/ in the state bucket.
//
// generate-sign creates it, send and poll-status change it by compare-and-set, poll-status shows it.
// A document's bytes are elsewhere: store.SignedDTE in the archive bucket, never rewritten.
package document
