// Package received is the register of a company's purchases: each document that was sent to it, once, with
// every variant of its bytes, what was found about them and what became of it.
//
//	Add                  a variant of a document; the first one makes the Record
//	Load, Update         a Record, changed by compare-and-set
//	Register.Log, List   the gapless log of first arrivals, behind a cursor
//
// A document is its issuer, type and folio (store.ReceivedID). The same bytes in another file are the same
// Variant; other bytes under the same key are another one, and neither replaces the other: Main is the one
// that has most in its favour, never simply the last. Mail is written by anybody.
//
// Three logs hold what came in, each thing once: LogReceived the documents, LogQuarantine what could not be
// read or is not for the company, LogFiles what is no purchase (answers, cessions, result mails).
//
// Nothing here reads mail or asks the SII: that is functions/download-received.
package received
